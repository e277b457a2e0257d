//! Shows each thing that a flow can do, in under a minute: start it and watch.

use std::time::Duration;

use caudal::prelude::*;
use futures_util::{StreamExt as _, stream};
use serde_json::json;

use crate::count_words_flow::{CountWordsInput, count_words_flow};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct TourInput {
    /// Who travels.
    #[schemars(length(min = 1, max = 60))]
    traveller: String,
    /// Where to? Each place is visited, two at a time.
    #[schemars(length(min = 1, max = 8))]
    places: Vec<String>,
    /// How to get there.
    by: Transport,
    /// How many seconds to rest on the way. The task is parked meanwhile and costs nothing.
    #[schemars(range(max = 3600))]
    rest_seconds: u32,
    /// Ask for a person's approval before the journey home.
    ask: bool,
}

impl Default for TourInput {
    fn default() -> Self {
        Self {
            traveller: "Ada".to_owned(),
            places: ["Lisbon", "Porto", "Braga"].map(str::to_owned).to_vec(),
            by: Transport::Train,
            rest_seconds: 3,
            ask: true,
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Transport {
    Train,
    Boat,
    Bicycle,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct Visit {
    place: String,
    degrees: i64,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct TourResult {
    postcard: String,
    words_on_postcard: usize,
    visits: Vec<Visit>,
    souvenirs: Vec<String>,
    /// `null` when nobody was asked.
    approved: Option<bool>,
}

/// Shows every feature in under a minute: logs, results, streamed text, retries, fan-out, a sleep, an approval.
#[flow(title = "Take the tour", deadline = "1d")]
async fn tour_flow(ctx: &mut FlowContext, input: TourInput) -> FlowResult<TourResult> {
    ctx.log(format!("Welcome, {}. Close this window at any time: the tour goes on.", input.traveller));
    ctx.progress(5, "Packing");
    pack(ctx, input.by).await?;
    ctx.progress(15, "Getting a ticket");
    get_ticket(ctx).await?;
    ctx.progress(30, "Travelling");
    let visits = visit_all(ctx, &input.places).await?;
    ctx.progress(50, "Looking for souvenirs");
    let souvenirs = buy_souvenirs(ctx).await?;
    ctx.progress(60, format!("Resting for {} s, parked", input.rest_seconds));
    ctx.sleep(Duration::from_secs(input.rest_seconds.into())).await?;
    ctx.progress(70, "Writing a postcard");
    let postcard = write_postcard(ctx, &input).await?;
    // Another flow, as a task of its own.
    let counted = ctx.run_child(count_words_flow, &CountWordsInput { text: postcard.clone(), top: 3 }).await?;
    ctx.progress(90, "Asking whether to go home");
    let approved = match input.ask {
        true => Some(ask_to_go_home(ctx).await?),
        false => None,
    };
    ctx.progress(100, "Home again");
    Ok(TourResult { postcard, words_on_postcard: counted.words, visits, souvenirs, approved })
}

/// Log lines and results, and a progress of its own.
async fn pack(ctx: &mut FlowContext, by: Transport) -> FlowResult<()> {
    ctx.step("Pack the bag", |step| async move {
        let things = ["a map", "a raincoat", "something to read"];
        for (place, thing) in things.iter().enumerate() {
            step.log(format!("Packed {thing}"));
            step.progress(5 + 3 * u8::try_from(place).unwrap_or(0), format!("Packed {thing}"));
            step.sleep(Duration::from_millis(250)).await;
        }
        step.tool_result("bag", &json!({ "by": by, "things": things, "kilograms": 7.5 }));
        Ok(())
    })
    .await
}

/// Fails twice and then works. What a failed attempt told as a result is dropped, its log lines stay.
async fn get_ticket(ctx: &mut FlowContext) -> FlowResult<String> {
    ctx.step("Get a ticket", |step| async move {
        step.sleep(Duration::from_millis(300)).await;
        if step.attempt() < 3 {
            step.warn("The ticket machine does not answer");
            return Err(FlowError::retry_after(Duration::from_millis(700), "the ticket machine does not answer"));
        }
        step.log(format!("Got one at attempt {}", step.attempt()));
        // The same for each attempt: by it a real shop would not sell the ticket twice.
        step.tool_result("ticket", &json!({ "order": step.idempotency_key() }));
        Ok("seat 42".to_owned())
    })
    .retries(3)
    .await
}

/// Fan-out: the same for each item, two at a time, each in a scope of its own.
async fn visit_all(ctx: &mut FlowContext, places: &[String]) -> FlowResult<Vec<Visit>> {
    ctx.map("Visit", places.to_vec(), 2, |mut ctx, place| async move {
        let name = format!("Visit {place}");
        ctx.step(name, move |step| {
            let place = place.clone();
            async move {
                step.sleep(Duration::from_millis(900)).await;
                let degrees = 14 + i64::try_from(place.len()).unwrap_or(0);
                let visit = Visit { place, degrees };
                step.tool_result("weather", &visit);
                Ok(visit)
            }
        })
        .await
    })
    .await
}

/// Concurrency written by hand: each branch is a scope of its own, so that a replay finds each one's steps.
async fn buy_souvenirs(ctx: &mut FlowContext) -> FlowResult<Vec<String>> {
    let (mut market, mut bakery) = (ctx.branch("market"), ctx.branch("bakery"));
    let (tile, cakes) = tokio::join!(
        async move {
            market.log("At the market");
            market.step("Buy a tile", |step| buy(step, "a blue tile", 700)).await
        },
        async move {
            bakery.log("At the bakery");
            bakery.step("Buy cakes", |step| buy(step, "six custard cakes", 400)).await
        },
    );
    Ok(vec![tile?, cakes?])
}

async fn buy(step: StepContext, what: &str, millis: u64) -> FlowResult<String> {
    step.sleep(Duration::from_millis(millis)).await;
    step.emit("bought", &json!({ "what": what }));
    Ok(what.to_owned())
}

/// Text that is seen word by word while it is written.
async fn write_postcard(ctx: &mut FlowContext, input: &TourInput) -> FlowResult<String> {
    let text = format!(
        "Dear friends,\n\nwe have seen {}, and it only rained when we had our coats on. Nothing we did was done twice, \
         nothing was lost, and when the lights went out we went on where we had stopped.\n\nUntil soon, {}",
        listed(&input.places),
        input.traveller
    );
    ctx.step("Write a postcard", |step| {
        let words: Vec<String> = text.split_inclusive([' ', '\n']).map(str::to_owned).collect();
        async move {
            let pace = step.clone();
            let written = stream::iter(words).then(move |word| {
                let pace = pace.clone();
                async move {
                    pace.sleep(Duration::from_millis(60)).await;
                    Ok(word)
                }
            });
            step.stream_text(written).await
        }
    })
    .await
}

/// `Lisbon, Porto and Braga`.
fn listed(places: &[String]) -> String {
    match places {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Waits for a person, for as long as it takes.
async fn ask_to_go_home(ctx: &mut FlowContext) -> FlowResult<bool> {
    let approval = ctx.ask_approval("The bags are full. Shall we go home?").await?;
    let comment = approval.comment.map(|comment| format!(" (“{comment}”)")).unwrap_or_default();
    match approval.approved {
        true => ctx.log(format!("Going home{comment}")),
        false => ctx.warn(format!("Nobody wants to go home{comment}, but the tour is over")),
    }
    Ok(approval.approved)
}

#[cfg(test)]
mod tests {
    use caudal::task::Fact;
    use caudal::testing::{FlowTest, run_flow};

    use super::*;

    /// Goal: what the tour promises to show is in its log.
    #[tokio::test]
    async fn shows_every_feature() {
        let task = run_flow(tour_flow, json!({})).await;
        let result: TourResult = task.result();
        assert_eq!((result.visits.len(), result.approved), (3, Some(true)));
        for kind in [
            "log", "progress", "tool_result", "chunk", "custom", "step.retrying", "timer.set", "approval.asked",
            "approval.answered", "child.started", "child.ended", "task.waiting",
        ] {
            assert!(task.events.iter().any(|event| event.fact.kind() == kind), "{kind} is missing");
        }
        let retries = task.events.iter().filter(|event| matches!(event.fact, Fact::StepRetrying(_)));
        assert_eq!(retries.count(), 2);
    }

    /// Goal: with nobody to answer, it takes less than a minute.
    #[tokio::test]
    async fn takes_less_than_a_minute() {
        let task = run_flow(tour_flow, json!({})).await;
        let (first, last) = (task.events.first().unwrap(), task.events.last().unwrap());
        assert!(last.at.since(first.at) < Duration::from_secs(60), "{:?}", last.at.since(first.at));
    }

    /// Goal: a refusal ends the tour too, and is in the result.
    #[tokio::test]
    async fn hears_a_no() {
        let task = FlowTest::new(tour_flow, json!({ "places": ["Faro"] })).refusing("one more day").run().await;
        assert_eq!(task.result::<TourResult>().approved, Some(false));
        assert!(task.logs().iter().any(|line| line.contains("one more day")));
    }

    /// Goal: wherever it crashes, it ends the same.
    #[tokio::test]
    async fn survives_crashes() {
        let seeds = if std::env::var_os("CAUDAL_TEST_ALL").is_some() { 50 } else { 4 };
        FlowTest::new(tour_flow, json!({})).seeds(seeds).crash_after_every_step().await;
    }
}
