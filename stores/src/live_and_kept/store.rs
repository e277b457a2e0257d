//! The two parts as one [`TaskStore`].
//!
//! Reads ask the live part first: a task is kept before the live part lets go of it, so it is always found in one of
//! them.

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::notification::NewNotification;
use caudal_engine::ports::{
    ClaimRequest, Claimed, Control, ControlRefused, CreateRefused, Created, IdleWorker, NewSignal, Renewed, Rescued,
    SignalAccepted, SignalRefused, StoreError, StoreStats, TaskFilter, TaskPage, TaskStore, TaskWrite, WorkerStatus,
    WriteRefused, Written,
};
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::{Claim, ErrorReport, LogEntry, NewTask, TaskId, TaskRecord, TaskState, Tenant, WorkerId};

use super::live::LivePart;
use super::{kept_task, pages};
use crate::postgres::PostgresStore;

pub struct LiveAndKeptStore {
    live: Arc<dyn LivePart>,
    kept: Arc<PostgresStore>,
}

impl LiveAndKeptStore {
    pub fn new(live: Arc<dyn LivePart>, kept: Arc<PostgresStore>) -> Self {
        Self { live, kept }
    }
}

#[async_trait]
impl TaskStore for LiveAndKeptStore {
    fn partitions(&self) -> u16 {
        self.live.partitions()
    }

    fn lease(&self) -> Option<Duration> {
        self.live.lease()
    }

    fn finds_lost_news(&self) -> bool {
        self.live.finds_lost_news()
    }

    fn may_lose(&self) -> Duration {
        self.live.may_lose()
    }

    async fn create(&self, tasks: Vec<NewTask>) -> Result<Vec<Result<Created, CreateRefused>>, StoreError> {
        self.live.create(tasks).await
    }

    async fn created_under(&self, tenant: &Tenant, used: &Idempotency) -> Result<Option<TaskId>, StoreError> {
        self.live.created_under(tenant, used).await
    }

    async fn claim_next(&self, request: ClaimRequest) -> Result<Claimed, StoreError> {
        self.live.claim_next(request).await
    }

    fn attach(&self, worker: Weak<dyn IdleWorker>) {
        self.live.attach(worker);
    }

    async fn report_worker(&self, status: &WorkerStatus, lifetime: Duration) -> Result<(), StoreError> {
        self.live.report_worker(status, lifetime).await
    }

    async fn forget_worker(&self, worker: &WorkerId) -> Result<(), StoreError> {
        self.live.forget_worker(worker).await
    }

    async fn reported_workers(&self) -> Result<Option<Vec<WorkerStatus>>, StoreError> {
        self.live.reported_workers().await
    }

    async fn renew(&self, worker: &WorkerId, claims: &[(TaskId, Claim)]) -> Result<Vec<Renewed>, StoreError> {
        self.live.renew(worker, claims).await
    }

    async fn write(&self, write: TaskWrite) -> Result<Written, WriteRefused> {
        self.live.write(write).await
    }

    async fn rescue(&self, most: usize) -> Result<Vec<Rescued>, StoreError> {
        self.live.rescue(most).await
    }

    async fn fail_queued(
        &self,
        task: TaskId,
        error: ErrorReport,
        notifications: Vec<NewNotification>,
    ) -> Result<bool, StoreError> {
        self.live.fail_queued(task, error, notifications).await
    }

    async fn control(&self, tenant: &Tenant, task: TaskId, control: Control) -> Result<TaskState, ControlRefused> {
        match self.live.control(tenant, task, control).await {
            Err(ControlRefused::NotFound) => kept_task::control(&self.kept, tenant, task, control).await,
            answer => answer,
        }
    }

    async fn signal(&self, tenant: &Tenant, signal: NewSignal) -> Result<SignalAccepted, SignalRefused> {
        match self.live.signal(tenant, signal.clone()).await {
            Err(SignalRefused::NotFound) => Err(kept_task::signal(&self.kept, tenant, &signal).await),
            answer => answer,
        }
    }

    async fn task(&self, tenant: &Tenant, task: TaskId) -> Result<Option<TaskRecord>, StoreError> {
        match self.live.task(tenant, task).await? {
            None => self.kept.task(tenant, task).await,
            found => Ok(found),
        }
    }

    async fn task_and_log(
        &self,
        tenant: &Tenant,
        task: TaskId,
    ) -> Result<Option<(TaskRecord, Vec<LogEntry>)>, StoreError> {
        match self.live.task_and_log(tenant, task).await? {
            None => Ok(self.kept.task(tenant, task).await?.map(|record| (record, Vec::new()))),
            found => Ok(found),
        }
    }

    async fn events(&self, task: TaskId, after: u64, most_bytes: usize) -> Result<Vec<LogEntry>, StoreError> {
        let entries = self.live.events(task, after, most_bytes).await?;
        // A reader that has all there is of a live task asks nothing of the kept part.
        if !entries.is_empty() || self.live.last_event(task).await?.is_some() {
            return Ok(entries);
        }
        self.kept.events(task, after, most_bytes).await
    }

    async fn last_event(&self, task: TaskId) -> Result<Option<LogEntry>, StoreError> {
        match self.live.last_event(task).await? {
            None => self.kept.last_event(task).await,
            found => Ok(found),
        }
    }

    /// Without the kept part, what is live.
    async fn list(&self, filter: &TaskFilter) -> Result<TaskPage, StoreError> {
        let live = self.live.list(filter).await?;
        match self.kept.list(filter).await {
            Ok(kept) => Ok(pages::merge(live, kept, filter.limit)),
            Err(error) => {
                tracing::debug!(error = %error, "a list is partial: the kept tasks cannot be read");
                Ok(TaskPage { partial: true, ..live })
            }
        }
    }

    /// From the live part first: what is not in it any more cannot be archived.
    async fn delete(&self, tenant: &Tenant, task: TaskId) -> Result<(), ControlRefused> {
        match self.live.delete(tenant, task).await {
            Ok(()) => match self.kept.delete(tenant, task).await {
                Err(ControlRefused::NotFound) => Ok(()),
                answer => answer,
            },
            Err(ControlRefused::NotFound) => self.kept.delete(tenant, task).await,
            refused => refused,
        }
    }

    /// Without the kept part, those of the live one.
    async fn stats(&self) -> Result<StoreStats, StoreError> {
        let mut stats = self.live.stats().await?;
        match self.kept.stats().await {
            Ok(kept) => add(&mut stats, kept),
            Err(error) => tracing::debug!(error = %error, "the figures leave out the kept tasks: they cannot be read"),
        }
        Ok(stats)
    }

    /// The bound on bytes is for what is kept: the live part holds what it must, and has bounds of its own.
    async fn clean(&self, keep_ended: Duration, keep_bytes: u64, most: usize) -> Result<usize, StoreError> {
        let forgotten = self.live.clean(keep_ended, u64::MAX, most).await?;
        if forgotten >= most {
            return Ok(forgotten);
        }
        Ok(forgotten + self.kept.clean(keep_ended, keep_bytes, most - forgotten).await?)
    }

    /// New work needs the live part alone.
    async fn check(&self) -> Result<(), StoreError> {
        self.live.check().await
    }
}

fn add(stats: &mut StoreStats, kept: StoreStats) {
    for (flow, state, tasks) in kept.tasks {
        match stats.tasks.iter_mut().find(|(known, of, _)| *known == flow && *of == state) {
            Some((_, _, count)) => *count += tasks,
            None => stats.tasks.push((flow, state, tasks)),
        }
    }
    stats.bytes += kept.bytes;
}
