//! One trial of a store: what it is made with, and the few verbs in which the rules are told.
//!
//! Reading a log checks on the way what holds of every log: no gap, at most one terminal event, and that the last.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;

use super::held::Held;
use crate::ports::ids::SeededIds;
use crate::ports::{
    Bell, ClaimKind, ClaimRequest, Claimed, Clock, Control, ControlRefused, Feed, IdSource, KnownFlow, NewSignal,
    Rescued, SignalAccepted, SignalRefused, TaskStore,
};
use crate::task::event::{ErrorReport, TaskCreated};
use crate::task::{
    Event, Fact, Json, Limits, NewTask, Priority, Summary, TaskId, TaskOptions, TaskRecord, TaskState, TaskView,
    Tenant, Timestamp, WorkerId,
};
use crate::testing::clock::TestClock;

/// What a store under trial is made with.
#[derive(Clone)]
pub struct Parts {
    pub clock: Arc<TestClock>,
    pub ids: Arc<dyn IdSource>,
    pub bell: Arc<Bell>,
    pub feed: Arc<Feed>,
    pub limits: Limits,
}

/// Tasks that one tenant may have in line during a trial.
pub const LINE: u64 = 100;
/// Notifications that one tenant may have in line during a trial.
pub const OUTBOX: u64 = 60;

impl Default for Parts {
    fn default() -> Self {
        Self {
            clock: Arc::default(),
            ids: Arc::new(SeededIds::new(7)),
            bell: Arc::default(),
            feed: Arc::default(),
            limits: Limits { line_per_tenant: LINE, outbox_per_tenant: OUTBOX, ..Limits::default() },
        }
    }
}

/// What a store's tests bring along.
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// The store as it is now; nobody keeps it over a death.
    fn store(&self) -> Arc<dyn TaskStore>;

    /// All who hold claims die without a word, so that the next rescue finds what they held: leases run out (the
    /// clock may be turned for that), or the store is opened anew by another process.
    async fn holders_die(&mut self);
}

pub struct Trial {
    pub clock: Arc<TestClock>,
    pub bell: Arc<Bell>,
    pub feed: Arc<Feed>,
    ids: Arc<dyn IdSource>,
    /// Where all tasks of the trial live: parents with their children, and one line for all.
    partition: u16,
    harness: Box<dyn Harness>,
}

pub const FLOW: &str = "poem_flow";

impl Trial {
    pub fn new(parts: Parts, harness: impl Harness) -> Self {
        let Parts { clock, ids, bell, feed, .. } = parts;
        let partitions = u64::from(harness.store().partitions().max(1));
        let partition = u16::try_from(ids.random() % partitions).unwrap_or(0);
        Self { clock, bell, feed, ids, partition, harness: Box::new(harness) }
    }

    /// With all its tasks in this partition.
    #[must_use]
    pub fn in_partition(self, partition: u16) -> Self {
        Self { partition, ..self }
    }

