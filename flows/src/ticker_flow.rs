//! A flow whose view changes at a steady pace and says when: by it a watcher can tell how old what it sees is.

use std::time::{Duration, Instant, SystemTime};

use caudal::prelude::*;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct TickerInput {
    /// Changes of the view per second.
    #[schemars(range(min = 0.01, max = 1000.0))]
    hz: f64,
    /// For how long.
    #[schemars(range(min = 0.0, max = 86_400.0))]
    secs: f64,
}

impl Default for TickerInput {
    fn default() -> Self {
        Self { hz: 10.0, secs: 10.0 }
    }
}

/// Changes its view so many times a second; each status holds the time at which it was told.
#[flow(title = "Ticker", diagnostics)]
async fn ticker_flow(ctx: &mut FlowContext, input: TickerInput) -> FlowResult<u32> {
    ctx.step("Tick", |step| tick(step, input.hz, input.secs)).await
}

async fn tick(step: StepContext, hz: f64, secs: f64) -> FlowResult<u32> {
    let pause = Duration::try_from_secs_f64(1.0 / hz)?;
    let ticks = whole(hz * secs);
    let mut due = Pace::start();
    for tick in 1..=ticks {
        step.sleep(due.next(pause)).await;
        let percent = u64::from(tick) * 99 / u64::from(ticks.max(1));
        step.progress(u8::try_from(percent).unwrap_or(99), format!("t={:.6}", unix_seconds()));
    }
    Ok(ticks)
}

/// Keeps the pace: a tick that came late makes the next pause shorter, so that `secs` stays what it says.
struct Pace {
    began: Instant,
    due: Duration,
}

impl Pace {
    #[expect(clippy::disallowed_methods, reason = "inside a step, where nothing is replayed")]
    fn start() -> Self {
        Self { began: Instant::now(), due: Duration::ZERO }
    }

    fn next(&mut self, pause: Duration) -> Duration {
        self.due += pause;
        self.due.saturating_sub(self.began.elapsed())
    }
}

/// The schema keeps it below 86,400,000.
fn whole(ticks: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let ticks = ticks.round() as u32;
    ticks
}

#[expect(clippy::disallowed_methods, reason = "inside a step, and the time that the watcher's clock shows is wanted")]
fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use caudal::task::Fact;
    use caudal::testing::run_flow;
    use serde_json::json;

    use super::*;

    /// Goal: so many changes, each with its time, and no results that grow.
    #[tokio::test]
    async fn ticks_as_often_as_asked() {
        let task = run_flow(ticker_flow, json!({ "hz": 500, "secs": 0.04 })).await;
        let times: Vec<f64> = task
            .events
            .iter()
            .filter_map(|event| match &event.fact {
                Fact::Progress(progress) => progress.message.strip_prefix("t=")?.parse().ok(),
                _ => None,
            })
            .collect();
        assert_eq!((task.result::<u32>(), times.len()), (20, 20));
        assert!(times.is_sorted() && times[0] > 1.7e9);
        assert!(!task.events.iter().any(|event| matches!(event.fact.kind(), "log" | "tool_result" | "chunk")));
    }
}
