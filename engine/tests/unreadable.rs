//! A log that this code cannot read: newer code wrote it, or it is damaged.

extern crate caudal_engine as caudal;

mod desk;

use caudal::ports::{Control, TaskStore};
use caudal::prelude::*;
use caudal::task::{PauseReason, TaskState};
use caudal::use_cases::run::RunEnd;
use desk::Desk;
use serde_json::json;

/// Does one thing.
#[flow]
async fn plain_flow(ctx: &mut FlowContext) -> FlowResult<()> {
    ctx.step("Work", |_| async { Ok(()) }).await
}

/// A task with an event in its log that only later code will know.
async fn from_the_future() -> Desk {
    let desk = Desk::with(plain_flow, json!({})).await;
    let claimed = desk.claim().await;
    let event = r#"{"kind":"step.dreamt","at":"2026-01-01T00:00:00Z","step":"Dream/1"}"#;
    desk.write_and_release(&claimed, vec![event.to_owned()]).await;
    desk
}

/// Goal: a log that cannot be read pauses its task, saying which event it is; nothing runs, and no slot is held.
#[tokio::test]
async fn a_log_that_cannot_be_read_pauses_its_task() {
    let desk = from_the_future().await;
    for _ in 0..2 {
        assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Paused);
        assert_eq!(desk.record().await.state, TaskState::Paused);
        let last = desk.store.last_event(desk.task).await.unwrap().unwrap().body;
        let paused: serde_json::Value = serde_json::from_str(&last).unwrap();
        assert_eq!(paused["reason"], json!(PauseReason::CodeMismatch));
        let detail = paused["detail"].as_str().unwrap();
        assert!(detail.starts_with("event 3 cannot be read: unknown kind of event \"step.dreamt\""), "{detail}");
        desk.control(Control::Resume).await;
    }
}

/// Goal: such a task can be cancelled, paused or while somebody holds it.
#[tokio::test]
async fn a_task_that_cannot_be_read_can_be_cancelled() {
    let desk = from_the_future().await;
    let claimed = desk.claim().await;
    desk.control(Control::Cancel).await;
    let hold = caudal::use_cases::run::Hold::new(None);
    assert_eq!(caudal::use_cases::run::run_task(&desk.engine, claimed, hold).await, RunEnd::Cancelled);
    let desk = from_the_future().await;
    assert_eq!(desk.run().await.1.await.unwrap(), RunEnd::Paused);
    desk.control(Control::Cancel).await;
    assert_eq!(desk.record().await.state, TaskState::Cancelled);
}
