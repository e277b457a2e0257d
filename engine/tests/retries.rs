//! How often a step is tried: failures are counted, a service's wish to wait is not, within reason.

extern crate caudal_engine as caudal;

use std::time::Duration;

use caudal::prelude::*;
use caudal::task::{Fact, WireState};
use caudal::testing::{FlowTest, TestedTask, run_flow};
use serde_json::json;

const BUSY: Duration = Duration::from_secs(10);

/// The attempts after which there was another, and whether each was only put off.
fn tried_again(task: &TestedTask) -> Vec<(u32, bool)> {
    let retrying = task.events.iter().filter_map(|event| match &event.fact {
        Fact::StepRetrying(step) => Some((step.attempt, step.postponed)),
        _ => None,
    });
    retrying.collect()
}

/// Asks a service that is busy five times, without a retry of its own.
#[flow]
async fn patient_flow(ctx: &mut FlowContext) -> FlowResult<u32> {
    let ask = |step: StepContext| async move {
        if step.attempt() <= 5 { Err(FlowError::retry_after(BUSY, "busy")) } else { Ok(step.attempt()) }
    };
    ctx.step("Ask", ask).retries(0).await
}

/// Goal: a step that may not be retried outlives a service that asks for patience, each wait is told, wherever it crashes.
#[tokio::test]
async fn a_wish_to_wait_is_no_failure() {
    let task = run_flow(patient_flow, json!({})).await;
    assert_eq!(task.result::<u32>(), 6);
    assert_eq!(tried_again(&task), [1, 2, 3, 4, 5].map(|attempt| (attempt, true)));
    let (first, last) = (task.events.first().unwrap().at, task.events.last().unwrap().at);
    assert!(last.since(first) >= 5 * BUSY, "each wait was as long as it was asked to be");
    FlowTest::new(patient_flow, json!({})).crash_after_every_step().await;
}

/// Asks a service that is always busy.
#[flow]
async fn hopeless_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.step("Ask", |_| async { Err(FlowError::retry_after(BUSY, "busy")) }).retries(1).await
}

/// Goal: a service that asks for patience for ever is not asked for ever: after twenty times it counts.
#[tokio::test]
async fn patience_has_an_end() {
    let task = run_flow(hopeless_flow, json!({})).await;
    assert_eq!(task.state(), WireState::Failure);
    assert_eq!(task.error().unwrap().attempt, Some(22));
    let tried = tried_again(&task);
    assert_eq!((tried.len(), tried[19], tried[20]), (21, (20, true), (21, false)));
}

/// Fails twice, and the service is busy in between.
#[flow]
async fn mixed_flow(ctx: &mut FlowContext) -> FlowResult<u32> {
    let ask = |step: StepContext| async move {
        match step.attempt() {
            1 | 3 => Err(FlowError::failed("broken")),
            2 => Err(FlowError::retry_after(BUSY, "busy")),
            attempt => Ok(attempt),
        }
    };
    ctx.step("Ask", ask).retries(2).await
}

/// Goal: failures around a wait are counted as if it had not been, also when the process changes in between.
#[tokio::test]
async fn failures_around_a_wait_are_counted() {
    let task = run_flow(mixed_flow, json!({})).await;
    assert_eq!(task.result::<u32>(), 4);
    assert_eq!(tried_again(&task), [(1, false), (2, true), (3, false)]);
    FlowTest::new(mixed_flow, json!({})).crash_after_every_step().await;
}
