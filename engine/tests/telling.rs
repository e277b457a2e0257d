//! What a step tells is heard while it works, wherever it is told from.

#![expect(clippy::unwrap_used, reason = "a test fails where its task does")]

extern crate caudal_engine as caudal;

mod desk;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use caudal::prelude::*;
use caudal::task::Limits;
use caudal::use_cases::run::RunEnd;
use desk::Desk;
use serde_json::json;
use tokio::task::JoinHandle;

const LONG: Duration = Duration::from_secs(20);

async fn end_of(running: JoinHandle<RunEnd>) -> RunEnd {
    tokio::time::timeout(LONG, running).await.unwrap().unwrap()
}

static HEARD: Mutex<Option<Receiver<()>>> = Mutex::new(None);

/// Tells something twice, and goes on each time when somebody has read it.
#[flow]
async fn blocking_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.step_blocking("Count", |step| {
        step.log("begun");
        let heard = HEARD.lock().unwrap().take().unwrap();
        heard.recv_timeout(LONG).map_err(|_| FlowError::give_up("nobody heard it"))?;
        // And again, when the queue was empty for a while: what the step's beginning was written with is over.
        step.progress(50, "half");
        heard.recv_timeout(LONG).map_err(|_| FlowError::give_up("nobody heard it again"))
    })
    .await
}

/// Goal: a line of a thread that keeps a CPU busy is in the log while the thread works, not after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_step_is_heard_while_it_works() {
    let (sender, receiver): (Sender<()>, _) = channel();
    *HEARD.lock().unwrap() = Some(receiver);
    let desk = Desk::with(blocking_flow, json!({})).await;
    let (_hold, running) = desk.run().await;
    desk.wait_for("log", 1).await;
    sender.send(()).unwrap();
    desk.wait_for("progress", 1).await;
    sender.send(()).unwrap();
    assert_eq!(end_of(running).await, RunEnd::Succeeded);
    assert_eq!(desk.count("progress").await, 1);
}

/// Hands its voice to a task of its own, which says far more than the queue holds at once.
#[flow]
async fn delegating_flow(ctx: &mut FlowContext) -> FlowResult<usize> {
    ctx.step("Delegate", |step| async move {
        let speaker = step.clone();
        let speaking = tokio::spawn(async move {
            let mut said = 0;
            for _ in 0..20 {
                speaker.text(&"x".repeat(100_000)).await?;
                said += 100_000;
            }
            FlowResult::Ok(said)
        });
        speaking.await?
    })
    .await
}

/// Goal: whoever streams from a task of its own finds room again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spawned_speaker_finds_room() {
    let desk = Desk::with(delegating_flow, json!({})).await;
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Succeeded);
    assert_eq!(desk.view().await.final_result.unwrap().text(), "2000000");
}

/// Says a thousand words in one breath.
#[flow]
async fn wordy_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.step("Talk", |step| async move {
        for _ in 0..1_000 {
            step.text("word ").await?;
        }
        Ok(())
    })
    .await
}

/// Goal: words that go out together are one event, also where events are counted.
#[tokio::test]
async fn joined_words_count_once() {
    let limits = Limits { events_per_task: 100, ..Limits::default() };
    let desk = Desk::with_limits(wordy_flow, json!({}), limits).await;
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Succeeded);
    assert!(desk.count("chunk").await < 100);
}

/// Says more than a step may.
#[flow]
async fn endless_talk_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.step("Talk", |step| async move {
        loop {
            step.text("0123456789").await?;
        }
    })
    .await
}

/// Goal: a step's text is bounded, and the step that says more fails for good, saying so.
#[tokio::test]
async fn a_steps_text_is_bounded() {
    let limits = Limits { step_text_bytes: 1_000, ..Limits::default() };
    let desk = Desk::with_limits(endless_talk_flow, json!({}), limits).await;
    assert_eq!(end_of(desk.run().await.1).await, RunEnd::Failed);
    let error = desk.view().await.error.unwrap();
    assert_eq!((&*error.kind, &*error.message), ("give_up", "the step's text is longer than 1000 bytes"));
    assert_eq!(desk.count("step.started").await, 1);
}
