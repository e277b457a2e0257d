//! How long a step may take, how many children a task may have, how often it may take its worker down.

extern crate caudal_engine as caudal;

mod desk;

use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use caudal::prelude::*;
use caudal::task::{Fact, Limits};
use caudal::testing::FlowTest;
use caudal::use_cases::run::RunEnd;
use desk::Desk;
use serde_json::json;

/// Hangs at its first attempt, in one way or the other.
#[flow]
async fn slow_step_flow(ctx: &mut FlowContext) -> FlowResult<(u32, u32)> {
    let timed = ctx.step("Timed", |step| async move {
        if step.attempt() == 1 {
            // It reports all the time, and takes too long all the same.
            loop {
                step.progress(1, "still at it");
                step.sleep(Duration::from_secs(1)).await;
            }
        }
        Ok(step.attempt())
    });
    let timed = timed.timeout(Duration::from_secs(60)).await?;
    let stalled = ctx.step("Stalled", |step| async move {
        if step.attempt() == 1 {
            step.log("the last that is heard");
            step.sleep(Duration::from_secs(3600)).await;
        }
        // A minute and a half in all, but never half a minute in silence.
        for _ in 0..9 {
            step.sleep(Duration::from_secs(10)).await;
            step.log("alive");
        }
        Ok(step.attempt())
    });
    let stalled = stalled.stall(Duration::from_secs(30)).await?;
    Ok((timed, stalled))
}

/// Goal: an attempt that takes too long, or reports nothing for too long, fails saying so, and the next one begins.
#[tokio::test]
async fn attempts_end_in_time() {
    let task = FlowTest::new(slow_step_flow, json!({})).run().await;
    assert_eq!(task.result::<(u32, u32)>(), (2, 2));
    let retried = task.events.iter().filter_map(|event| match &event.fact {
        Fact::StepRetrying(step) => Some((&*step.name, &*step.error.kind, &*step.error.message)),
        _ => None,
    });
    let expected = [("Timed", "timeout", "took longer than 60s"), ("Stalled", "stalled", "reported nothing for 30s")];
    assert_eq!(retried.collect::<Vec<_>>(), expected);
}

/// Nothing to do.
#[flow]
async fn leaf_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let _ = ctx;
    Ok(())
}

/// Has a child like itself.
#[flow]
async fn nesting_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.run_child(nesting_flow, &json!({})).await
}

/// Has more and more children.
#[flow]
async fn fertile_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    loop {
        ctx.start_child(leaf_flow, &json!({})).await?;
    }
}

/// Goal: children are nested no deeper than the limit, and the one at the bottom is told.
#[tokio::test]
async fn the_depth_of_children_is_bounded() {
    let task = FlowTest::new(nesting_flow, json!({})).run().await;
    let error = task.error().unwrap();
    assert!(error.message.ends_with("children are nested 32 deep; that is the limit"), "{}", error.message);
}

/// Goal: a task has no more children than the limit.
#[tokio::test]
async fn the_number_of_children_is_bounded() {
    let limits = Limits { children_per_task: 3, ..Limits::default() };
    let desk = Desk::with_limits(fertile_flow, json!({}), limits).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Failed);
    assert_eq!(desk.count("child.started").await, 3);
    assert_eq!(&*desk.view().await.error.unwrap().message, "a task has at most 3 children");
}

static RUNS: AtomicU32 = AtomicU32::new(0);

/// Its loser is dropped while it works; then the winner hangs.
#[flow]
async fn abandoned_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    RUNS.fetch_add(1, Ordering::SeqCst);
    let mut loser = ctx.branch("loser");
    let hang = loser.step("Lost", |_| pending::<FlowResult<()>>());
    let quick = ctx.step("Quick", |_| async { Ok(()) });
    tokio::select! {
        biased;
        hung = hang => hung?,
        quick = quick => quick?,
    }
    ctx.step("Deadly", |_| pending::<FlowResult<()>>()).await
}

/// Goal: the verdict on a task that takes its worker down names the step that was under way, not one that was dropped.
#[tokio::test]
async fn a_verdict_names_the_step_that_was_under_way() {
    use caudal::task::crash_loop::FATAL_TAKEOVERS;
    use caudal::use_cases::rescue::rescue;
    let limits = Limits { crash_loop_backoff: Duration::ZERO, ..Limits::default() };
    let desk = Desk::with_limits(abandoned_flow, json!({}), limits).await;
    let (_hold, running) = desk.run().await;
    desk.wait_for("step.cancelled", 1).await;
    desk.wait_for("step.started", 3).await;
    running.abort();
    // The step that finished has forgotten what came before it.
    for _ in 0..FATAL_TAKEOVERS {
        desk.store.expire_claims();
        rescue(&desk.engine).await.unwrap();
        if desk.record().await.state.is_ended() {
            break;
        }
        desk.claim().await;
    }
    let error = desk.view().await.error.unwrap();
    assert_eq!((&*error.kind, error.step.as_deref()), ("crash_loop", Some("Deadly")));
    assert_eq!(RUNS.load(Ordering::SeqCst), 1);
}
