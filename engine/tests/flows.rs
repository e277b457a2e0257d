//! Flows on the kit: what a flow's author can rely on.

// As an author's crate knows it.
extern crate caudal_engine as caudal;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use caudal::prelude::*;
use caudal::task::{Fact, WireState};
use caudal::testing::{FlowTest, crash_after_every_step, run_flow};

use serde_json::json;

#[derive(Deserialize, JsonSchema)]
struct Order {
    pieces: u32,
}

/// Nested fan-out with hand-written branches in it.
#[flow]
async fn nested_flow(ctx: &mut FlowContext, order: Order) -> FlowResult<Vec<u32>> {
    ctx.log("begin");
    let totals = ctx
        .map("Boxes", 0..order.pieces, 2, |mut ctx, item| async move {
            let (mut left, mut right) = (ctx.branch("left"), ctx.branch("right"));
            let left = async move {
                left.log(format!("left of {item}"));
                let one = left.step("Weigh", |_| async move { Ok(item) }).await?;
                left.step("Weigh", move |step| async move {
                    step.log("again");
                    Ok(one + 1)
                })
                .await
            };
            let right = async move {
                right
                    .map("Parts", 0..2u32, 2, |mut ctx, part| async move {
                        ctx.step("Count", |_| async move { Ok(part) }).await
                    })
                    .await
            };
            let (left, right) = tokio::join!(left, right);
            Ok(left? + right?.into_iter().sum::<u32>())
        })
        .await?;
    ctx.progress(100, "all weighed");
    Ok(totals)
}

/// Goal: concurrency finishes the same whatever order its branches end in, and wherever the worker dies.
#[tokio::test]
async fn nested_concurrency_survives_every_crash() {
    assert_eq!(run_flow(nested_flow, json!({ "pieces": 3 })).await.result::<Vec<u32>>(), [2, 3, 4]);
    FlowTest::new(nested_flow, json!({ "pieces": 3 })).seeds(100).crash_after_every_step().await;
}

static ATTEMPTS: AtomicU32 = AtomicU32::new(0);

/// Everything that waits, fails, races and asks.
#[flow]
async fn busy_flow(ctx: &mut FlowContext) -> FlowResult<String> {
    let began = ctx.now();
    ctx.sleep(Duration::from_secs(3 * 24 * 3600)).await?;
    let flaky = ctx
        .step("Flaky", |step| async move {
            ATTEMPTS.fetch_add(1, Ordering::SeqCst);
            step.text("some ").await?;
            step.tool_result("scale", &json!({ "attempt": step.attempt() }));
            if step.attempt() < 3 { Err(FlowError::failed("not yet")) } else { Ok(step.attempt()) }
        })
        .retries(4)
        .await?;
    let approval = ctx.ask_approval("Go on?").await?;
    let name: String = ctx.wait_for_signal("name").await?;
    let nobody = ctx.wait_for_signal_within::<String>("nobody", Duration::from_secs(60)).await?;
    let (mut quick, mut slow) = (ctx.branch("quick"), ctx.branch("slow"));
    let runners: Vec<futures_util::future::BoxFuture<'static, FlowResult<u32>>> = vec![
        Box::pin(async move {
            slow.sleep(Duration::from_secs(3600)).await?;
            Ok(1)
        }),
        Box::pin(async move { quick.step("Quick", |_| async { Ok(2) }).await }),
    ];
    let (winner, value) = ctx.race("First", runners).await?;
    let boxes: Vec<u32> = ctx.run_child(nested_flow, &json!({ "pieces": 2 })).await?;
    let id = ctx.new_id();
    let again = ctx.now();
    Ok(format!(
        "{flaky} {} {name} {} {winner} {value} {boxes:?} {} {}",
        approval.approved,
        nobody.is_none(),
        id.len(),
        again.since(began) > Duration::from_secs(3 * 24 * 3600)
    ))
}

fn busy() -> FlowTest {
    FlowTest::new(busy_flow, json!({})).signal("name", "Ada")
}

/// Goal: every kind of wait, retry and child gives the same result with and without crashes.
#[tokio::test]
async fn waits_and_children_survive_every_crash() {
    let task = busy().run().await;
    assert_eq!(task.result::<String>(), "3 true Ada true 1 2 [2, 3] 36 true");
    busy().seeds(2).crash_after_every_step().await;
}

/// Goal: a three-day sleep parks the task, so that no worker holds it.
#[tokio::test]
async fn long_waits_park() {
    let task = busy().run().await;
    let parked = task.events.iter().filter(|event| matches!(event.fact, Fact::TaskWaiting(_))).count();
    assert!(parked >= 4, "sleep, retries, approval, signal, child: parked {parked} times");
}

