//! A store in memory: the port's meaning with nothing else in the way, and what the test kit runs flows on.
//!
//! Everything is behind one lock, so each operation is atomic by holding it. What an operation has to announce is
//! collected under the lock and told after it is released, in order, by whoever comes first.

mod announcements;
mod claim;
mod clean;
mod control;
mod crash;
mod create;
mod end;
mod list;
mod outbox;
mod rescue;
mod signal;
mod state;
mod write;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use self::crash::{CrashPlan, Fate};
use self::state::State;
use super::any_template::AnyTemplate;
use crate::engine::Notifications;
use crate::notification::{FailureAddresses, NewNotification, NotificationRecord};
use crate::ports::{
    Bell, ClaimRequest, Claimed, Clock, Control, ControlRefused, CreateRefused, Created, Feed, IdSource, NewSignal,
    Renewed, Rescued, SignalAccepted, SignalRefused, StoreError, StoreStats, TaskFilter, TaskPage, TaskStore,
    TaskWrite, WriteRefused, Written,
};
use crate::task::record::Idempotency;
use crate::task::{
    Claim, ErrorReport, Limits, LogEntry, NewTask, TaskId, TaskRecord, TaskState, Tenant, Timestamp, WorkerId,
};

pub const DEFAULT_LEASE: Duration = Duration::from_millis(2_500);

pub struct MemoryStore {
    state: Mutex<State>,
    /// Held while announcing, so that news of one task keeps its order.
    announcing: Mutex<()>,
    crash: CrashPlan,
    lease: Option<Duration>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    bell: Arc<Bell>,
    feed: Arc<Feed>,
}

impl MemoryStore {
    pub fn new(
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        bell: Arc<Bell>,
        feed: Arc<Feed>,
        limits: Limits,
    ) -> Self {
        let state = Mutex::new(State::new(limits));
        Self {
            state,
            announcing: Mutex::default(),
            crash: CrashPlan::default(),
            lease: Some(DEFAULT_LEASE),
            clock,
            ids,
            bell,
            feed,
        }
    }

    /// Another length of a claim without renewal, or none: then claims live until [`Self::expire_claims`].
    #[must_use]
    pub fn with_lease(mut self, lease: Option<Duration>) -> Self {
        self.lease = lease;
        self
    }

    /// What a crash of all workers does: the next rescue takes over every task that is claimed now.
    pub fn expire_claims(&self) {
        let now = self.clock.now();
        let mut state = self.state();
        for until in state.effects.leases.values_mut() {
            *until = now;
        }
        state.outbox.expire_claims(now);
    }

    /// All notifications, in the order of their birth.
    pub fn all_notifications(&self) -> Vec<NotificationRecord> {
        self.state().outbox.all()
    }

    /// What an engine over this store notifies with: mails of any kind can be made.
    pub fn to_notify(self: &Arc<Self>) -> Notifications {
        Notifications {
            outbox: self.clone(),
            templates: Arc::new(AnyTemplate),
            on_failure: Arc::new(FailureAddresses::default()),
        }
    }

    /// Lets the process "die" at this write (the first is 1), after it was applied or before: it is never answered.
    pub fn crash_at(&self, write: u64, applied: bool) {
        self.crash.set(write, applied);
    }

    /// Answers the next writes of running tasks with a store error, whether or not they were applied.
    pub fn refuse_writes(&self, writes: u64) {
        self.crash.set_outage(writes);
    }

    /// From now on, or no longer, it has no room for children: writes that bear some are refused.
    pub fn refuse_children(&self, refuse: bool) {
        self.crash.set_no_room(refuse);
    }

    /// Answers the next lists with a store error.
    pub fn refuse_lists(&self, lists: u64) {
        self.crash.set_refused_lists(lists);
    }

    /// Whether the planned crash has come; true once.
    pub fn take_crashed(&self) -> bool {
        self.crash.take_crashed()
    }

    pub fn has_crashed(&self) -> bool {
        self.crash.has_crashed()
    }

