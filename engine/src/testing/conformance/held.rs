//! A claim as its worker holds it, and the writes it makes.

use std::sync::Arc;

use crate::ports::{ClaimedTask, Clock, Outcome, TaskStore, TaskWrite, Then, WriteRefused, Written};
use crate::task::event::{
    Key, Log, LogLevel, TaskCancelled, TaskFailed, TaskPaused, TaskReleased, TaskSucceeded, TaskWaiting, Teller,
};
use crate::task::{
    Claim, Fact, Json, NewTask, PauseReason, Summary, TaskId, TaskState, Timestamp, UsageTotals, Wait, WaitKind,
    WorkerId,
};
use crate::testing::clock::TestClock;

#[derive(Clone)]
pub struct Held {
    pub task: TaskId,
    pub claim: Claim,
    /// Of the last write that was applied.
    pub number: u64,
    pub seen: u64,
    pub clock: Arc<TestClock>,
}

impl Held {
    pub fn new(claimed: &ClaimedTask, clock: Arc<TestClock>) -> Self {
        Self { task: claimed.task.id, claim: claimed.claim, number: 0, seen: claimed.task.head, clock }
    }

    fn write(&self, facts: &[Fact], then: Then) -> TaskWrite {
        let now = self.clock.now();
        TaskWrite {
            task: self.task,
            claim: self.claim,
            number: self.number + 1,
            seen: self.seen,
            events: facts.iter().map(|fact| fact.encode(now)).collect(),
            step_finished: false,
            signals_taken: Vec::new(),
            children: Vec::new(),
            notifications: Vec::new(),
            compact_from: None,
            summary: Summary::default(),
            then,
        }
    }

    pub fn go_on(&self, facts: &[Fact]) -> TaskWrite {
        self.write(facts, Then::GoOn)
    }

    pub fn park(&self, waits: Vec<Wait>, due_at: Option<Timestamp>) -> TaskWrite {
        let waiting = TaskWaiting { waits: waits.clone() };
        self.write(&[waiting.into()], Then::Park { waits, due_at })
    }

    pub fn release(&self, due_at: Timestamp) -> TaskWrite {
        let released = TaskReleased { worker: WorkerId::new("worker") };
        self.write(&[released.into()], Then::Release { due_at })
    }

    /// Pauses by itself: nobody asked for it.
    pub fn pause(&self) -> TaskWrite {
        self.pause_for(PauseReason::CodeMismatch)
    }

    pub fn pause_as_asked(&self) -> TaskWrite {
        self.pause_for(PauseReason::Requested)
    }

    fn pause_for(&self, reason: PauseReason) -> TaskWrite {
        self.write(&[TaskPaused { reason, detail: None }.into()], Then::Pause { reason })
    }

    pub fn end(&self, state: TaskState) -> TaskWrite {
        let usage = UsageTotals { calls: 1, prompt_tokens: 7, ..UsageTotals::default() };
        let mut outcome = Outcome { usage, ..Outcome::default() };
        let fact = match state {
            TaskState::Failed => {
                outcome.error = Some(super::trial::report("it went wrong"));
                TaskFailed { error: super::trial::report("it went wrong") }.into()
            }
            TaskState::Cancelled => TaskCancelled { reason: None }.into(),
            _ => {
                let result = Json::from(serde_json::json!({"answer": 42}));
                outcome.result = Some(result.clone());
                TaskSucceeded { result, continued_as: None }.into()
            }
        };
        self.write(&[fact], Then::End { state, outcome })
    }

    /// Ends by going on in a new task.
    pub fn continue_in(&self, next: NewTask) -> TaskWrite {
        let continued_as = Some(next.id);
        let fact = TaskSucceeded { result: Json::null(), continued_as }.into();
        let outcome = Outcome { continued_as, ..Outcome::default() };
        let mut write = self.write(&[fact], Then::End { state: TaskState::Succeeded, outcome });
        write.children.push(next);
        write
    }

    /// Sends a write; when it was applied, the next one has the next number.
    pub async fn send(&mut self, store: &dyn TaskStore, write: TaskWrite) -> Result<Written, WriteRefused> {
        let answer = store.write(write).await?;
        self.number += 1;
        self.seen = answer.head;
        Ok(answer)
    }
}

pub fn line(message: &str) -> Fact {
    Log { level: LogLevel::Info, message: message.into(), teller: Teller::default() }.into()
}

pub fn wait_for_signal(name: &str, since: Timestamp) -> Wait {
    wait(&format!("wait/{name}"), WaitKind::Signal, name, since)
}

pub fn wait_for_child(step: &Key, child: TaskId, since: Timestamp) -> Wait {
    Wait { child: Some(child), ..wait(step, WaitKind::Child, "child", since) }
}

pub fn wait_until(until: Timestamp, since: Timestamp) -> Wait {
    Wait { until: Some(until), ..wait("sleep", WaitKind::Sleep, "sleep", since) }
}

fn wait(id: &str, kind: WaitKind, name: &str, since: Timestamp) -> Wait {
    Wait {
        id: id.into(),
        kind,
        name: name.into(),
        question: None,
        about: None,
        schema: None,
        since,
        until: None,
        child: None,
    }
}
