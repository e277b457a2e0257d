//! What reaches a running task from outside, and how its execution lets go.

extern crate caudal_engine as caudal;

mod desk;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use caudal::ports::{Control, TaskStore};
use caudal::prelude::*;
use caudal::task::crash_loop::SUSPECT_TAKEOVERS;
use caudal::task::{Limits, PauseReason, TaskState, WireState};
use caudal::testing::memory::MemoryStore;
use caudal::use_cases::rescue::rescue;
use caudal::use_cases::run::{Hold, Order, RunEnd};
use desk::Desk;
use serde_json::json;
use tokio::sync::Notify;

/// Hangs in its step; tidies up.
#[flow]
async fn hanging_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let hung = ctx.step("Hang", |_| std::future::pending::<FlowResult<()>>()).await;
    assert!(ctx.is_cancelled());
    assert!(matches!(ctx.step("Too late", |_| async { Ok(()) }).await, Err(FlowError::Cancelled)));
    ctx.cleanup("Tidy up", |step| async move {
        step.log("tidied");
        Ok(())
    })
    .await?;
    hung
}

/// Goal: a cancel drops the step in flight, lets cleanup run, and nothing else begins.
#[tokio::test]
async fn cancel_drops_what_runs_and_lets_it_clean_up() {
    let desk = Desk::with(hanging_flow, json!({})).await;
    let (_hold, running) = desk.run().await;
    desk.wait_for("step.started", 1).await;
    desk.control(Control::Cancel).await;
    assert_eq!(running.await.unwrap(), RunEnd::Cancelled);
    let kinds = desk.kinds().await;
    let tail = ["task.cancelling", "step.cancelled", "step.started", "log", "step.succeeded", "task.cancelled"];
    assert_eq!(kinds[kinds.len() - tail.len()..], tail);
    assert_eq!(desk.view().await.state, WireState::Cancelled);
}

/// Does not listen.
#[flow]
async fn stubborn_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let _ = ctx.step("Hang", |_| std::future::pending::<FlowResult<()>>()).await;
    std::future::pending().await
}

/// Goal: a flow that does not end by itself after a cancel is ended ten seconds later.
#[tokio::test]
async fn cancel_ends_a_stubborn_flow() {
    let desk = Desk::with(stubborn_flow, json!({})).await;
    let (_hold, running) = desk.run().await;
    desk.wait_for("step.started", 1).await;
    desk.control(Control::Cancel).await;
    desk.wait_for("step.cancelled", 1).await;
    while desk.clock.next_sleeper().is_none() {
        tokio::task::yield_now().await;
    }
    desk.clock.advance(Duration::from_secs(9));
    assert!(!running.is_finished());
    desk.clock.advance(Duration::from_secs(1));
    assert_eq!(running.await.unwrap(), RunEnd::Cancelled);
    assert_eq!(desk.kinds().await.last(), Some(&"task.cancelled"));
}

static GATE: Notify = Notify::const_new();
static FIRST_RUNS: AtomicU32 = AtomicU32::new(0);

/// Two steps, the first of which waits for the test.
#[flow]
async fn gated_flow(ctx: &mut FlowContext) -> FlowResult<u32> {
    ctx.step("First", |_| async {
        FIRST_RUNS.fetch_add(1, Ordering::SeqCst);
        GATE.notified().await;
        Ok(())
    })
    .await?;
    ctx.step("Second", |_| async { Ok(2) }).await
}

/// Goal: pause lets the step in flight finish and begins no other; resume goes on behind it.
#[tokio::test]
async fn pause_waits_for_the_step_and_resume_goes_on() {
    let desk = Desk::with(gated_flow, json!({})).await;
    let (_hold, running) = desk.run().await;
    desk.wait_for("step.started", 1).await;
    desk.control(Control::Pause).await;
    GATE.notify_one();
    assert_eq!(running.await.unwrap(), RunEnd::Paused);
    assert_eq!((desk.count("step.succeeded").await, desk.count("step.started").await), (1, 1));
    assert_eq!(desk.record().await.state, TaskState::Paused);
    desk.control(Control::Resume).await;
    let (_hold, running) = desk.run().await;
    assert_eq!(running.await.unwrap(), RunEnd::Succeeded);
    assert_eq!(FIRST_RUNS.load(Ordering::SeqCst), 1);
}