/// Fails in its second step, for good.
#[flow(retries = 1)]
async fn failing_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.step("Fine", |_| async { Ok(()) }).await?;
    ctx.step("Broken", |_| async { Err::<(), _>(FlowError::failed("no paper")) }).retries(1).await
}

/// Goal: a failure says which step, after all attempts of step and flow; finished steps are kept between them.
#[tokio::test]
async fn failures_explain_themselves() {
    let task = run_flow(failing_flow, json!({})).await;
    assert_eq!(task.state(), WireState::Failure);
    let error = task.error().unwrap();
    assert_eq!((error.step.as_deref(), error.attempt, &*error.message), (Some("Broken"), Some(2), "no paper"));
    assert_eq!(task.finished_steps()["Fine"], 1);
    let tries =
        task.events.iter().filter(|event| matches!(&event.fact, Fact::StepStarted(step) if &*step.name == "Broken"));
    assert_eq!(tries.count(), 4);
}

/// Panics once in a step, and once outside.
#[flow]
async fn panicking_flow(ctx: &mut FlowContext) -> FlowResult<u32> {
    ctx.step("Panic", |step| async move {
        assert!(step.attempt() > 1, "the first attempt panics");
        Ok(1)
    })
    .await?;
    #[expect(clippy::panic, reason = "what this flow is for")]
    {
        panic!("outside of a step")
    }
}

/// Goal: a panic is a failed attempt, nothing more.
#[tokio::test]
async fn panics_are_failures() {
    let task = run_flow(panicking_flow, json!({})).await;
    let error = task.error().unwrap();
    assert_eq!((&*error.kind, &*error.message), ("panic", "panicked: outside of a step"));
    assert_eq!(task.finished_steps()["Panic"], 1);
}

/// Counts down, a task for each number.
#[flow]
async fn endless_flow(ctx: &mut FlowContext, order: Order) -> FlowResult<u32> {
    ctx.step("Work", |_| async { Ok(()) }).await?;
    if order.pieces > 0 {
        return ctx.continue_as_new(&json!({ "pieces": order.pieces - 1 }));
    }
    Ok(7)
}

/// Goal: `continue_as_new` ends one task and goes on in the next, exactly once, wherever it crashes.
#[tokio::test]
async fn continues_as_new() {
    assert_eq!(run_flow(endless_flow, json!({ "pieces": 3 })).await.result::<u32>(), 7);
    crash_after_every_step(endless_flow, json!({ "pieces": 2 })).await;
}

/// Streams a text of many words.
#[flow]
async fn words_flow(ctx: &mut FlowContext) -> FlowResult<String> {
    ctx.step("Write", |step| async move {
        let mut text = String::new();
        for word in 0..50 {
            let word = format!("w{word} ");
            step.text(&word).await?;
            step.sleep(Duration::from_millis(30)).await;
            text.push_str(&word);
        }
        Ok(text)
    })
    .await
}

/// Goal: streamed text has no doubled and no lost words after a crash.
#[tokio::test]
async fn streams_survive_every_crash() {
    crash_after_every_step(words_flow, json!({})).await;
}

static RUNS: AtomicU32 = AtomicU32::new(0);

/// Tells somebody else each time that it is run.
#[flow]
async fn forgetful_flow(ctx: &mut FlowContext, order: Order) -> FlowResult<u32> {
    let pieces = ctx.step("Pack", |_| async move { Ok(order.pieces) }).await?;
    let run = RUNS.fetch_add(1, Ordering::SeqCst);
    ctx.notify(Notification::new("plain").to(&format!("reader{run}@example.org"))).await?;
    Ok(pieces)
}

/// Goal: a test of crashes fails when they change who is told, though nothing else differs.
#[tokio::test]
#[should_panic(expected = "the task ended differently")]
async fn crashes_change_nobody_who_is_told() {
    crash_after_every_step(forgetful_flow, json!({ "pieces": 3 })).await;
}

/// Tells each of some people beside the others.
#[flow]
async fn telling_flow(ctx: &mut FlowContext, order: Order) -> FlowResult<u32> {
    let told = ctx.map("People", 0..order.pieces, 2, |mut ctx, person| async move {
        ctx.notify(Notification::new("plain").to(&format!("reader{person}@example.org"))).await?;
        ctx.step("Count", |_| async move { Ok(1) }).await
    });
    Ok(told.await?.into_iter().sum())
}

/// Goal: wherever it crashes, each of several who are told at the same time is told once.
#[tokio::test]
async fn telling_several_survives_every_crash() {
    FlowTest::new(telling_flow, json!({ "pieces": 3 })).seeds(10).crash_after_every_step().await;
}
