//! What can be set about a worker.

use std::time::Duration;

#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// How many tasks it runs at once, at most. A flow can have a lower limit of its own.
    pub concurrency: usize,
    /// How long a drain lets steps that are in flight finish.
    pub grace: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self { concurrency: 64, grace: Duration::from_secs(30) }
    }
}
