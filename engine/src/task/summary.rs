//! The two things a list shows of a running task: a sentence and a number.
//!
//! A part of the view's fold that is cheap enough to keep beside the task, so that a list of a thousand tasks need
//! not read a thousand logs. The view uses the same function, so they cannot tell different stories.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::Fact;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub status: Arc<str>,
    /// 0–100, never falling.
    pub progress: u8,
}

impl Default for Summary {
    fn default() -> Self {
        Self { status: "Waiting in line…".into(), progress: 0 }
    }
}

impl Summary {
    pub fn apply(&mut self, fact: &Fact) {
        let status: Option<Arc<str>> = match fact {
            Fact::TaskCreated(_) => Some("Waiting in line…".into()),
            Fact::TaskClaimed(_) if self.progress == 0 && &*self.status == "Waiting in line…" => {
                Some("Starting…".into())
            }
            Fact::StepStarted(step) if step.attempt > 1 => {
                Some(format!("Running '{}', attempt {}…", step.name, step.attempt).into())
            }
            Fact::StepStarted(step) => Some(format!("Running '{}'…", step.name).into()),
            Fact::StepRetrying(step) if step.postponed => {
                Some(format!("'{}' was asked to wait: {}", step.name, step.error.message).into())
            }
            Fact::StepRetrying(step) => Some(format!("'{}' failed, trying again…", step.name).into()),
            Fact::Progress(progress) => {
                self.progress = self.progress.max(progress.percent.min(100));
                (!progress.message.is_empty()).then(|| progress.message.clone())
            }
            Fact::TaskWaiting(waiting) => waiting.waits.first().map(|wait| match &wait.question {
                Some(question) => question.clone(),
                None => format!("Waiting for '{}'…", wait.name).into(),
            }),
            Fact::TaskPaused(paused) => Some(match &paused.detail {
                Some(detail) => format!("Paused: {detail}").into(),
                None => "Paused".into(),
            }),
            Fact::TaskResumed(_) => Some("Resumed, waiting in line…".into()),
            Fact::TaskRetrying(retry) => Some(format!("Failed, trying again: {}", retry.error.message).into()),
            Fact::TaskRescued(_) => Some("Its worker is gone, taking over…".into()),
            Fact::TaskReleased(_) => Some("Handed back, waiting in line…".into()),
            Fact::TaskCancelling(_) => Some("Cancelling…".into()),
            Fact::TaskSucceeded(_) => {
                self.progress = 100;
                Some("Done".into())
            }
            Fact::TaskFailed(failed) => Some(format!("Failed: {}", failed.error.message).into()),
            Fact::TaskCancelled(_) => Some("Cancelled".into()),
            _ => None,
        };
        if let Some(status) = status {
            self.status = shorten(status);
        }
    }
}

/// A sentence for people stays a sentence, whatever the error's length.
fn shorten(status: Arc<str>) -> Arc<str> {
    const MOST: usize = 300;
    match status.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", status.get(..at).unwrap_or_default()).into(),
        None => status,
    }
}
