//! A live part for tests: the engine's memory store, which notes what has ended.
//!
//! What is archived is shown to readers no more, as if its time were over; or it is, and only whoever repeats an
//! operation is answered, as a live part does for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::notification::NewNotification;
use caudal_engine::ports::{
    ClaimRequest, Claimed, Control, ControlRefused, CreateRefused, Created, Feed, NewSignal, Renewed, Rescued,
    SignalAccepted, SignalRefused, StoreError, StoreStats, TaskChange, TaskFilter, TaskPage, TaskStore, TaskWrite,
    ToldChange, WriteRefused, Written,
};
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::{
    Claim, ErrorReport, LogEntry, NewTask, TaskId, TaskRecord, TaskState, Tenant, WireState, WorkerId,
};
use caudal_engine::testing::conformance::Parts;
use caudal_engine::testing::memory::MemoryStore;
use caudal_stores::ended_task::EndedTask;
use caudal_stores::live_and_kept::{LivePart, Unarchived};
use caudal_stores::log_page::LogPage;
use tokio::sync::broadcast;

pub struct MemoryLive {
    pub memory: Arc<MemoryStore>,
    /// Readers do not see archived tasks.
    hides: bool,
    feed: Arc<Feed>,
    changes: Mutex<broadcast::Receiver<ToldChange>>,
    noted: Mutex<Noted>,
}

#[derive(Default)]
pub struct Noted {
    pub waiting: BTreeMap<TaskId, Tenant>,
    pub archived: BTreeMap<TaskId, Tenant>,
    pub set_aside: BTreeMap<TaskId, String>,
    /// How often a batch was asked for.
    pub asked: usize,
    /// There is news with every batch.
    pub is_busy: bool,
    pub presses: bool,
}

impl MemoryLive {
    pub fn new(parts: Parts, hides: bool) -> Arc<Self> {
        let Parts { clock, ids, bell, feed, limits } = parts;
        let changes = Mutex::new(feed.changes());
        let memory = Arc::new(MemoryStore::new(clock, ids, bell, feed.clone(), limits));
        Arc::new(Self { memory, hides, feed, changes, noted: Mutex::default() })
    }

    pub fn noted(&self) -> MutexGuard<'_, Noted> {
        let mut noted = self.noted.lock().unwrap();
        let mut changes = self.changes.lock().unwrap();
        while let Ok(ToldChange { change, .. }) = changes.try_recv() {
            let is_known = noted.archived.contains_key(&change.task) || noted.set_aside.contains_key(&change.task);
            if change.state.is_ended() && !is_known {
                noted.waiting.insert(change.task, change.tenant);
            }
        }
        noted
    }

    fn is_hidden(&self, task: TaskId) -> bool {
        self.hides && self.noted().archived.contains_key(&task)
    }

    async fn archived_task(&self, task: TaskId, tenant: &Tenant) -> Option<EndedTask> {
        let record = self.memory.task(tenant, task).await.unwrap()?;
        let log = self.memory.events(task, 0, usize::MAX).await.unwrap();
        Some(EndedTask { record, log: LogPage::of(&log).into_iter().collect() })
    }
}

#[async_trait]
impl TaskStore for MemoryLive {
    fn lease(&self) -> Option<Duration> {
        self.memory.lease()
    }

    async fn create(&self, tasks: Vec<NewTask>) -> Result<Vec<Result<Created, CreateRefused>>, StoreError> {
        self.memory.create(tasks).await
    }

    async fn created_under(&self, tenant: &Tenant, used: &Idempotency) -> Result<Option<TaskId>, StoreError> {
        self.memory.created_under(tenant, used).await
    }

    async fn claim_next(&self, request: ClaimRequest) -> Result<Claimed, StoreError> {
        self.memory.claim_next(request).await
    }

    async fn renew(&self, worker: &WorkerId, claims: &[(TaskId, Claim)]) -> Result<Vec<Renewed>, StoreError> {
        self.memory.renew(worker, claims).await
    }

    async fn write(&self, write: TaskWrite) -> Result<Written, WriteRefused> {
        self.memory.write(write).await
    }

    async fn rescue(&self, most: usize) -> Result<Vec<Rescued>, StoreError> {
        self.memory.rescue(most).await
    }

    async fn fail_queued(
        &self,
        task: TaskId,
        error: ErrorReport,
        notifications: Vec<NewNotification>,
    ) -> Result<bool, StoreError> {
        self.memory.fail_queued(task, error, notifications).await
    }

