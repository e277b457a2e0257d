//! When a task parks, and what must not happen meanwhile.

extern crate caudal_engine as caudal;

mod desk;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use caudal::prelude::*;
use caudal::task::{Fact, TaskState};
use caudal::use_cases::run::{Hold, RunEnd, run_task};
use desk::Desk;
use serde_json::json;
use tokio::sync::Semaphore;

static WORKED: AtomicU32 = AtomicU32::new(0);

/// Sleeps just long enough to park, then works.
#[flow]
async fn napping_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.sleep(Duration::from_secs(2)).await?;
    ctx.step("Work", |_| async {
        WORKED.fetch_add(1, Ordering::SeqCst);
        Ok(())
    })
    .await
}

/// Goal: while the store takes its time over a park, no step begins that the park would throw away.
#[tokio::test]
async fn no_step_begins_while_the_task_is_being_parked() {
    let desk = Desk::with(napping_flow, json!({})).await;
    // The park is not applied at first, and is sent again.
    desk.store.refuse_writes(1);
    let (_hold, running) = desk.run().await;
    while desk.clock.next_sleeper().is_none() {
        tokio::task::yield_now().await;
    }
    desk.clock.advance(Duration::from_secs(2));
    assert_eq!(running.await.unwrap(), RunEnd::Parked);
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    assert_eq!(WORKED.load(Ordering::SeqCst), 1);
}

/// Goal: a park that is refused because something came lets the flow go on where it was.
#[tokio::test]
async fn after_a_refused_park_the_flow_goes_on() {
    /// Waits for two signals, and works between them.
    #[flow]
    async fn twice_waiting_flow(ctx: &mut FlowContext) -> FlowResult<u32> {
        let one: u32 = ctx.wait_for_signal("one").await?;
        ctx.step("Work", |_| async { Ok(()) }).await?;
        Ok(one + ctx.wait_for_signal::<u32>("two").await?)
    }
    let desk = Desk::with(twice_waiting_flow, json!({})).await;
    let claimed = desk.claim().await;
    // In the log, and yet unknown to the execution: it was claimed before.
    desk.signal("one", json!(1)).await;
    desk.signal("two", json!(2)).await;
    let end = run_task(&desk.engine, claimed, Hold::new(None)).await;
    assert_eq!(end, RunEnd::Succeeded);
    assert_eq!(desk.view().await.final_result.unwrap().text(), "3");
}

/// One branch lets the other go and then waits for a person.
#[flow]
async fn relay_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let (mut first, mut second) = (ctx.branch("first"), ctx.branch("second"));
    let baton = Arc::new(Semaphore::new(0));
    let passed = baton.clone();
    let runs = async move {
        let _baton = passed.acquire().await?;
        second.step("Run", |_| async { Ok(()) }).await
    };
    let waits = async move {
        baton.add_permits(1);
        first.wait_for_signal::<bool>("go").await
    };
    // The one that is let go is polled before the one that lets it go.
    let (ran, waited) = tokio::join!(runs, waits);
    waited?;
    ran
}

/// Goal: a task does not park over a branch that was woken and has not had its turn yet.
#[tokio::test]
async fn a_woken_branch_has_its_turn_before_the_task_parks() {
    let desk = Desk::with(relay_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
    assert_eq!(desk.count("step.succeeded").await, 1);
    desk.signal("go", json!(true)).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
}

/// Is told to come back in an hour.
#[flow]
async fn postponed_flow(ctx: &mut FlowContext) -> FlowResult<u32> {
    ctx.step("Ask", |step| async move {
        match step.attempt() {
            1 => Err(FlowError::retry_after(Duration::from_secs(3600), "busy")),
            attempt => Ok(attempt),
        }
    })
    .await
}

/// Goal: a step that is to be tried again in an hour costs no worker until then.
#[tokio::test]
async fn a_step_that_waits_to_be_tried_again_is_parked() {
    let desk = Desk::with(postponed_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
    let record = desk.record().await;
    let again = desk.engine.clock.now() + Duration::from_secs(3600);
    assert_eq!((record.state, record.due_at), (TaskState::Waiting, Some(again)));
    desk.clock.advance(Duration::from_secs(3600));
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    assert_eq!(desk.count("step.retrying").await, 1);
}

/// Fails, and wants to be tried again when its deadline is over.
#[flow(retries = 3, deadline = "1h")]
async fn too_late_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.log("trying");
    Err(FlowError::retry_after(Duration::from_secs(2 * 3600), "busy"))
}

/// Goal: a flow that would be tried again after its deadline is ended by the deadline, not later.
#[tokio::test]
async fn a_retry_does_not_outlive_the_deadline() {
    let desk = Desk::with(too_late_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Released);
    assert_eq!(desk.record().await.due_at, desk.record().await.options.deadline);
    desk.clock.advance(Duration::from_secs(3600));
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Failed);
    let events = desk.events().await;
    let Some(Fact::TaskFailed(failed)) = events.last().map(|event| event.fact.clone()) else {
        panic!("{:?}", events.last())
    };
    assert_eq!(&*failed.error.kind, "deadline");
}