    pub fn store(&self) -> Arc<dyn TaskStore> {
        self.harness.store()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A task due now, younger than all before it.
    pub fn new_task(&self) -> NewTask {
        self.new_task_of(FLOW)
    }

    pub fn new_task_of(&self, flow: &str) -> NewTask {
        self.clock.advance(Duration::from_millis(1));
        let now = self.now();
        let created = TaskCreated {
            flow: flow.into(),
            version: 1,
            retry_of: None,
            parent: None,
            continued_from: None,
            due_at: None,
        };
        NewTask {
            id: self.ids.task_id(now, self.partition),
            tenant: Tenant::default(),
            flow: flow.into(),
            version: 1,
            priority: Priority::Normal,
            created_at: now,
            due_at: now,
            input: Json::null(),
            tags: Vec::new(),
            unique_key: None,
            idempotency: None,
            parent: None,
            retry_of: None,
            options: TaskOptions::default(),
            events: vec![Fact::from(created).encode(now)],
            summary: Summary::default(),
        }
    }

    pub async fn create(&self, new: NewTask) -> TaskId {
        let id = new.id;
        let created = self.store().create(vec![new]).await.unwrap().remove(0).unwrap();
        assert_eq!((created.id, created.new), (id, true));
        id
    }

    pub async fn start(&self) -> TaskId {
        self.create(self.new_task()).await
    }

    /// Asks for one task of the usual flow.
    pub fn request(&self) -> ClaimRequest {
        self.request_for(&[FLOW])
    }

    pub fn request_for(&self, flows: &[&str]) -> ClaimRequest {
        let known = |name: &&str| KnownFlow { name: Arc::from(*name), version: 1, free: None };
        ClaimRequest {
            worker: WorkerId::new("worker"),
            most: 1,
            flows: flows.iter().map(known).collect(),
            kind: ClaimKind::Ordinary,
            turn: 0,
        }
    }

    pub async fn claim_next(&self, request: ClaimRequest) -> Claimed {
        self.store().claim_next(request).await.unwrap()
    }

    /// Claims this task, which must be the next of its flow.
    pub async fn claim(&self, task: TaskId) -> Held {
        let flow = self.record(task).await.flow;
        let mut claimed = self.claim_next(self.request_for(&[&flow])).await;
        let next = claimed.tasks.pop().unwrap_or_else(|| panic!("{task} cannot be claimed"));
        assert_eq!(next.task.id, task);
        Held::new(&next, self.clock.clone())
    }

    /// Nothing of the usual flow can be claimed now.
    pub async fn nothing_is_due(&self) {
        let claimed = self.claim_next(self.request()).await;
        assert!(claimed.tasks.is_empty() && !claimed.suspect_due, "{claimed:?} was claimed");
    }

    /// A new task and its claim.
    pub async fn running(&self) -> Held {
        let task = self.start().await;
        self.claim(task).await
    }

    pub async fn control(&self, task: TaskId, control: Control) -> Result<TaskState, ControlRefused> {
        self.store().control(&Tenant::default(), task, control).await
    }

    pub async fn signal(&self, task: TaskId, name: &str) -> Result<SignalAccepted, SignalRefused> {
        self.store().signal(&Tenant::default(), new_signal(task, name)).await
    }

    /// All holders die; answers what the rescue took over.
    pub async fn crash(&mut self) -> Vec<Rescued> {
        self.harness.holders_die().await;
        self.store().rescue(1_000).await.unwrap()
    }

    pub async fn holders_die(&mut self) {
        self.harness.holders_die().await;
    }

    pub async fn record(&self, task: TaskId) -> TaskRecord {
        self.store().task(&Tenant::default(), task).await.unwrap().unwrap_or_else(|| panic!("there is no {task}"))
    }

    pub async fn state(&self, task: TaskId) -> TaskState {
        self.record(task).await.state
    }

    /// The whole log, checked.
    pub async fn log(&self, task: TaskId) -> Vec<Event> {
        let mut entries = Vec::new();
        loop {
            let after = entries.len() as u64;
            let page = self.store().events(task, after, 64 * 1024).await.unwrap();
            if page.is_empty() {
                break;
            }
            entries.extend(page);
        }
        for (place, entry) in entries.iter().enumerate() {
            assert_eq!(entry.seq, place as u64 + 1, "the log has a gap");
            assert!(!entry.is_terminal() || place + 1 == entries.len(), "{} is not the last event", entry.kind());
        }
        entries.iter().map(|entry| entry.event().unwrap()).collect()
    }

    pub async fn kinds(&self, task: TaskId) -> Vec<&'static str> {
        self.log(task).await.iter().map(|event| event.fact.kind()).collect()
    }

    /// The kinds after this event.
    pub async fn kinds_after(&self, task: TaskId, seq: u64) -> Vec<&'static str> {
        self.log(task).await.iter().filter(|event| event.seq > seq).map(|event| event.fact.kind()).collect()
    }

    /// What must agree of a task at any moment: its log, the fold of it, and what is kept beside it.
    pub async fn check(&self, task: TaskId) {
        let log = self.log(task).await;
        let record = self.record(task).await;
        assert_eq!(record.head, log.len() as u64);
        assert_eq!(record.wire_state(), TaskView::of(&log).state, "log and record tell different states");
        let last = self.store().last_event(task).await.unwrap().unwrap();
        assert_eq!((last.seq, last.is_terminal()), (record.head, record.state.is_ended()));
        assert_eq!(record.claim.is_some(), record.state == TaskState::Running);
        assert_eq!(record.ended_at.is_some(), record.state.is_ended());
        assert!(record.due_at.is_none() || matches!(record.state, TaskState::Queued | TaskState::Waiting));
    }

    /// All that can be seen of a task, to tell whether anything has changed.
    pub async fn picture(&self, task: TaskId) -> String {
        let children = self.children(task).await;
        format!("{:?} {:?} {children:?}", self.record(task).await, self.log(task).await)
    }

    pub async fn children(&self, task: TaskId) -> Vec<TaskId> {
        let filter = crate::ports::TaskFilter { parent: Some(task), limit: 1_000, ..Default::default() };
        self.store().list(&filter).await.unwrap().items.into_iter().map(|record| record.id).collect()
    }

    /// Forgets rings that came before.
    pub fn hush(&self) {
        while self.bell.line_rung().now_or_never().is_some() {}
    }

    /// Fails when the line does not ring; how fast it does is not asked.
    pub async fn line_rings(&self) {
        within(self.bell.line_rung()).await;
    }
}

pub fn new_signal(task: TaskId, name: &str) -> NewSignal {
    NewSignal { task, name: name.into(), value: Json::null(), id: None, most_pending: 100, most_events: 50_000 }
}

pub fn report(message: &str) -> ErrorReport {
    ErrorReport::new("failed", message)
}

/// Turns a hang into a failure.
pub async fn within<T>(fact: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), fact).await.expect("what was waited for did not come")
}
