//! A flow without end: what came for the old task is there for the new one.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails where its task does")]

extern crate caudal_engine as caudal;

mod desk;

use std::sync::Arc;

use caudal::Engine;
use caudal::ports::Control;
use caudal::prelude::*;
use caudal::task::{Fact, Limits};
use caudal::use_cases::run::{Hold, RunEnd, run_task};
use desk::Desk;
use serde_json::json;
use tokio::sync::Notify;

#[derive(Deserialize, JsonSchema)]
struct Sum {
    #[serde(default)]
    so_far: u32,
}

static GATE: Notify = Notify::const_new();

/// Adds one number per task.
#[flow]
async fn summing_flow(ctx: &mut FlowContext, sum: Sum) -> FlowResult<u32> {
    let so_far = sum.so_far + ctx.wait_for_signal::<u32>("number").await?;
    if so_far >= 6 {
        return Ok(so_far);
    }
    ctx.step("Ponder", |_| async {
        GATE.notified().await;
        Ok(())
    })
    .await?;
    ctx.continue_as_new(&json!({ "so_far": so_far }))
}

async fn heir(desk: &mut Desk) {
    let events = desk.events().await;
    let Some(Fact::TaskSucceeded(ended)) = events.last().map(|event| event.fact.clone()) else {
        panic!("{:?}", events.last())
    };
    desk.task = ended.continued_as.unwrap();
}

/// Goal: signals that were accepted before a task went on in another are consumed by that one, each once, in order.
#[tokio::test]
async fn accepted_signals_go_along() {
    let mut desk = Desk::with(summing_flow, json!({})).await;
    desk.signal("number", json!(1)).await;
    desk.signal("number", json!(2)).await;
    let (_hold, running) = desk.run().await;
    desk.wait_for("step.started", 1).await;
    desk.signal("number", json!(3)).await;
    GATE.notify_one();
    assert_eq!(running.await.unwrap(), RunEnd::Succeeded);
    heir(&mut desk).await;
    GATE.notify_one();
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    heir(&mut desk).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    assert_eq!(desk.view().await.final_result.unwrap().text(), "6");
}

/// Goes on with what it was given.
#[flow]
async fn forwarding_flow(ctx: &mut FlowContext, sum: Sum) -> FlowResult<()> {
    let _ = sum;
    let next: serde_json::Value = ctx.wait_for_signal("next").await?;
    ctx.continue_as_new(&next)
}

/// Goal: a flow goes on only with an input that its start would have taken.
#[tokio::test]
async fn a_flow_goes_on_with_a_valid_input_only() {
    let limits = Limits { payload_bytes: 1_000, ..Limits::default() };
    let long = json!({ "so_far": 1, "more": "x".repeat(900) });
    for (next, kind) in [(json!({ "so_far": "many" }), "invalid_input"), (long, "give_up")] {
        let desk = Desk::with_limits(forwarding_flow, json!({}), limits.clone()).await;
        // Around the signal's own bound: what a flow makes of it is the flow's.
        desk.signal("next", next).await;
        let limits = Limits { payload_bytes: 500, ..limits.clone() };
        let engine = Engine { limits: Arc::new(limits), ..desk.engine.clone() };
        let claimed = desk.claim().await;
        assert_eq!(run_task(&engine, claimed, Hold::new(None)).await, RunEnd::Failed);
        assert_eq!(&*desk.view().await.error.unwrap().kind, kind);
    }
}

/// Is cancelled by its last step, when nobody has told its execution yet.
#[flow]
async fn endless_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.continue_as_new(&json!({}))
}

/// Goal: a cancel that comes when a task is about to go on in another ends it; it does not live on under a new id.
#[tokio::test]
async fn a_cancel_ends_a_flow_without_end() {
    let desk = Desk::with(endless_flow, json!({})).await;
    let claimed = desk.claim().await;
    desk.control(Control::Cancel).await;
    let end = run_task(&desk.engine, claimed, Hold::new(None)).await;
    assert_eq!(end, RunEnd::Cancelled);
}
