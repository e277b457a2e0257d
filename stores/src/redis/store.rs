//! The store as the process sees it: the port's methods, each a script or a read.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::notification::NewNotification;
use caudal_engine::ports::{
    Bell, ClaimRequest, Claimed, Clock, Control, ControlRefused, CreateRefused, Created, IdSource, NewSignal, Renewed,
    Rescued, SignalAccepted, SignalRefused, StoreError, StoreStats, TaskFilter, TaskPage, TaskStore, TaskWrite,
    WorkerStatus, WriteRefused, Written,
};
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::{
    Claim, ErrorReport, Limits, LogEntry, NewTask, TaskId, TaskRecord, TaskState, Tenant, Timestamp, WorkerId,
};
use tokio::sync::oneshot;

use super::keys::Keys;
use super::layout::Layout;
use super::nodes::Nodes;
use super::outbox::OutboxRounds;
use super::reply;
use super::rounds::Rounds;
use super::scripts::CHECK;
use super::settings::StoreTime;
use super::short_writes::ShortWrites;
use super::watches::Watches;

pub struct RedisStore {
    pub(super) nodes: Arc<Nodes>,
    pub(super) keys: Arc<Keys>,
    pub(super) layout: Arc<Layout>,
    pub(super) rounds: Arc<Rounds>,
    pub(super) outbox_rounds: Arc<OutboxRounds>,
    pub(super) watches: Arc<Watches>,
    pub(super) short_writes: Arc<ShortWrites>,
    pub(super) bell: Arc<Bell>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn IdSource>,
    pub(super) limits: Limits,
    pub(super) lease: Duration,
    pub(super) most_unarchived_bytes: Option<u64>,
    pub(super) archived_grace: Duration,
    pub(super) most_archived_bytes: u64,
    pub(super) time: StoreTime,
    /// As its server is configured.
    pub(super) may_lose: Duration,
    pub(super) thread: IoThread,
}

/// The thread that keeps the connections: a flow that blocks the process's other threads cannot keep leases from being
/// renewed. It ends when this is dropped.
pub(super) struct IoThread {
    pub(super) stop: Mutex<Option<oneshot::Sender<()>>>,
    pub(super) thread: Mutex<Option<JoinHandle<()>>>,
}

