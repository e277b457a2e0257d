//! A question is shown as long as somebody waits for its answer, and no longer.

extern crate caudal_engine as caudal;

mod desk;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use caudal::prelude::*;
use caudal::task::WaitKind;
use caudal::use_cases::run::RunEnd;
use desk::Desk;
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::sync::Notify;

const MINUTE: Duration = Duration::from_secs(60);

async fn asked(desk: &Desk) -> Vec<String> {
    let shown = desk.view().await.waiting;
    let questions = shown.iter().filter(|wait| matches!(wait.kind, WaitKind::Signal | WaitKind::Approval));
    questions.map(|wait| wait.name.to_string()).collect()
}

static AFTER_TIMEOUT: Notify = Notify::const_new();

/// Waits a minute for a signal, then works.
#[flow]
async fn impatient_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.wait_for_signal_within::<bool>("go", MINUTE).await?;
    ctx.step("Work", |_| async {
        AFTER_TIMEOUT.notified().await;
        Ok(())
    })
    .await
}

/// Goal: a signal that did not come in time is not asked for any more.
#[tokio::test]
async fn a_wait_that_timed_out_is_not_shown() {
    let desk = Desk::with(impatient_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
    assert_eq!(asked(&desk).await, ["go"]);
    desk.clock.advance(MINUTE);
    let (_hold, running) = desk.run().await;
    desk.wait_for("step.started", 1).await;
    assert_eq!(asked(&desk).await, [""; 0]);
    AFTER_TIMEOUT.notify_one();
    assert_eq!(running.await.unwrap(), RunEnd::Succeeded);
}

static AFTER_RACE: Notify = Notify::const_new();

/// Asks a person against a minute, then works.
#[flow]
async fn hurried_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let (mut asks, mut sleeps) = (ctx.branch("asks"), ctx.branch("sleeps"));
    let runners: Vec<BoxFuture<'static, FlowResult<()>>> = vec![
        Box::pin(async move { asks.ask_approval("Go on?").await.map(|_| ()) }),
        Box::pin(async move { sleeps.sleep(MINUTE).await }),
    ];
    ctx.race("Person or time", runners).await?;
    ctx.step("Work", |_| async {
        AFTER_RACE.notified().await;
        Ok(())
    })
    .await
}

/// Goal: a question that lost a race is not asked any more.
#[tokio::test]
async fn a_question_that_lost_is_not_shown() {
    let desk = Desk::with(hurried_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
    assert_eq!(asked(&desk).await.len(), 1);
    desk.clock.advance(MINUTE);
    let (_hold, running) = desk.run().await;
    desk.wait_for("step.started", 1).await;
    assert_eq!(asked(&desk).await, [""; 0]);
    AFTER_RACE.notify_one();
    assert_eq!(running.await.unwrap(), RunEnd::Succeeded);
}

static TRIES: AtomicU32 = AtomicU32::new(0);
static SECOND_TRY: Notify = Notify::const_new();

/// Asks something while it fails, goes another way the second time, and asks again.
#[flow(retries = 1)]
async fn failing_flow(ctx: &mut FlowContext) -> FlowResult<bool> {
    let (mut asks, mut works) = (ctx.branch("asks"), ctx.branch("works"));
    let first = TRIES.fetch_add(1, Ordering::SeqCst) == 0;
    let work = works.step("Work", move |_| async move {
        if first {
            return Err(FlowError::failed("no luck"));
        }
        SECOND_TRY.notified().await;
        Ok(())
    });
    let work = work.retries(0);
    let asked = if first { Some(asks.wait_for_signal::<bool>("go")) } else { None };
    match asked {
        Some(asked) => tokio::try_join!(asked, work).map(|(answer, ())| answer),
        None => {
            work.await?;
            asks.wait_for_signal::<bool>("go").await
        }
    }
}

/// Goal: what a flow asked before it failed is not asked while it is tried again, until it asks again.
#[tokio::test]
async fn a_flow_that_is_tried_again_asks_anew() {
    let desk = Desk::with(failing_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Released);
    assert_eq!(asked(&desk).await, [""; 0]);
    desk.clock.advance(MINUTE);
    let (_hold, running) = desk.run().await;
    desk.wait_for("step.started", 2).await;
    assert_eq!(asked(&desk).await, [""; 0]);
    SECOND_TRY.notify_one();
    assert_eq!(running.await.unwrap(), RunEnd::Parked);
    assert_eq!(asked(&desk).await, ["go"]);
    desk.signal("go", json!(true)).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
}
