//! A question is shown as long as somebody waits for its answer, and no longer.

extern crate caudal_engine as caudal;

mod desk;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use caudal::notification::{Notify as Readers, NotifyOn};
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

/// Asks while it works, goes on when the work fails, and is woken some times.
#[flow]
async fn consoled_flow(ctx: &mut FlowContext) -> FlowResult<bool> {
    let (mut asks, mut works) = (ctx.branch("asks"), ctx.branch("works"));
    let work = works.step("Work", |_| async { Err::<(), _>(FlowError::failed("no luck")) }).retries(0);
    let done = tokio::try_join!(asks.ask_approval("Go on?"), asks.wait_for_signal::<bool>("stop"), work);
    for _ in 0..3 {
        ctx.sleep(MINUTE).await?;
    }
    Ok(done.is_ok())
}

fn mails_of_questions() -> Readers {
    Readers { email: vec!["ana@example.org".to_owned()], on: vec![NotifyOn::Waiting], ..Readers::default() }
}

/// Goal: a question that the flow dropped is not asked again whenever the flow is woken, and nobody is mailed again.
#[tokio::test]
async fn a_question_that_was_dropped_is_not_asked_at_each_wake() {
    let desk = Desk::with_notify(consoled_flow, mails_of_questions()).await;
    for _ in 0..3 {
        assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
        assert_eq!(asked(&desk).await, [""; 0]);
        desk.clock.advance(MINUTE);
    }
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    assert_eq!((desk.count("approval.asked").await, desk.count("signal.awaited").await), (1, 1));
    assert_eq!(desk.count("recorded").await, 4, "two branches were opened, two waits were dropped, each once");
    assert_eq!(desk.store.all_notifications().len(), 1);
}

static OUTSIDE: Notify = Notify::const_new();

/// Asks until something happens that no log has, then sleeps.
#[flow]
async fn unsteady_flow(ctx: &mut FlowContext) -> FlowResult<bool> {
    let asked = ctx.ask_approval("Go on?");
    let answer = tokio::select! {
        biased;
        answer = asked => Some(answer?.approved),
        () = OUTSIDE.notified() => None,
    };
    ctx.sleep(MINUTE).await?;
    Ok(answer.unwrap_or(false))
}

/// Goal: a question that was dropped and is waited for after all is asked again, once.
#[tokio::test]
async fn a_question_that_lasts_is_asked_again() {
    OUTSIDE.notify_one();
    let desk = Desk::with_notify(unsteady_flow, mails_of_questions()).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
    assert_eq!(asked(&desk).await, [""; 0]);
    desk.clock.advance(MINUTE);
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
    let names = asked(&desk).await;
    assert_eq!((names.len(), desk.count("approval.asked").await, desk.store.all_notifications().len()), (1, 2, 2));
    desk.signal(&names[0], json!({ "approved": true })).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    assert_eq!(desk.count("approval.asked").await, 2);
}
