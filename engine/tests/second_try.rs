//! A failed flow that is tried again, by itself or by a person, may go another way than the first time.

extern crate caudal_engine as caudal;

mod desk;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use caudal::prelude::*;
use caudal::task::WireState;
use caudal::testing::{FlowTest, run_flow};
use caudal::use_cases::retry::retry_task;
use caudal::use_cases::run::RunEnd;
use desk::Desk;
use serde_json::json;

static DETOURS: AtomicU32 = AtomicU32::new(0);

/// Makes other things when its first step failed than when it worked.
#[flow(retries = 1)]
async fn detour_flow(ctx: &mut FlowContext) -> FlowResult<&'static str> {
    ctx.log("begin");
    let risky = |_| async {
        if DETOURS.fetch_add(1, Ordering::SeqCst) == 0 { Err(FlowError::failed("no luck")) } else { Ok(()) }
    };
    if let Err(error) = ctx.step("Risky", risky).retries(0).await {
        ctx.log("it failed");
        ctx.sleep(Duration::from_secs(1)).await?;
        ctx.step("Note the failure", |_| async { Ok(()) }).await?;
        ctx.step("Tell somebody", |_| async { Ok(()) }).await?;
        return Err(error);
    }
    ctx.log("it worked");
    ctx.sleep(Duration::from_secs(3600)).await?;
    Ok("delivered")
}

/// Goal: what a flow did because of a failure does not bind its next try: no mismatch, no lost line, no skipped sleep.
#[tokio::test]
async fn a_flow_may_go_another_way_the_second_time() {
    let task = run_flow(detour_flow, json!({})).await;
    assert_eq!(task.state(), WireState::Success);
    assert_eq!(task.logs(), ["begin", "it failed", "it worked"]);
    let (first, last) = (task.events.first().unwrap().at, task.events.last().unwrap().at);
    assert!(last.since(first) >= Duration::from_secs(3600), "the second way's sleep is a new one");
}

static CHILDREN: AtomicU32 = AtomicU32::new(0);

/// Fails the first time.
#[flow]
async fn flaky_child_flow(ctx: &mut FlowContext) -> FlowResult<u32> {
    ctx.step("Try", |_| async {
        match CHILDREN.fetch_add(1, Ordering::SeqCst) {
            0 => Err(FlowError::give_up("not the first time")),
            tries => Ok(tries),
        }
    })
    .await
}

/// Has a child that fails the first time.
#[flow(retries = 1)]
async fn parent_flow(ctx: &mut FlowContext) -> FlowResult<u32> {
    ctx.run_child(flaky_child_flow, &json!({})).await
}

/// Goal: a child that failed is started anew when its parent is tried again.
#[tokio::test]
async fn a_failed_child_is_tried_again_with_its_parent() {
    assert_eq!(FlowTest::new(parent_flow, json!({})).run().await.result::<u32>(), 1);
}

static WORKS: AtomicBool = AtomicBool::new(false);
static TIDIED: AtomicU32 = AtomicU32::new(0);

/// Tidies up whatever happens.
#[flow]
async fn tidy_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let risky = ctx.step("Risky", |_| async {
        if WORKS.load(Ordering::SeqCst) { Ok(()) } else { Err(FlowError::give_up("broken")) }
    });
    let done = risky.await;
    if done.is_err() {
        ctx.log("it failed");
        ctx.step("Note the failure", |_| async { Ok(()) }).await?;
    } else {
        ctx.log("it worked");
        ctx.step("Deliver", |_| async { Ok(()) }).await?;
    }
    ctx.cleanup("Tidy up", |_| async {
        TIDIED.fetch_add(1, Ordering::SeqCst);
        Ok(())
    })
    .await?;
    done
}

/// Goal: a person's retry of a failed task may go another way, too, and tidies up again.
#[tokio::test]
async fn a_retried_task_may_go_another_way() {
    let mut desk = Desk::with(tidy_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Failed);
    WORKS.store(true, Ordering::SeqCst);
    desk.task = retry_task(&desk.engine, &desk.tenant, desk.task, None).await.unwrap().id;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    assert_eq!(TIDIED.load(Ordering::SeqCst), 2);
    assert!(format!("{:?}", desk.events().await).contains("it worked"));
}

/// Goal: whoever retries twice, because the first answer was lost or a button was pressed twice, has one new task; when
/// that one has ended too, each of the two can be retried again, and what says so is nobody's key.
#[tokio::test]
async fn a_retry_can_be_repeated() {
    let mut desk = Desk::with(punctual_flow, json!({})).await;
    let retry = async |desk: &Desk, task| retry_task(&desk.engine, &desk.tenant, task, None).await.unwrap();
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Failed);
    let old = desk.task;
    let first = retry(&desk, old).await;
    let again = retry(&desk, old).await;
    assert!(first.new && !again.new && first.id == again.id);
    desk.task = first.id;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Failed);
    let (of_old, of_new) = (retry(&desk, old).await, retry(&desk, first.id).await);
    assert!(of_old.new && of_new.new && of_old.id != of_new.id);
    assert_eq!(retry(&desk, first.id).await.id, of_new.id);
}

/// Fails, within an hour.
#[flow(deadline = "1h")]
async fn punctual_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.step("Fail", |_| async { Err::<(), _>(FlowError::give_up("broken")) }).await
}

/// Goal: a retried task has its whole deadline before it, not none.
#[tokio::test]
async fn a_retried_task_has_a_deadline() {
    let mut desk = Desk::with(punctual_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Failed);
    desk.clock.advance(Duration::from_secs(7200));
    desk.task = retry_task(&desk.engine, &desk.tenant, desk.task, None).await.unwrap().id;
    let expected = desk.engine.clock.now() + Duration::from_secs(3600);
    assert_eq!(desk.record().await.options.deadline, Some(expected));
}

static TIDIED_TWICE: AtomicU32 = AtomicU32::new(0);

/// Makes a mess each time it is tried, and tidies up.
#[flow(retries = 1)]
async fn messy_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let work = ctx.step("Work", |_| async {
        if TIDIED_TWICE.load(Ordering::SeqCst) == 0 { Err(FlowError::failed("no luck")) } else { Ok(()) }
    });
    let done = work.retries(0).await;
    ctx.cleanup("Tidy up", |_| async {
        TIDIED_TWICE.fetch_add(1, Ordering::SeqCst);
        Ok(())
    })
    .await?;
    done
}

/// Goal: a flow that is tried again by itself tidies up each time, too.
#[tokio::test]
async fn each_try_tidies_up() {
    let task = run_flow(messy_flow, json!({})).await;
    assert_eq!(task.state(), WireState::Success);
    assert_eq!(TIDIED_TWICE.load(Ordering::SeqCst), 2);
}