    async fn control(&self, tenant: &Tenant, task: TaskId, control: Control) -> Result<TaskState, ControlRefused> {
        if self.is_hidden(task) {
            return Err(ControlRefused::NotFound);
        }
        self.memory.control(tenant, task, control).await
    }

    async fn signal(&self, tenant: &Tenant, signal: NewSignal) -> Result<SignalAccepted, SignalRefused> {
        // A repeat is known by its id.
        if self.is_hidden(signal.task) && signal.id.is_none() {
            return Err(SignalRefused::NotFound);
        }
        self.memory.signal(tenant, signal).await
    }

    async fn task(&self, tenant: &Tenant, task: TaskId) -> Result<Option<TaskRecord>, StoreError> {
        Ok(self.memory.task(tenant, task).await?.filter(|_| !self.is_hidden(task)))
    }

    async fn events(&self, task: TaskId, after: u64, most_bytes: usize) -> Result<Vec<LogEntry>, StoreError> {
        if self.is_hidden(task) {
            return Ok(Vec::new());
        }
        self.memory.events(task, after, most_bytes).await
    }

    async fn last_event(&self, task: TaskId) -> Result<Option<LogEntry>, StoreError> {
        Ok(self.memory.last_event(task).await?.filter(|_| !self.is_hidden(task)))
    }

    async fn list(&self, filter: &TaskFilter) -> Result<TaskPage, StoreError> {
        let mut page = self.memory.list(filter).await?;
        page.items.retain(|record| !self.is_hidden(record.id));
        Ok(page)
    }

    async fn delete(&self, tenant: &Tenant, task: TaskId) -> Result<(), ControlRefused> {
        if self.is_hidden(task) {
            return Err(ControlRefused::NotFound);
        }
        self.memory.delete(tenant, task).await
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        let mut stats = self.memory.stats().await?;
        let archived: Vec<_> = self.noted().archived.clone().into_iter().collect();
        for (task, tenant) in archived {
            let Some(record) = self.memory.task(&tenant, task).await? else { continue };
            let same =
                |(flow, state, _): &&mut (Arc<str>, TaskState, u64)| *flow == record.flow && *state == record.state;
            if let Some((_, _, count)) = stats.tasks.iter_mut().find(same) {
                *count -= 1;
            }
        }
        stats.tasks.retain(|(_, _, count)| *count > 0);
        Ok(stats)
    }

    async fn clean(&self, _: Duration, _: u64, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl LivePart for MemoryLive {
    async fn unarchived(&self) -> Result<Unarchived, StoreError> {
        let noted = self.noted();
        Ok(Unarchived {
            tasks: noted.waiting.len() as u64,
            set_aside: noted.set_aside.len() as u64,
            presses: noted.presses,
            ..Unarchived::default()
        })
    }

    async fn to_archive(&self, most: usize, most_bytes: usize) -> Result<Vec<EndedTask>, StoreError> {
        let (waiting, is_busy) = {
            let mut noted = self.noted();
            noted.asked += 1;
            (noted.waiting.clone(), noted.is_busy)
        };
        if let Some((task, tenant)) = waiting.first_key_value().filter(|_| is_busy) {
            let (task, tenant) = (*task, tenant.clone());
            self.feed.publish_change(TaskChange { task, tenant, flow: "busy".into(), state: WireState::Progress });
        }
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for (task, tenant) in waiting {
            let Some(ended) = self.archived_task(task, &tenant).await else {
                self.noted().waiting.remove(&task);
                continue;
            };
            bytes += ended.bytes();
            if batch.len() == most || (bytes > most_bytes && !batch.is_empty()) {
                break;
            }
            batch.push(ended);
        }
        Ok(batch)
    }

    async fn archived(&self, tasks: &[TaskId]) -> Result<(), StoreError> {
        for task in tasks {
            let Some(tenant) = self.noted().waiting.remove(task) else { continue };
            self.noted().archived.insert(*task, tenant);
        }
        Ok(())
    }

    async fn set_aside(&self, task: TaskId, error: &str) -> Result<(), StoreError> {
        let mut noted = self.noted();
        noted.waiting.remove(&task);
        noted.set_aside.insert(task, error.to_owned());
        Ok(())
    }

    async fn retry_set_aside(&self) -> Result<u64, StoreError> {
        let mut noted = self.noted();
        let aside = std::mem::take(&mut noted.set_aside);
        let retried = aside.len() as u64;
        noted.waiting.extend(aside.into_keys().map(|task| (task, Tenant::default())));
        Ok(retried)
    }
}