/// Hangs for ever in its first step, until told to hurry.
#[flow]
async fn releasable_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.step("Quick", |_| async { Ok(()) }).await?;
    ctx.step("Hang", |_| std::future::pending::<FlowResult<()>>()).await
}

/// Goal: a drained worker hands its task back; a step in flight is waited for until the order is `ReleaseNow`.
#[tokio::test]
async fn release_hands_the_task_back() {
    let desk = Desk::with(releasable_flow, json!({})).await;
    let (hold, running) = desk.run().await;
    desk.wait_for("step.started", 2).await;
    hold.order(Order::Release);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!running.is_finished(), "the step in flight may finish");
    hold.order(Order::ReleaseNow);
    assert_eq!(running.await.unwrap(), RunEnd::Released);
    assert_eq!(desk.record().await.state, TaskState::Queued);
    assert_eq!(desk.count("step.cancelled").await, 0, "it is begun again, not cancelled");
}

/// Goal: an execution whose task was taken over writes nothing more.
#[tokio::test]
async fn a_stale_execution_ends_silently() {
    static GATE: Notify = Notify::const_new();
    /// Waits for the test, then finishes.
    #[flow]
    async fn stale_flow(ctx: &mut FlowContext) -> FlowResult<()> {
        ctx.step("Wait", |_| async {
            GATE.notified().await;
            Ok(())
        })
        .await
    }
    let desk = Desk::with(stale_flow, json!({})).await;
    let (_hold, running) = desk.run().await;
    desk.wait_for("step.started", 1).await;
    desk.store.expire_claims();
    assert_eq!(rescue(&desk.engine).await.unwrap().taken_over, 1);
    let before = desk.kinds().await;
    GATE.notify_one();
    assert_eq!(running.await.unwrap(), RunEnd::Lost);
    assert_eq!(desk.kinds().await, before);
}

/// Goal: a step that takes its process down at once is known by name: of a task that has taken down three, the start
/// is in the log before the body begins.
#[tokio::test]
async fn the_step_of_a_suspect_is_known_before_it_runs() {
    static STORE: OnceLock<Arc<MemoryStore>> = OnceLock::new();
    /// Looks into its own log first of all.
    #[flow]
    async fn looking_flow(ctx: &mut FlowContext) -> FlowResult<bool> {
        let task = ctx.task_id();
        ctx.step("Look", move |_| async move {
            let log = STORE.get().ok_or_else(|| FlowError::failed("no store"))?.events(task, 0, usize::MAX).await?;
            Ok(log.iter().any(|entry| entry.kind() == "step.started"))
        })
        .await
    }
    let limits = Limits { crash_loop_backoff: Duration::ZERO, ..Limits::default() };
    let desk = Desk::with_limits(looking_flow, json!({}), limits).await;
    let _set_once = STORE.set(desk.store.clone());
    for _ in 0..SUSPECT_TAKEOVERS {
        desk.claim().await;
        desk.store.expire_claims();
        rescue(&desk.engine).await.unwrap();
    }
    let (_hold, running) = desk.run().await;
    assert_eq!(running.await.unwrap(), RunEnd::Succeeded);
    assert_eq!(desk.view().await.final_result.unwrap().text(), "true");
}

