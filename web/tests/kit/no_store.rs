//! A store that cannot be reached.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::notification::NewNotification;
use caudal_engine::ports::*;
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::*;
use caudal_engine::testing::memory::MemoryStore;

/// What becomes of a start; all else finds nobody.
#[derive(Default)]
pub enum NoStore {
    #[default]
    Away,
    /// It was there for long enough to take a task.
    Takes(Arc<MemoryStore>),
    ArchiveBehind,
}

fn gone() -> StoreError {
    StoreError::Unavailable("10.0.0.9:6379 refused".to_owned())
}

#[async_trait]
impl TaskStore for NoStore {
    fn lease(&self) -> Option<Duration> {
        None
    }
    async fn create(&self, new: Vec<NewTask>) -> Result<Vec<Result<Created, CreateRefused>>, StoreError> {
        match self {
            Self::Takes(store) => store.create(new).await,
            Self::ArchiveBehind => Ok(new.iter().map(|_| Err(CreateRefused::ArchiveBehind)).collect()),
            Self::Away => Err(gone()),
        }
    }
    async fn created_under(&self, _: &Tenant, _: &Idempotency) -> Result<Option<TaskId>, StoreError> {
        Err(gone())
    }
    async fn claim_next(&self, _: ClaimRequest) -> Result<Claimed, StoreError> {
        Err(gone())
    }
    async fn renew(&self, _: &WorkerId, _: &[(TaskId, Claim)]) -> Result<Vec<Renewed>, StoreError> {
        Err(gone())
    }
    async fn write(&self, _: TaskWrite) -> Result<Written, WriteRefused> {
        Err(gone().into())
    }
    async fn rescue(&self, _: usize) -> Result<Vec<Rescued>, StoreError> {
        Err(gone())
    }
    async fn fail_queued(&self, _: TaskId, _: ErrorReport, _: Vec<NewNotification>) -> Result<bool, StoreError> {
        Err(gone())
    }
    async fn control(&self, _: &Tenant, _: TaskId, _: Control) -> Result<TaskState, ControlRefused> {
        Err(gone().into())
    }
    async fn signal(&self, _: &Tenant, _: NewSignal) -> Result<SignalAccepted, SignalRefused> {
        Err(gone().into())
    }
    async fn task(&self, _: &Tenant, _: TaskId) -> Result<Option<TaskRecord>, StoreError> {
        Err(gone())
    }
    async fn events(&self, _: TaskId, _: u64, _: usize) -> Result<Vec<LogEntry>, StoreError> {
        Err(gone())
    }
    async fn last_event(&self, _: TaskId) -> Result<Option<LogEntry>, StoreError> {
        Err(gone())
    }
    async fn list(&self, _: &TaskFilter) -> Result<TaskPage, StoreError> {
        Err(gone())
    }
    async fn delete(&self, _: &Tenant, _: TaskId) -> Result<(), ControlRefused> {
        Err(gone().into())
    }
    async fn stats(&self) -> Result<StoreStats, StoreError> {
        Err(gone())
    }
    async fn clean(&self, _: Duration, _: u64, _: usize) -> Result<usize, StoreError> {
        Err(gone())
    }
    async fn check(&self) -> Result<(), StoreError> {
        Err(gone())
    }
}
