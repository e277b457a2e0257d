//! What is done at once is found again, fails once, and cannot change its name unnoticed.

#![expect(clippy::unwrap_used, reason = "a test fails where its task does")]

extern crate caudal_engine as caudal;

mod desk;

use std::future::pending;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use caudal::ports::Control;
use caudal::prelude::*;
use caudal::task::event::{StepStarted, StepSucceeded, TaskPaused};
use caudal::task::{Fact, Json, PauseReason};
use caudal::testing::FlowTest;
use caudal::use_cases::run::RunEnd;
use desk::Desk;
use serde_json::json;

static TRIED: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Its last item fails while the others hang; then it waits.
#[flow]
async fn half_broken_flow(ctx: &mut FlowContext) -> FlowResult<String> {
    let mapped = ctx.map("Boxes", 0..3u32, 3, |mut ctx, item| async move {
        TRIED.lock().unwrap().push(item);
        ctx.step("Weigh", move |_| async move {
            if item == 2 { Err(FlowError::give_up("too heavy")) } else { pending::<FlowResult<()>>().await }
        })
        .await
    });
    let Err(error) = mapped.await else { return Err(FlowError::give_up("nothing failed")) };
    ctx.wait_for_signal::<bool>("go").await?;
    Ok(error.to_string())
}

/// Goal: once an item has ended a `map`, a replay runs that item and no other.
#[tokio::test]
async fn a_failed_map_fails_the_same_way_again() {
    let desk = Desk::with(half_broken_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
    assert_eq!(std::mem::take(&mut *TRIED.lock().unwrap()), [0, 1, 2]);
    let started = desk.count("step.started").await;
    desk.signal("go", json!(true)).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    assert_eq!(*TRIED.lock().unwrap(), [2]);
    assert_eq!(desk.count("step.started").await, started, "what was cancelled is not begun again");
    assert_eq!(desk.view().await.final_result.unwrap().text(), r#""too heavy""#);
}

static TRIES: AtomicU32 = AtomicU32::new(0);

/// Its `map` fails once, then the whole flow is tried again.
#[flow(retries = 1)]
async fn mending_flow(ctx: &mut FlowContext) -> FlowResult<Vec<u32>> {
    ctx.map("Boxes", 0..3u32, 1, |mut ctx, item| async move {
        ctx.step("Weigh", move |_| async move {
            if item == 1 && TRIES.fetch_add(1, Ordering::SeqCst) == 0 {
                return Err(FlowError::failed("no scale"));
            }
            Ok(item)
        })
        .retries(0)
        .await
    })
    .await
}

/// Goal: a flow that is tried again tries all items again, and keeps those that had finished.
#[tokio::test]
async fn a_failed_map_is_tried_again_with_its_flow() {
    let task = FlowTest::new(mending_flow, json!({})).run().await;
    assert_eq!(task.result::<Vec<u32>>(), [0, 1, 2]);
    assert_eq!(task.finished_steps()["Weigh"], 3);
}

/// Which code is deployed: 0 is the right one.
static DEPLOYED: AtomicU32 = AtomicU32::new(0);
static WEIGHED: AtomicU32 = AtomicU32::new(0);

/// Weighs boxes in a `map` and in a branch, under other names or not at all after bad deploys.
#[flow]
async fn renamed_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let deployed = DEPLOYED.load(Ordering::SeqCst);
    let weigh = |mut ctx: FlowContext, _: u32| async move {
        ctx.step("Weigh", |_| async {
            WEIGHED.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
        .await
    };
    if deployed != 3 {
        ctx.map(if deployed == 1 { "Crates" } else { "Boxes" }, 0..2u32, 2, weigh).await?;
    }
    let branch = ctx.branch(if deployed == 2 { "right" } else { "left" });
    weigh(branch, 0).await?;
    ctx.wait_for_signal::<bool>("go").await?;
    if deployed != 4 {
        weigh(ctx.branch("last"), 0).await?;
    }
    ctx.wait_for_signal::<bool>("end").await?;
    Ok(())
}

/// Goal: a `map` or a branch that has another name, or is gone, pauses the task before anything runs again, and the right
/// code goes on where it was.
#[tokio::test]
async fn a_scope_does_not_change_unnoticed() {
    let desk = Desk::with(renamed_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
    desk.signal("go", json!(true)).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
    desk.signal("end", json!(true)).await;
    let details = [
        "log has Boxes/1, code met Crates/1",
        "log has left/1, code met right/1",
        "log has Boxes/1, code met left/1",
        "log has last/1, code ended before it",
    ];
    for (deployed, expected) in (1..).zip(details) {
        DEPLOYED.store(deployed, Ordering::SeqCst);
        assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Paused, "{expected}");
        let events = desk.events().await;
        let Some(Fact::TaskPaused(TaskPaused { reason, detail })) = events.last().map(|event| event.fact.clone())
        else {
            panic!("{:?}", events.last())
        };
        assert_eq!((reason, detail.as_deref()), (PauseReason::CodeMismatch, Some(expected)));
        desk.control(Control::Resume).await;
    }
    DEPLOYED.store(0, Ordering::SeqCst);
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    assert_eq!(WEIGHED.load(Ordering::SeqCst), 4);
}

/// One step in a branch.
#[flow]
async fn old_flow(ctx: &mut FlowContext) -> FlowResult<u32> {
    let mut branch = ctx.branch("left");
    branch.step("Weigh", |_| async { Ok(2) }).await
}

/// Goal: a log from before scopes had places is gone on with.
#[tokio::test]
async fn a_log_without_places_of_scopes_goes_on() {
    let desk = Desk::with(old_flow, json!({})).await;
    let claimed = desk.claim().await;
    let step: caudal::task::Key = "left/1/Weigh/1".into();
    let facts: [Fact; 2] = [
        StepStarted { step: step.clone(), name: "Weigh".into(), attempt: 1, ordinal: 0 }.into(),
        StepSucceeded { step, name: "Weigh".into(), attempt: 1, result: Json::from(json!(1)) }.into(),
    ];
    let now = desk.engine.clock.now();
    desk.write_and_release(&claimed, facts.iter().map(|fact| fact.encode(now)).collect()).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    assert_eq!(desk.view().await.final_result.unwrap().text(), "1");
}
