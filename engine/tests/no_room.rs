//! A store that has no room for new tasks, but takes what running ones write.

#![expect(clippy::unwrap_used, reason = "a test fails where its task does")]

extern crate caudal_engine as caudal;

mod desk;

use std::future::pending;
use std::time::Duration;

use caudal::ports::{Clock, Control};
use caudal::prelude::*;
use caudal::task::TaskState;
use caudal::use_cases::run::RunEnd;
use desk::Desk;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

const LONG: Duration = Duration::from_secs(20);
/// The first pause between two tries is no longer.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

async fn end_of(running: JoinHandle<RunEnd>) -> RunEnd {
    tokio::time::timeout(LONG, running).await.unwrap().unwrap()
}

/// Does nothing.
#[flow]
async fn leaf_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let _ = ctx;
    Ok(())
}

static GATES: [Notify; 2] = [const { Notify::const_new() }; 2];

#[derive(Deserialize, JsonSchema)]
struct Work {
    /// Without one it never ends.
    gate: Option<usize>,
}

/// Starts a child while another branch works.
#[flow(timeout = "1h")]
async fn bearing_flow(ctx: &mut FlowContext, work: Work) -> FlowResult<String> {
    let (mut left, mut right) = (ctx.branch("left"), ctx.branch("right"));
    let bears = left.start_child(leaf_flow, &json!({}));
    let works = right.step("Work", move |_| async move {
        match work.gate {
            Some(gate) => GATES[gate].notified().await,
            None => pending().await,
        }
        Ok(())
    });
    let (born, worked) = tokio::join!(bears, works);
    worked?;
    Ok(born?.id().to_string())
}

/// A task whose child was refused while its step is in flight.
async fn refused(work: Value) -> (Desk, JoinHandle<RunEnd>) {
    let desk = Desk::with(bearing_flow, work).await;
    desk.store.refuse_children(true);
    let (_, running) = desk.run().await;
    desk.wait_for("step.started", 1).await;
    (desk, running)
}

/// Goal: a task whose children are refused keeps what it has done, says why it is held up and lets its slot go; when it runs
/// again later it asks for them again.
#[tokio::test]
async fn children_that_are_refused_are_asked_for_again() {
    let (desk, running) = refused(json!({ "gate": 0 })).await;
    GATES[0].notify_one();
    assert_eq!(end_of(running).await, RunEnd::Released);
    for _ in 0..3 {
        desk.clock.advance(LONG);
        assert_eq!(end_of(desk.run().await.1).await, RunEnd::Released);
    }
    let count = async |kind| desk.count(kind).await;
    assert_eq!((count("step.succeeded").await, count("child.started").await, count("log").await), (1, 0, 1));
    desk.store.refuse_children(false);
    desk.clock.advance(LONG);
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Succeeded);
    assert_eq!((count("step.started").await, count("child.started").await, count("log").await), (1, 1, 1));
}

/// Goal: a cancel, a timeout and a pause are heard by a task whose children are refused.
#[tokio::test]
async fn a_task_without_its_children_can_be_steered() {
    let (desk, running) = refused(json!({})).await;
    desk.control(Control::Cancel).await;
    assert_eq!(end_of(running).await, RunEnd::Cancelled);
    assert_eq!(desk.record().await.state, TaskState::Cancelled);

    let (desk, running) = refused(json!({})).await;
    desk.clock.advance(HOUR);
    assert_eq!(end_of(running).await, RunEnd::Failed);
    assert_eq!(&*desk.view().await.error.unwrap().kind, "timeout");

    let (desk, running) = refused(json!({ "gate": 1 })).await;
    let writes = desk.store.writes();
    desk.control(Control::Pause).await;
    while desk.store.writes() == writes {
        // It asks what is new with a write of its own.
        tokio::task::yield_now().await;
    }
    GATES[1].notify_one();
    assert_eq!(end_of(running).await, RunEnd::Paused);
    desk.store.refuse_children(false);
    desk.control(Control::Resume).await;
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Succeeded);
    assert_eq!((desk.count("step.started").await, desk.count("child.started").await), (1, 1));
}

/// Goal: children that were stored by a write whose answer was lost, and were refused when it was sent again, are the task's.
#[tokio::test]
async fn children_that_are_there_after_all_are_not_asked_for_again() {
    let desk = Desk::with(bearing_flow, json!({ "gate": null })).await;
    // The first write is applied, its repeat is lost on its way, and the next finds no room.
    desk.store.refuse_writes(2);
    desk.store.refuse_children(true);
    let (hold, running) = desk.run().await;
    desk.wait_for("child.started", 1).await;
    hold.order(caudal::use_cases::run::Order::ReleaseNow);
    assert_eq!(end_of(running).await, RunEnd::Released);
    assert_eq!((desk.count("child.started").await, desk.count("step.started").await), (1, 1));
    desk.clock.advance(FIRST_PAUSE);
    let (_, running) = desk.run().await;
    desk.wait_for("step.started", 2).await;
    desk.control(Control::Cancel).await;
    assert_eq!(end_of(running).await, RunEnd::Cancelled);
    assert_eq!(desk.count("child.started").await, 1);
}

/// Goes on once.
#[flow]
async fn continuing_flow(ctx: &mut FlowContext, round: u32) -> FlowResult<()> {
    if round > 0 {
        return Ok(());
    }
    ctx.step("Work", |_| async { Ok(()) }).await?;
    ctx.continue_as_new(&1)
}

/// Goal: a task that cannot go on in another, for which there is no room, is tried again later, or cancelled.
#[tokio::test]
async fn a_flow_without_end_waits_for_room() {
    let desk = Desk::with(continuing_flow, json!(0)).await;
    desk.store.refuse_children(true);
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Released);
    assert_eq!(desk.record().await.summary.progress, 0, "it has not ended");
    desk.clock.advance(FIRST_PAUSE);
    desk.store.refuse_children(false);
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Succeeded);
    assert_eq!(desk.count("step.started").await, 1);

    let desk = Desk::with(continuing_flow, json!(0)).await;
    desk.store.refuse_children(true);
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Released);
    desk.control(Control::Cancel).await;
    assert_eq!(desk.record().await.state, TaskState::Cancelled);
}

/// Goes on without end, for an hour.
#[flow(deadline = "1h")]
async fn hurried_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.continue_as_new(&json!({}))
}

/// Goal: however long a store is full, a task asks it for room less and less often, every ten minutes at last, and its
/// deadline ends that.
#[tokio::test]
async fn a_store_that_stays_full_is_asked_less_and_less() {
    let desk = Desk::with(hurried_flow, json!({})).await;
    let deadline = desk.clock.now() + HOUR;
    desk.store.refuse_children(true);
    let (mut longest, mut tries) = (FIRST_PAUSE, 0);
    while end_of(desk.run().await.1).await == RunEnd::Released {
        let (now, due_at) = (desk.clock.now(), desk.record().await.due_at.unwrap());
        let pause = due_at.since(now);
        assert!(pause <= longest && (pause >= longest / 2 || due_at == deadline), "{pause:?}, at most {longest:?}");
        longest = (longest * 2).min(Duration::from_secs(600));
        desk.clock.advance(pause);
        tries += 1;
    }
    assert_eq!((desk.clock.now(), desk.record().await.state), (deadline, TaskState::Failed));
    assert!(tries < 25, "asked {tries} times in an hour");
}
