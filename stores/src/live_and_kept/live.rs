//! What a live part must be able to do beyond being a store: hand over what has ended, and let go of what is kept.

use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::notification::{NotificationId, NotificationRecord};
use caudal_engine::ports::{NotificationOutbox, StoreError, TaskStore};
use caudal_engine::task::{TaskId, Timestamp};

use crate::ended_task::EndedTask;

/// A store that keeps an ended task until it hears that the task is archived, and forgets it some time later.
///
/// What [`TaskStore`] asks of it is meant for the tasks it holds, with two differences. Its `stats` leave out tasks
/// that are archived (they are counted where they are kept). Its `clean` never forgets a task that waits to be
/// archived.
///
/// It leaves a task wholly or not at all: while `last_event` finds one, `events` finds all.
#[async_trait]
pub trait LivePart: TaskStore {
    /// What waits to be archived. Cheap: it is asked whenever a task ends, and in between.
    async fn unarchived(&self) -> Result<Unarchived, StoreError>;

    /// Ended tasks that are neither archived nor set aside, about in the order in which they ended: at most `most`
    /// tasks and about `most_bytes` of inputs and logs, but at least one if there is one. The same ones again until the answer
    /// to [`archived`](Self::archived) or [`set_aside`](Self::set_aside).
    async fn to_archive(&self, most: usize, most_bytes: usize) -> Result<Vec<EndedTask>, StoreError>;

    /// These are kept now: they may be forgotten after a while. Repeating it, or naming a task that is gone, does
    /// nothing.
    async fn archived(&self, tasks: &[TaskId]) -> Result<(), StoreError>;

    /// This one cannot be archived: it is held on to with its error, and no longer handed over.
    async fn set_aside(&self, task: TaskId, error: &str) -> Result<(), StoreError>;

    /// Those that were set aside wait to be archived again. Answers how many.
    async fn retry_set_aside(&self) -> Result<u64, StoreError>;
}

/// An outbox that hands over what has ended, forgets it when it is kept, and takes it back to send it again.
#[async_trait]
pub trait LiveOutbox: NotificationOutbox {
    /// Those that ended longer ago than this, oldest end first. What cannot be read is set aside.
    async fn ended(&self, rest: Duration, most: usize) -> Result<Vec<NotificationRecord>, StoreError>;

    /// This one cannot be kept elsewhere: it is held on to, and no longer handed over.
    async fn set_notification_aside(&self, id: NotificationId, why: &str) -> Result<(), StoreError>;

    /// Those that were set aside are handed over again. Answers how many.
    async fn retry_notifications_set_aside(&self) -> Result<u64, StoreError>;

    /// Forgets these, unless one was sent again since. Repeating it does nothing.
    async fn let_go(&self, kept: &[NotificationRecord]) -> Result<(), StoreError>;

    /// Puts one that was let go in line; one that is here is left as it is.
    async fn restore(&self, record: &NotificationRecord) -> Result<(), StoreError>;
}

/// What waits to be archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unarchived {
    pub tasks: u64,
    /// With those that are set aside.
    pub bytes: u64,
    /// When the first of them ended.
    pub oldest: Option<Timestamp>,
    /// How many cannot be archived, and wait for somebody to look at them.
    pub set_aside: u64,
    /// Somewhere more than half of what may wait does so: soon a start will be refused.
    pub presses: bool,
}
