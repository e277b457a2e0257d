//! What the parts of one worker share.

use std::collections::BTreeMap;
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

    /// What this worker claims: the flows it knows and has all for that they need.
    fn ready_flows(&self) -> BTreeMap<Arc<str>, u32> {
        let ready = self.engine.registry.known().filter(|(_, flow)| flow.missing(&self.engine.resources).is_empty());
        ready.map(|(name, flow)| (name, flow.version)).collect()
    }
}

impl WorkerReport for Shared {
    fn status(&self) -> WorkerStatus {
        WorkerStatus {
            id: self.id.clone(),
            since: self.since,
            concurrency: self.concurrency,
            draining: self.draining.load(Ordering::Relaxed),
            flows: self.ready_flows(),
            running: self.running.list(),
        }
    }
}
