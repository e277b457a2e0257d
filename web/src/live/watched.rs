//! A task that is about to be watched, with what the asker knows of it already.

use caudal_engine::Engine;
use caudal_engine::ports::Watch;
use caudal_engine::task::{LogEntry, TaskId};

/// A watch that began before the log's head was asked for has all that came after it: the store is read up to there and
/// not asked whether that was all.
pub(crate) struct Watched {
    pub(super) task: TaskId,
    pub(super) watch: Option<Watch>,
    pub(super) head: Option<u64>,
    pub(super) entries: Vec<LogEntry>,
}

impl Watched {
    /// To be called before the task's record is read.
    pub(crate) fn begin(engine: &Engine, task: TaskId) -> Self {
        Self { watch: Some(engine.feed.watch(task)), ..Self::from(task) }
    }

    /// What the record said, and the log up to there if that came with it.
    pub(crate) fn up_to(self, head: u64, entries: Vec<LogEntry>) -> Self {
        Self { head: Some(head), entries, ..self }
    }
}

impl From<TaskId> for Watched {
    fn from(task: TaskId) -> Self {
        Self { task, watch: None, head: None, entries: Vec::new() }
    }
}