/// Goal: past its lease, by the worker's own clock, an execution stops whether or not the store could be asked; its task
/// is handed back if nobody has taken it over, which counts as no takeover.
#[tokio::test]
async fn past_its_lease_nothing_runs() {
    let desk = Desk::with(releasable_flow, json!({})).await;
    let hold = Hold::new(Some(Instant::now() + Duration::from_millis(30)));
    let running = desk.run_with(hold.clone()).await;
    assert_eq!(running.await.unwrap(), RunEnd::Released);
    let record = desk.record().await;
    assert_eq!((record.state, record.takeovers), (TaskState::Queued, 0));
    let desk = Desk::with(releasable_flow, json!({})).await;
    let running = desk.run_with(Hold::new(Some(Instant::now()))).await;
    assert_eq!(running.await.unwrap(), RunEnd::Released);
    assert_eq!(desk.count("step.started").await, 0, "no step begins past the lease");
}

/// Goal: past its lease, a task that somebody has taken over is left alone, and an execution whose worker must end does
/// not ask whether it could be handed back.
#[tokio::test]
async fn past_its_lease_others_may_have_it() {
    let desk = Desk::with(releasable_flow, json!({})).await;
    let hold = Hold::new(None);
    let running = desk.run_with(hold.clone()).await;
    desk.wait_for("step.started", 1).await;
    desk.store.expire_claims();
    assert_eq!(rescue(&desk.engine).await.unwrap().taken_over, 1);
    let before = desk.kinds().await;
    hold.extend(Instant::now());
    assert_eq!(running.await.unwrap(), RunEnd::Lost);
    assert_eq!(desk.kinds().await, before);

    let desk = Desk::with(releasable_flow, json!({})).await;
    let hold = Hold::new(None);
    let running = desk.run_with(hold.clone()).await;
    desk.wait_for("step.started", 1).await;
    desk.store.refuse_writes(u64::MAX);
    hold.order(Order::Release);
    hold.extend(Instant::now());
    assert_eq!(running.await.unwrap(), RunEnd::Lost);
}

static DEPLOYED: AtomicBool = AtomicBool::new(false);

/// Makes other steps after a bad deploy.
#[flow]
async fn changing_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    let name = if DEPLOYED.load(Ordering::SeqCst) { "Other" } else { "Known" };
    ctx.step(name, |_| async { Ok(()) }).await?;
    ctx.wait_for_signal::<bool>("go").await?;
    ctx.step("Last", |_| async { Ok(()) }).await
}

/// Goal: changed code pauses the task, naming both; the corrected code and a resume go on to success.
#[tokio::test]
async fn changed_code_pauses_and_corrected_code_goes_on() {
    let desk = Desk::with(changing_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
    DEPLOYED.store(true, Ordering::SeqCst);
    desk.signal("go", json!(true)).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Paused);
    let events = desk.events().await;
    let Some(caudal::task::Fact::TaskPaused(paused)) = events.last().map(|event| event.fact.clone()) else {
        panic!("{:?}", events.last())
    };
    assert_eq!(paused.reason, PauseReason::CodeMismatch);
    assert_eq!(paused.detail.as_deref(), Some("log has Known/1, code met Other/1"));
    DEPLOYED.store(false, Ordering::SeqCst);
    desk.control(Control::Resume).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
}

/// Hangs, but not for long.
#[flow(timeout = "5m", deadline = "1h")]
async fn limited_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.wait_for_signal::<u32>("go").await?;
    ctx.step("Hang", |_| std::future::pending::<FlowResult<()>>()).await
}

/// Goal: a flow's timeout counts the time it was not parked; its deadline counts all.
#[tokio::test]
async fn time_is_over() {
    let desk = Desk::with(limited_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
    desk.clock.advance(Duration::from_secs(30 * 60));
    desk.signal("go", json!(1)).await;
    let (_hold, running) = desk.run().await;
    desk.wait_for("step.started", 1).await;
    desk.clock.advance(Duration::from_secs(299));
    assert!(!running.is_finished());
    desk.clock.advance(Duration::from_secs(1));
    assert_eq!(running.await.unwrap(), RunEnd::Failed);
    assert_eq!(&*desk.view().await.error.unwrap().kind, "timeout");

    let desk = Desk::with(limited_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
    desk.clock.advance(Duration::from_secs(3600));
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Failed, "a parked task wakes for its deadline");
    assert_eq!(&*desk.view().await.error.unwrap().kind, "deadline");
}

/// Talks too much.
#[flow]
async fn talkative_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    for line in 0..1_000 {
        ctx.log(format!("line {line}"));
        if line % 10 == 0 {
            ctx.step("Breathe", |_| async { Ok(()) }).await?;
        }
    }
    Ok(())
}

