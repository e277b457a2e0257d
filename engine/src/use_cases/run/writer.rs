//! One write of a running task, repeated until the store has answered.
//!
//! A store error is never a flow's error and costs no attempt: the same write, under the same number, is sent again
//! until it is answered or the claim is lost. The store answers a repeat with the first answer, so a timeout never
//! leaves a doubt that doubles something.
//!
//! A store that has no room for the children of a write may well take all the rest, and a task that waited for room here
//! would hear of nothing: then the rest is written without them. It has the same number, so that the children are
//! there after all, and nothing is lost or done twice, if the write had been applied and only its answer did not come.

use std::sync::Arc;

use super::Backoff;
use super::queue::Batch;
use crate::flow::step::BoxFuture;
use crate::ports::{StoreError, TaskStore, TaskWrite, Then, WriteRefused, Written};
use crate::task::{Fact, LogEntry, Summary};

/// A write under way, with what is needed to take it back.
pub(crate) struct Sent {
    pub(crate) batch: Batch,
    /// Whether the execution ends when this is applied, and how.
    pub(crate) end: Option<super::RunEnd>,
    /// Why it was written without its children, and without its end, if it was.
    pub(crate) no_room: Option<StoreError>,
    pub(crate) answer: Result<Written, WriteRefused>,
}

/// What an ending added behind the batch: made anew when the write is refused.
#[derive(Debug)]
pub(crate) struct Extra {
    /// The summary before it.
    pub(crate) summary: Summary,
    pub(crate) events: usize,
    pub(crate) children: usize,
    pub(crate) notifications: usize,
}

pub(crate) type Writing = BoxFuture<'static, Sent>;

pub(crate) fn send(
    store: Arc<dyn TaskStore>,
    mut batch: Batch,
    mut write: TaskWrite,
    end: Option<super::RunEnd>,
    extra: Extra,
) -> Writing {
    Box::pin(async move {
        let answer = match until_answered(&*store, &write).await {
            Err(WriteRefused::Store(why)) => {
                leave_out_children(&mut batch, &mut write, extra);
                let answer = until_answered(&*store, &write).await;
                return Sent { batch, end: None, no_room: Some(why), answer };
            }
            answer => answer,
        };
        if matches!(answer, Err(WriteRefused::NewsCame { .. })) {
            give_back(&mut batch, write, extra);
        }
        Sent { batch, end, no_room: None, answer }
    })
}

/// A store error is an answer only where it says that there is no room for children.
async fn until_answered(store: &dyn TaskStore, write: &TaskWrite) -> Result<Written, WriteRefused> {
    let mut backoff = Backoff::default();
    let mut failed = false;
    loop {
        match store.write(write.clone()).await {
            Err(WriteRefused::Store(StoreError::Full(why))) if !write.children.is_empty() => {
                return Err(StoreError::Full(why).into());
            }
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
    take_back_ending(&mut write, extra);
    batch.events = write.events;
    batch.children = write.children;
    batch.notifications = write.notifications;
    batch.signals_taken = write.signals_taken;
}

fn take_back_ending(write: &mut TaskWrite, extra: Extra) {
    write.events.truncate(write.events.len().saturating_sub(extra.events));
    write.children.truncate(write.children.len().saturating_sub(extra.children));
    write.notifications.truncate(write.notifications.len().saturating_sub(extra.notifications));
    write.summary = extra.summary;
    write.then = Then::GoOn;
}

/// What is told beside the children stays, outcomes of steps above all.
fn leave_out_children(batch: &mut Batch, write: &mut TaskWrite, extra: Extra) {
    take_back_ending(write, extra);
    let children: Vec<_> = write.children.drain(..).map(|child| child.id).collect();
    let started = |body: &str| match LogEntry::new(0, body).event().map(|event| event.fact) {
        Ok(Fact::ChildStarted(started)) => children.contains(&started.child),
        _ => false,
    };
    let mut left_out = Vec::new();
    for (place, body) in std::mem::take(&mut write.events).into_iter().enumerate() {
        if started(&body) {
            left_out.push(place);
        } else {
            write.events.push(body);
        }
    }
    for (_, place) in &mut batch.chunks {
        *place -= left_out.iter().filter(|out| **out < *place).count();
    }
}
