//! Starts a worker and drains it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use caudal_engine::Engine;
use caudal_engine::ports::{IdSource, WorkerReport, WorkerStatus};
use caudal_engine::task::WorkerId;
use caudal_engine::use_cases::run::hold::Order;
use caudal_runtime::Runtime;
use tokio::task::JoinSet;

use crate::claims::TaskClaims;
use crate::execution::execute;
use crate::lease_renewer::LeaseRenewer;
use crate::quarantine::Quarantine;
use crate::running::Running;
use crate::settings::WorkerSettings;
use crate::shared::Shared;
use crate::task_cleaner::clean_tasks;
use crate::task_rescuer::rescue_tasks;
use crate::worker_reporter::report_worker;

/// How long tasks whose steps were dropped may take to be handed back; then they are left to the next rescue.
const HANDING_BACK: Duration = Duration::from_secs(5);

/// The worker role of a process.
pub struct Worker;

/// A worker at work. Dropping it is a crash on a small scale: what runs is dropped and stays claimed.
pub struct WorkerHandle {
    shared: Arc<Shared>,
    grace: Duration,
    runtime: Option<Runtime>,
    loops: JoinSet<()>,
    _renewer: Option<LeaseRenewer>,
}

/// What became of a worker's tasks when it drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Tasks that could not be handed back in time; they are rescued later.
    pub left_behind: usize,
}

impl Worker {
    /// Starts to take over, claim and run tasks. Must be called within a tokio runtime.
    pub fn start(engine: Engine, settings: WorkerSettings) -> std::io::Result<WorkerHandle> {
        let shared = Arc::new(Shared {
            id: worker_id(&*engine.ids),
            since: engine.clock.now(),
            concurrency: settings.concurrency.max(1),
            running: Arc::new(Running::default()),
            quarantine: Quarantine::new(spread(&engine)).into(),
            draining: AtomicBool::new(false),
            engine,
        });
        let renewer = LeaseRenewer::start(shared.clone())?;
        let mut loops = JoinSet::new();
        loops.spawn(rescue_tasks(shared.clone()));
        loops.spawn(clean_tasks(shared.clone()));
        loops.spawn(report_worker(shared.clone()));
        let claims = TaskClaims::new(shared.clone());
        let executing = shared.clone();
        let runtime = Runtime::start(shared.id.as_str(), shared.concurrency, claims, move |work| {
            execute(executing.clone(), work)
        });
        shared.engine.workers.put(shared.id.clone(), shared.clone());
        tracing::info!(worker = %shared.id, concurrency = shared.concurrency, "worker started");
        Ok(WorkerHandle { shared, grace: settings.grace, runtime: Some(runtime), loops, _renewer: renewer })
    }
}

impl WorkerHandle {
    pub fn id(&self) -> &WorkerId {
        &self.shared.id
    }

    pub fn status(&self) -> WorkerStatus {
        self.shared.status()
    }

    /// Hands everything back: stops claiming, asks every task to let go at its next checkpoint, drops the steps
    /// that are still in flight after the grace time, and returns when all are handed back, in bounded time.
    pub async fn drain(mut self) -> Drained {
        let Some(runtime) = self.runtime.take() else { return Drained { left_behind: 0 } };
        self.shared.draining.store(true, Ordering::Relaxed);
        runtime.stop_claiming();
        let running = &self.shared.running;
        tracing::info!(tasks = running.len(), grace_seconds = self.grace.as_secs(), "worker drains");
        running.order_all_from_now_on(Order::Release);
        if tokio::time::timeout(self.grace, runtime.idle()).await.is_err() {
            tracing::warn!(tasks = running.len(), "the grace time is over; steps in flight are dropped");
            running.order_all_from_now_on(Order::ReleaseNow);
        }
        let left_behind = runtime.finish(HANDING_BACK).await;
        // The loop that reports must not bring it back.
        self.loops.abort_all();
        if let Err(error) = self.shared.engine.store.forget_worker(&self.shared.id).await {
            tracing::debug!(%error, "others see this worker a little longer");
        }
        if left_behind > 0 {
            tracing::error!(tasks = left_behind, "tasks could not be handed back; they will be rescued");
        }
        Drained { left_behind }
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        self.shared.engine.workers.remove(&self.shared.id);
    }
}

/// `host:pid:random`, so that people can tell where it was and no two are the same.
fn worker_id(ids: &dyn IdSource) -> WorkerId {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "localhost" } else { host.trim() };
    WorkerId::new(format!("{host}:{}:{:08x}", std::process::id(), ids.random() >> 32))
}

/// Where other processes may take a suspect, too, each waits a little differently before it makes room for one.
fn spread(engine: &Engine) -> Duration {
    match engine.store.lease() {
        Some(_) => Duration::from_millis(engine.ids.random() % 1000),
        None => Duration::ZERO,
    }
}