    /// How many writes running tasks have sent.
    pub fn writes(&self) -> u64 {
        self.crash.writes()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply<T>(&self, operation: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let answer = {
            let mut state = self.state();
            let now = self.clock.now();
            operation(&mut state, now)
        };
        self.announce();
        answer
    }

    /// When it returns, what the caller's operation had to announce was announced, by itself or by another.
    fn announce(&self) {
        let _announcing = self.announcing.lock().unwrap_or_else(PoisonError::into_inner);
        let announcements = std::mem::take(&mut self.state().effects.announcements);
        announcements.tell(&self.bell, &self.feed);
    }
}

#[async_trait]
impl TaskStore for MemoryStore {
    fn lease(&self) -> Option<Duration> {
        self.lease
    }

    async fn create(&self, tasks: Vec<NewTask>) -> Result<Vec<Result<Created, CreateRefused>>, StoreError> {
        Ok(self.apply(|state, now| tasks.into_iter().map(|new| state.create(new, now)).collect()))
    }

    async fn created_under(&self, tenant: &Tenant, used: &Idempotency) -> Result<Option<TaskId>, StoreError> {
        Ok(self.apply(|state, now| state.first_use(tenant, Some(used), now)).unwrap_or_default())
    }

    async fn claim_next(&self, request: ClaimRequest) -> Result<Claimed, StoreError> {
        self.apply(|state, now| state.claim_next(&request, now, self.lease, &*self.ids))
    }

    async fn renew(&self, _worker: &WorkerId, claims: &[(TaskId, Claim)]) -> Result<Vec<Renewed>, StoreError> {
        let renew = |state: &mut State, now| {
            claims.iter().map(|(task, claim)| state.renew(*task, *claim, self.lease, now)).collect()
        };
        Ok(self.apply(renew))
    }

    async fn write(&self, write: TaskWrite) -> Result<Written, WriteRefused> {
        let fate = self.crash.next();
        if fate == Fate::Answered && !write.children.is_empty() && !self.crash.has_room() {
            return Err(StoreError::Full("there is no room for children".to_owned()).into());
        }
        let applied = match fate {
            Fate::Lost | Fate::Refused { applied: false } => None,
            _ => Some(self.apply(|state, now| state.write(write, now))),
        };
        match (fate, applied) {
            (Fate::Answered, Some(answer)) => answer,
            (Fate::Refused { .. }, _) => Err(StoreError::Unavailable("a planned outage".to_owned()).into()),
            _ => std::future::pending().await,
        }
    }

    async fn rescue(&self, most: usize) -> Result<Vec<Rescued>, StoreError> {
        self.apply(|state, now| state.rescue(most, now))
    }

    async fn fail_queued(
        &self,
        task: TaskId,
        error: ErrorReport,
        notifications: Vec<NewNotification>,
    ) -> Result<bool, StoreError> {
        self.apply(|state, now| state.fail_queued(task, error, notifications, now))
    }

    async fn control(&self, tenant: &Tenant, task: TaskId, control: Control) -> Result<TaskState, ControlRefused> {
        self.apply(|state, now| state.control(tenant, task, control, now))
    }

    async fn signal(&self, tenant: &Tenant, signal: NewSignal) -> Result<SignalAccepted, SignalRefused> {
        self.apply(|state, now| state.signal(tenant, signal, now))
    }

    async fn task(&self, tenant: &Tenant, task: TaskId) -> Result<Option<TaskRecord>, StoreError> {
        Ok(self.state().of_tenant(tenant, task).map(|stored| stored.record.clone()))
    }

    async fn events(&self, task: TaskId, after: u64, most_bytes: usize) -> Result<Vec<LogEntry>, StoreError> {
        Ok(self.state().events(task, after, most_bytes))
    }

    async fn last_event(&self, task: TaskId) -> Result<Option<LogEntry>, StoreError> {
        Ok(self.state().tasks.get(&task).and_then(|stored| stored.entry(stored.record.head)))
    }

    async fn list(&self, filter: &TaskFilter) -> Result<TaskPage, StoreError> {
        if self.crash.refuses_list() {
            return Err(StoreError::Unavailable("as planned".to_owned()));
        }
        Ok(self.state().list(filter))
    }

    async fn delete(&self, tenant: &Tenant, task: TaskId) -> Result<(), ControlRefused> {
        self.apply(|state, _| state.delete(tenant, task))
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        let now = self.clock.now();
        Ok(self.state().stats(now))
    }

    async fn clean(&self, keep_ended: Duration, keep_bytes: u64, most: usize) -> Result<usize, StoreError> {
        Ok(self.apply(|state, now| state.clean(keep_ended, keep_bytes, most, now)))
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
