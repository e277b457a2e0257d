//! The board of a process: which workers are in it and what each is running now, for whoever wants to show it.
//! Workers of other processes are heard of through the store, where they report now and then.
//!
//! A worker puts itself on the board when it starts and takes itself off when it has drained. It is asked when
//! somebody looks, so that running a task costs nothing here.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::task::{TaskId, Timestamp, WorkerId};

/// A worker and what it is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerStatus {
    pub id: WorkerId,
    pub since: Timestamp,
    /// How many tasks it runs at once, at most.
    pub concurrency: usize,
    /// It claims nothing more and hands back what it runs.
    pub draining: bool,
    /// The flows it knows and is ready to run, by name, and the highest version of each that it runs.
    pub flows: BTreeMap<Arc<str>, u32>,
    /// Oldest first.
    pub running: Vec<RunningTask>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunningTask {
    pub task: TaskId,
    pub flow: Arc<str>,
    /// When this worker claimed it.
    pub since: Timestamp,
}

/// What a worker answers when somebody looks at the board.
pub trait WorkerReport: Send + Sync + 'static {
    fn status(&self) -> WorkerStatus;
}

#[derive(Default)]
pub struct WorkerBoard(RwLock<BTreeMap<WorkerId, Arc<dyn WorkerReport>>>);

impl WorkerBoard {
    pub fn put(&self, id: WorkerId, report: Arc<dyn WorkerReport>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id, report);
    }

    pub fn remove(&self, id: &WorkerId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// The workers of this process, by id.
    pub fn workers(&self) -> Vec<WorkerStatus> {
        let reports: Vec<_> = self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        reports.iter().map(|report| report.status()).collect()
    }
}

impl std::fmt::Debug for WorkerBoard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("WorkerBoard").field(&self.workers()).finish()
    }
}
