//! What the parts of one worker share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use caudal_engine::Engine;
use caudal_engine::ports::{WorkerReport, WorkerStatus};
use caudal_engine::task::{Timestamp, WorkerId};

use crate::quarantine::Quarantine;
use crate::running::Running;

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) id: WorkerId,
    pub(crate) since: Timestamp,
    pub(crate) concurrency: usize,
    pub(crate) running: Arc<Running>,
    pub(crate) quarantine: Mutex<Quarantine>,
    pub(crate) draining: AtomicBool,
}

impl Shared {
    pub(crate) fn quarantine(&self) -> MutexGuard<'_, Quarantine> {
        self.quarantine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WorkerReport for Shared {
    fn status(&self) -> WorkerStatus {
        WorkerStatus {
            id: self.id.clone(),
            since: self.since,
            concurrency: self.concurrency,
            draining: self.draining.load(Ordering::Relaxed),
            flows: self.engine.registry.known().map(|(name, flow)| (name, flow.version)).collect(),
            running: self.running.list(),
        }
    }
}
