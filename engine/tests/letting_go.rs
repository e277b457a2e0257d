//! How an execution ends or lets go when two reasons come together.

#![expect(clippy::unwrap_used, reason = "a test fails where its task does")]

extern crate caudal_engine as caudal;

mod desk;

use std::future::pending;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use caudal::ports::Control;
use caudal::prelude::*;
use caudal::task::{Limits, TaskState};
use caudal::use_cases::rescue::rescue;
use caudal::use_cases::run::{Hold, Order, RunEnd};
use desk::Desk;
use serde_json::json;
use tokio::task::JoinHandle;

const LONG: Duration = Duration::from_secs(20);

async fn end_of(running: JoinHandle<RunEnd>) -> RunEnd {
    tokio::time::timeout(LONG, running).await.unwrap().unwrap()
}

static DEPLOYED: AtomicBool = AtomicBool::new(false);

/// Meets changed code while a step hangs.
#[flow]
async fn changed_while_busy_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let (mut left, mut right) = (ctx.branch("left"), ctx.branch("right"));
    let hang = left.step("Hang", |_| pending::<FlowResult<()>>());
    let known = async {
        let name = if DEPLOYED.load(Ordering::SeqCst) { "Other" } else { "Known" };
        right.step(name, |_| async { Ok(()) }).await
    };
    let (hung, _) = tokio::join!(hang, known);
    hung
}

/// Goal: a task whose code has changed can be cancelled all the same, and nobody spins over it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_code_can_be_cancelled() {
    let desk = Desk::with(changed_while_busy_flow, json!({})).await;
    let (hold, running) = desk.run().await;
    desk.wait_for("step.succeeded", 1).await;
    hold.order(Order::ReleaseNow);
    assert_eq!(end_of(running).await, RunEnd::Released);
    DEPLOYED.store(true, Ordering::SeqCst);
    let (_hold, running) = desk.run().await;
    desk.wait_for("step.started", 3).await;
    desk.control(Control::Cancel).await;
    desk.wait_for("step.cancelled", 1).await;
    while desk.clock.next_sleeper().is_none() {
        tokio::task::yield_now().await;
    }
    desk.clock.advance(Duration::from_secs(10));
    assert_eq!(end_of(running).await, RunEnd::Cancelled);
}

static NOW_DEPLOYED: AtomicBool = AtomicBool::new(false);

/// Asks for the time, after a bad deploy, where it made a step.
#[flow]
async fn changed_to_now_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    if NOW_DEPLOYED.load(Ordering::SeqCst) {
        ctx.now();
        ctx.log("what the good code never says");
    } else {
        ctx.step("Known", |_| async { Ok(()) }).await?;
    }
    ctx.wait_for_signal::<bool>("go").await?;
    ctx.log("what the good code says");
    Ok(())
}

/// Goal: changed code leaves nothing in the log that is in the way of the corrected code.
#[tokio::test]
async fn changed_code_leaves_no_trace() {
    let desk = Desk::with(changed_to_now_flow, json!({})).await;
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Parked);
    NOW_DEPLOYED.store(true, Ordering::SeqCst);
    desk.signal("go", json!(true)).await;
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Paused);
    NOW_DEPLOYED.store(false, Ordering::SeqCst);
    desk.control(Control::Resume).await;
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Succeeded);
    let events = format!("{:?}", desk.events().await);
    assert!(events.contains("what the good code says") && !events.contains("what the good code never says"));
}

/// Waits, then sleeps.
#[flow]
async fn patient_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.wait_for_signal::<bool>("go").await?;
    ctx.sleep(Duration::from_secs(3600)).await
}

/// Goal: a task whose log grew over its bound while nobody ran it ends, instead of going on without being kept.
#[tokio::test]
async fn a_log_over_its_bound_ends_the_task() {
    let limits = Limits { events_per_task: 100, ..Limits::default() };
    let desk = Desk::with_limits(patient_flow, json!({}), limits).await;
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Parked);
    desk.signal("go", json!(true)).await;
    for _ in 0..50 {
        desk.control(Control::Pause).await;
        desk.control(Control::Resume).await;
    }
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Failed);
    assert_eq!(&*desk.view().await.error.unwrap().kind, "too_many_events");
}

/// One branch waits for a person, the other tells a lot and works.
#[flow]
async fn talk_and_wait_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let (mut left, mut right) = (ctx.branch("left"), ctx.branch("right"));
    let waits = async { left.wait_for_signal::<bool>("go").await };
    let talks = async {
        right.emit("much", &"x".repeat(300 * 1024));
        right.step("After much talk", |_| async { Ok(()) }).await
    };
    let (waited, talked) = tokio::join!(waits, talks);
    waited.and(talked)
}

