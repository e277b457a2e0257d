//! One write of a running task, repeated until the store has answered.
//!
//! A store error is never a flow's error and costs no attempt: the same write, under the same number, is sent again
//! until it is answered or the claim is lost. The store answers a repeat with the first answer, so a timeout never
//! leaves a doubt that doubles something.

use std::sync::Arc;

use super::Backoff;
use super::queue::Batch;
use crate::flow::step::BoxFuture;
use crate::ports::{TaskStore, TaskWrite, WriteRefused, Written};

/// A write under way, with what is needed to take it back.
pub(crate) struct Sent {
    pub(crate) batch: Batch,
    /// Whether the execution ends when this is applied, and how.
    pub(crate) end: Option<super::RunEnd>,
    pub(crate) answer: Result<Written, WriteRefused>,
}

/// What an ending added behind the batch: made anew when the write is refused.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extra {
    pub(crate) events: usize,
    pub(crate) children: usize,
    pub(crate) notifications: usize,
}

pub(crate) type Writing = BoxFuture<'static, Sent>;

pub(crate) fn send(
    store: Arc<dyn TaskStore>,
    mut batch: Batch,
    write: TaskWrite,
    end: Option<super::RunEnd>,
    extra: Extra,
) -> Writing {
    Box::pin(async move {
        let answer = until_answered(&*store, &write).await;
        if matches!(answer, Err(WriteRefused::NewsCame { .. })) {
            give_back(&mut batch, write, extra);
        }
        Sent { batch, end, answer }
    })
}

async fn until_answered(store: &dyn TaskStore, write: &TaskWrite) -> Result<Written, WriteRefused> {
    let mut backoff = Backoff::default();
    let mut failed = false;
    loop {
        match store.write(write.clone()).await {
            Err(WriteRefused::Store(error)) => {
                // Once: thousands of tasks may have the same trouble.
                if !std::mem::replace(&mut failed, true) {
                    tracing::warn!(task.id = %write.task, %error, "a write failed; it is sent again until it is answered");
                }
                backoff.pause().await;
            }
            answer => return answer,
        }
    }
}

fn give_back(batch: &mut Batch, mut write: TaskWrite, extra: Extra) {
    write.events.truncate(write.events.len().saturating_sub(extra.events));
    write.children.truncate(write.children.len().saturating_sub(extra.children));
    write.notifications.truncate(write.notifications.len().saturating_sub(extra.notifications));
    batch.events = write.events;
    batch.children = write.children;
    batch.notifications = write.notifications;
    batch.signals_taken = write.signals_taken;
}