/// Goal: events are bounded, warned of at 80 %, and the end is written all the same.
#[tokio::test]
async fn events_are_bounded() {
    let limits = Limits { events_per_task: 100, ..Limits::default() };
    let desk = Desk::with_limits(talkative_flow, json!({}), limits).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Failed);
    assert_eq!(&*desk.view().await.error.unwrap().kind, "too_many_events");
    let kinds = desk.kinds().await;
    assert!((100..=104).contains(&kinds.len()), "{}", kinds.len());
    assert_eq!(kinds.last(), Some(&"task.failed"));
    assert!(format!("{:?}", desk.events().await).contains("continue_as_new starts afresh"));
}

/// Two quick steps.
#[flow]
async fn quick_flow(ctx: &mut FlowContext) -> FlowResult<u32> {
    let attempt = ctx.step("One", |step| async move { Ok(step.attempt()) }).retries(0).await?;
    ctx.step("Two", |_| async { Ok(()) }).retries(0).await?;
    Ok(attempt)
}

/// Goal: a store that is away is no error of the flow and costs no attempt; nothing is written twice.
#[tokio::test]
async fn a_store_outage_costs_nothing() {
    let desk = Desk::with(quick_flow, json!({})).await;
    desk.store.refuse_writes(4);
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    let expected = [
        "task.created",
        "task.claimed",
        "step.started",
        "step.succeeded",
        "step.started",
        "step.succeeded",
        "task.succeeded",
    ];
    assert_eq!(desk.kinds().await, expected);
}

/// Adds up what it is sent.
#[flow]
async fn adding_flow(ctx: &mut FlowContext) -> FlowResult<Vec<u32>> {
    let mut numbers = Vec::new();
    for _ in 0..3 {
        numbers.push(ctx.wait_for_signal("number").await?);
    }
    Ok(numbers)
}

/// Goal: signals are consumed in order, early ones are kept, one of the wrong form is refused and the wait goes on.
#[tokio::test]
async fn signals_come_in_order() {
    let desk = Desk::with(adding_flow, json!({})).await;
    desk.signal("number", json!(1)).await;
    desk.signal("number", json!("two")).await;
    desk.signal("number", json!(2)).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Parked);
    assert_eq!(desk.count("signal.rejected").await, 1);
    desk.signal("number", json!(3)).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    assert_eq!(desk.view().await.final_result.unwrap().text(), "[1,2,3]");
}

/// Goal: a signal that comes while the task is parking is never lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_while_parking_is_heard() {
    for _ in 0..200 {
        let desk = Desk::with(adding_flow, json!({})).await;
        let (_hold, running) = desk.run().await;
        let sending = async {
            for number in 0..3u32 {
                desk.signal("number", json!(number)).await;
                tokio::task::yield_now().await;
            }
        };
        let (mut end, ()) = tokio::join!(async { running.await.unwrap() }, sending);
        while end == RunEnd::Parked {
            end = desk.run().await.1.await.unwrap();
        }
        assert_eq!(end, RunEnd::Succeeded);
    }
}

/// Goal: what was stored as a success stays one, whatever control comes after; the control says why it came too late.
#[tokio::test]
async fn a_success_that_is_stored_wins() {
    let desk = Desk::with(quick_flow, json!({})).await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Succeeded);
    let refused = desk.store.control(&desk.tenant, desk.task, Control::Cancel).await.unwrap_err();
    assert_eq!(refused.to_string(), "the task is Success");
}