/// Goal: a task does not park while one of its branches only waits for what it told to be written.
#[tokio::test]
async fn waiting_for_room_is_no_reason_to_park() {
    let desk = Desk::with(talk_and_wait_flow, json!({})).await;
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Parked);
    assert_eq!(desk.count("step.succeeded").await, 1);
}

/// Hangs while it tidies up.
#[flow]
async fn hanging_cleanup_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let hung = ctx.step("Hang", |_| pending::<FlowResult<()>>()).await;
    ctx.cleanup("Hang again", |_| pending::<FlowResult<()>>()).await?;
    hung
}

/// Goal: a worker that must let go at once ends a task that is being cancelled; it does not wait out the cleanup.
#[tokio::test]
async fn a_cancelled_task_is_ended_when_its_worker_must_go() {
    let desk = Desk::with(hanging_cleanup_flow, json!({})).await;
    let (hold, running) = desk.run().await;
    desk.wait_for("step.started", 1).await;
    desk.control(Control::Cancel).await;
    desk.wait_for("step.started", 2).await;
    hold.order(Order::ReleaseNow);
    assert_eq!(end_of(running).await, RunEnd::Cancelled);
    assert_eq!(desk.record().await.state, TaskState::Cancelled);
}

/// Goal: a pause that was asked for before the worker died is heard before anything begins.
#[tokio::test]
async fn a_pause_outlives_its_worker() {
    let desk = Desk::with(hanging_cleanup_flow, json!({})).await;
    let (_hold, running) = desk.run().await;
    desk.wait_for("step.started", 1).await;
    running.abort();
    desk.control(Control::Pause).await;
    desk.store.expire_claims();
    assert_eq!(rescue(&desk.engine).await.unwrap().taken_over, 1);
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Paused);
    assert_eq!(desk.count("step.started").await, 1);
}

static LATE: Mutex<Option<Hold>> = Mutex::new(None);

/// Wants to begin a step at the moment when its lease ends and is renewed.
#[flow]
async fn late_renewal_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let mut works = ctx.branch("works");
    let step = async { works.step("Work", |_| async { Ok(()) }).await };
    let renews = async {
        if let Some(hold) = LATE.lock().unwrap().as_ref() {
            hold.extend(Instant::now() + LONG * 10);
        }
    };
    tokio::join!(step, renews).0
}

/// Goal: a step that could not begin because the lease was over begins when the lease turns out to be renewed.
#[tokio::test]
async fn a_late_renewal_wedges_nothing() {
    let desk = Desk::with(late_renewal_flow, json!({})).await;
    let hold = Hold::new(Some(Instant::now()));
    *LATE.lock().unwrap() = Some(hold.clone());
    let running = desk.run_with(hold).await;
    assert_eq!(end_of(running).await, RunEnd::Succeeded);
}

/// Tells far more than can be written, without a pause; then fails with a long story.
#[flow]
async fn flooding_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let much = "x".repeat(1_000_000);
    for _ in 0..30 {
        ctx.emit("much", &much);
    }
    ctx.step("Fail", |_| async { Err::<(), _>(FlowError::give_up("y".repeat(5_000_000))) }).await
}

/// Goal: what is told is bounded, errors too, and what is left out is not left out silently.
#[tokio::test]
async fn floods_are_bounded_and_say_so() {
    let desk = Desk::with(flooding_flow, json!({})).await;
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Failed);
    assert!(format!("{:?}", desk.events().await).contains("are missing here"));
    let message = desk.view().await.error.unwrap().message;
    assert!(message.len() < 20_000 && message.ends_with("bytes more)"), "{} bytes", message.len());
}

/// Asks for mails in a loop.
#[flow]
async fn mailing_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    for round in 0..100 {
        ctx.notify(Notification::new("plain").to("ana@example.org").with("text", round)).await?;
    }
    Ok(())
}

/// Goal: a flow in a loop mails so often and no more.
#[tokio::test]
async fn a_loop_of_mails_is_bounded() {
    let limits = Limits { notifications_per_task: 7, ..Limits::default() };
    let desk = Desk::with_limits(mailing_flow, json!({}), limits).await;
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Failed);
    assert_eq!(desk.count("notification.queued").await, 7);
    let error = desk.view().await.error.unwrap();
    assert_eq!((&*error.kind, &*error.message), ("give_up", "a task asks for at most 7 notifications"));
    assert_eq!(desk.store.all_notifications().len(), 7);
}
