//! When an outcome becomes durable, and what may happen before.

extern crate caudal_engine as caudal;

mod desk;

use std::sync::{Arc, OnceLock};

use caudal::ports::TaskStore;
use caudal::prelude::*;
use caudal::task::TaskId;
use caudal::testing::memory::MemoryStore;
use caudal::use_cases::run::RunEnd;
use desk::Desk;
use serde_json::json;

static STORE: OnceLock<Arc<MemoryStore>> = OnceLock::new();

/// What the store has of this task, by kind.
async fn stored(task: TaskId) -> FlowResult<Vec<String>> {
    let log = STORE.get().ok_or_else(|| FlowError::failed("no store"))?.events(task, 0, usize::MAX).await?;
    Ok(log.iter().map(|entry| entry.kind().to_owned()).collect())
}

/// Looks into its own log behind a step, behind a recorded time, and beside a branch that has ended.
#[flow]
async fn looking_flow(ctx: &mut FlowContext) -> FlowResult<Vec<Vec<String>>> {
    let task = ctx.task_id();
    let look = move |_| async move { stored(task).await };
    ctx.step("One", |_| async { Ok(()) }).await?;
    let behind_step = ctx.step("Two", look).await?;
    ctx.now();
    let behind_time = ctx.step("Three", look).await?;
    let failed = ctx.step("Four", |_| async { FlowResult::<()>::Err(FlowError::give_up("planned")) }).await;
    assert!(failed.is_err());
    let behind_failure = ctx.step("Five", look).await?;
    Ok(vec![behind_step, behind_time, behind_failure])
}

/// Goal: no step begins before what came before it is durable: an outcome, good or bad, and a time; and yet the flow has
/// an outcome at once, so that the last one goes out with the end.
#[tokio::test]
async fn effects_wait_for_outcomes() {
    let desk = Desk::with(looking_flow, json!({})).await;
    let _set_once = STORE.set(desk.store.clone());
    // The store takes its time: each of its first answers is an error, and the write is sent again.
    desk.store.refuse_writes(6);
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    let result: Vec<Vec<String>> = serde_json::from_str(desk.view().await.final_result.unwrap().text()).unwrap();
    let count = |seen: &[String], kind: &str| seen.iter().filter(|one| *one == kind).count();
    assert_eq!(count(&result[0], "step.succeeded"), 1);
    assert_eq!((count(&result[1], "step.succeeded"), count(&result[1], "recorded")), (2, 1));
    assert_eq!((count(&result[2], "step.succeeded"), count(&result[2], "step.failed")), (3, 1));
    // One, Two with the time, Three, Four, and Five with the end.
    assert_eq!(desk.store.writes(), 5);
}