impl IoThread {
    fn stop(&self) -> Option<JoinHandle<()>> {
        drop(self.stop.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for IoThread {
    fn drop(&mut self) {
        // It is not waited for: nothing of ours is left in it, and whoever drops this may be in its runtime.
        drop(self.stop());
    }
}

impl RedisStore {
    /// Closes the connections. Later operations are refused.
    pub async fn shutdown(&self) {
        if let Some(thread) = self.thread.stop() {
            // One that panicked has nothing more to close.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        self.nodes.close();
    }

    pub(super) fn turned(&self) -> String {
        self.time.turned(&*self.clock)
    }

    /// How far a time of the process's clock is from now: the clocks of process and server need not agree.
    pub(super) fn offset_of(&self, at: Timestamp) -> i64 {
        at.as_millis().saturating_sub(self.clock.now().as_millis())
    }

    /// Now, by the clock that decides.
    pub(super) async fn store_now(&self) -> Result<i64, StoreError> {
        if self.time == StoreTime::Process {
            return Ok(self.clock.now().as_millis());
        }
        let [seconds, micros] = reply::tuple(self.nodes.send(0, &redis::cmd("TIME")).await?)?;
        Ok(reply::int(&seconds)? * 1_000 + reply::int(&micros)? / 1_000)
    }

    /// Writes a little on each server.
    async fn check_all(&self) -> Result<(), StoreError> {
        let mut checked: Vec<String> = Vec::new();
        for partition in 0..self.layout.partitions() {
            let address = self.nodes.of(partition).map(|node| node.address.clone()).unwrap_or_default();
            if !checked.contains(&address) {
                let call = CHECK.call(&self.keys.of(partition)).arg(self.clock.now().as_millis());
                self.nodes.call(partition, &call).await?;
                checked.push(address);
            }
        }
        Ok(())
    }
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[async_trait]
impl TaskStore for RedisStore {
    fn partitions(&self) -> u16 {
        self.layout.partitions()
    }

    fn lease(&self) -> Option<Duration> {
        Some(self.lease)
    }

    fn finds_lost_news(&self) -> bool {
        true
    }

    fn may_lose(&self) -> Duration {
        self.may_lose
    }

    async fn create(&self, tasks: Vec<NewTask>) -> Result<Vec<Result<Created, CreateRefused>>, StoreError> {
        self.create_all(&tasks).await
    }

    async fn created_under(&self, tenant: &Tenant, used: &Idempotency) -> Result<Option<TaskId>, StoreError> {
        self.settled_use(tenant, used).await
    }

    async fn claim_next(&self, request: ClaimRequest) -> Result<Claimed, StoreError> {
        self.claim_round(request).await
    }

    async fn report_worker(&self, status: &WorkerStatus, lifetime: Duration) -> Result<(), StoreError> {
        self.write_worker(status, lifetime).await
    }

    async fn forget_worker(&self, worker: &WorkerId) -> Result<(), StoreError> {
        self.remove_worker(worker).await
    }

    async fn reported_workers(&self) -> Result<Option<Vec<WorkerStatus>>, StoreError> {
        self.read_workers().await.map(Some)
    }

    async fn renew(&self, _worker: &WorkerId, claims: &[(TaskId, Claim)]) -> Result<Vec<Renewed>, StoreError> {
        self.renew_all(claims).await
    }

    async fn write(&self, write: TaskWrite) -> Result<Written, WriteRefused> {
        self.watches.stand(write.task).await;
        self.write_once(&write).await
    }

    async fn rescue(&self, most: usize) -> Result<Vec<Rescued>, StoreError> {
        self.rescue_round(most).await
    }

    async fn fail_queued(
        &self,
        task: TaskId,
        error: ErrorReport,
        notifications: Vec<NewNotification>,
    ) -> Result<bool, StoreError> {
        self.fail_once(task, error, &notifications).await
    }

    async fn control(&self, tenant: &Tenant, task: TaskId, control: Control) -> Result<TaskState, ControlRefused> {
        self.watches.stand(task).await;
        self.control_once(tenant, task, control).await
    }

    async fn signal(&self, tenant: &Tenant, signal: NewSignal) -> Result<SignalAccepted, SignalRefused> {
        self.watches.stand(signal.task).await;
        self.signal_once(tenant, &signal).await
    }

    async fn task(&self, tenant: &Tenant, task: TaskId) -> Result<Option<TaskRecord>, StoreError> {
        self.watches.stand(task).await;
        self.read_task(tenant, task).await
    }

    async fn task_and_log(
        &self,
        tenant: &Tenant,
        task: TaskId,
    ) -> Result<Option<(TaskRecord, Vec<LogEntry>)>, StoreError> {
        self.watches.stand(task).await;
        self.read_task_and_log(tenant, task).await
    }

    async fn events(&self, task: TaskId, after: u64, most_bytes: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.watches.stand(task).await;
        self.read_events(task, after, most_bytes).await
    }

    async fn last_event(&self, task: TaskId) -> Result<Option<LogEntry>, StoreError> {
        self.watches.stand(task).await;
        self.read_last_event(task).await
    }

    async fn list(&self, filter: &TaskFilter) -> Result<TaskPage, StoreError> {
        self.list_page(filter).await
    }

    async fn delete(&self, tenant: &Tenant, task: TaskId) -> Result<(), ControlRefused> {
        self.delete_one(tenant, task).await
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        self.read_stats().await
    }

    async fn clean(&self, keep_ended: Duration, keep_bytes: u64, most: usize) -> Result<usize, StoreError> {
        self.clean_some(keep_ended, keep_bytes, most).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.check_all().await
    }
}
