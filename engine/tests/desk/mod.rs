//! A desk to run one task by hand: start it, claim it, run it, control it, and wait for facts in its log.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails where its desk does")]
#![allow(unreachable_pub, dead_code, reason = "each test file uses its own part of the desk")]

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::Engine;
use caudal_engine::flow::{Flow, Registry, Resources};
use caudal_engine::notification::Notify;
use caudal_engine::ports::{
    Bell, ClaimKind, ClaimRequest, ClaimedTask, Control, Feed, KnownFlow, RandomIds, TaskStore, TaskWrite, Then,
    WorkerBoard,
};
use caudal_engine::task::crash_loop::is_suspect;
use caudal_engine::task::{Event, Limits, Summary, TaskId, TaskRecord, TaskView, Tenant, WorkerId};
use caudal_engine::testing::clock::TestClock;
use caudal_engine::testing::memory::MemoryStore;
use caudal_engine::use_cases::control::control_task;
use caudal_engine::use_cases::run::{Hold, RunEnd, run_task};
use caudal_engine::use_cases::signal::{SignalRequest, signal_task};
use caudal_engine::use_cases::start::{StartRequest, start_task};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

pub struct Desk {
    pub engine: Engine,
    pub store: Arc<MemoryStore>,
    pub clock: Arc<TestClock>,
    pub tenant: Tenant,
    pub task: TaskId,
}

impl Desk {
    /// Starts a task of this flow.
    pub async fn with<F: Flow>(flow: F, input: Value) -> Self {
        Self::with_limits(flow, input, Limits::default()).await
    }

    pub async fn with_limits<F: Flow>(flow: F, input: Value, limits: Limits) -> Self {
        Self::asked(flow, StartRequest { inputs: Some(input), ..StartRequest::default() }, limits).await
    }

    /// Starts a task of this flow that tells of itself.
    pub async fn with_notify<F: Flow>(flow: F, notify: Notify) -> Self {
        let request = StartRequest { inputs: Some(json!({})), notify: Some(notify), ..StartRequest::default() };
        Self::asked(flow, request, Limits::default()).await
    }

    async fn asked<F: Flow>(flow: F, request: StartRequest, limits: Limits) -> Self {
        let clock = Arc::new(TestClock::default());
        let (bell, feed) = (Arc::new(Bell::default()), Arc::new(Feed::default()));
        let ids = Arc::new(RandomIds);
        let store = Arc::new(
            MemoryStore::new(clock.clone(), ids.clone(), bell.clone(), feed.clone(), limits.clone()).with_lease(None),
        );
        let engine = Engine {
            store: store.clone(),
            bell,
            feed,
            clock: clock.clone(),
            ids,
            registry: Arc::new(Registry::of([flow.definition()]).unwrap()),
            resources: Resources::default(),
            limits: Arc::new(limits),
            workers: Arc::new(WorkerBoard::default()),
            notifications: store.to_notify(),
        };
        let tenant = Tenant::default();
        let request = StartRequest { flow: flow.definition().name.to_owned(), ..request };
        let task = start_task(&engine, &tenant, request).await.unwrap().id;
        Self { engine, store, clock, tenant, task }
    }

    pub async fn claim(&self) -> ClaimedTask {
        let record = self.record().await;
        let kind = if is_suspect(record.takeovers) { ClaimKind::Suspect } else { ClaimKind::Ordinary };
        let flows = self.engine.registry.known();
        let flows = flows.map(|(name, flow)| KnownFlow { name, version: flow.version, free: None }).collect();
        let request = ClaimRequest { worker: WorkerId::new("desk"), most: 1, flows, kind, turn: 0 };
        self.store.claim_next(request).await.unwrap().tasks.pop().expect("a task is due")
    }

    /// Claims the task and runs it beside the test.
    pub async fn run(&self) -> (Hold, JoinHandle<RunEnd>) {
        let hold = Hold::new(None);
        (hold.clone(), self.run_with(hold).await)
    }

    pub async fn run_with(&self, hold: Hold) -> JoinHandle<RunEnd> {
        let (engine, claimed) = (self.engine.clone(), self.claim().await);
        tokio::spawn(async move { run_task(&engine, claimed, hold).await })
    }

    /// Writes into the log what a worker with this claim would, and hands the task back.
    pub async fn write_and_release(&self, claimed: &ClaimedTask, events: Vec<String>) {
        let write = TaskWrite {
            task: self.task,
            claim: claimed.claim,
            number: 1,
            seen: claimed.task.head,
            events,
            step_finished: false,
            signals_taken: Vec::new(),
            children: Vec::new(),
            notifications: Vec::new(),
            compact_from: None,
            summary: Summary::default(),
            then: Then::Release { due_at: self.engine.clock.now() },
        };
        self.store.write(write).await.unwrap();
    }

    pub async fn control(&self, control: Control) {
        control_task(&self.engine, &self.tenant, self.task, control).await.unwrap();
    }

    pub async fn signal(&self, name: &str, value: Value) {
        let request = SignalRequest { task: self.task, name: name.to_owned(), value, id: None };
        signal_task(&self.engine, &self.tenant, request).await.unwrap();
    }

    pub async fn record(&self) -> TaskRecord {
        self.store.task(&self.tenant, self.task).await.unwrap().unwrap()
    }

    pub async fn events(&self) -> Vec<Event> {
        let entries = self.store.events(self.task, 0, usize::MAX).await.unwrap();
        entries.iter().map(|entry| entry.event().unwrap()).collect()
    }

    pub async fn view(&self) -> TaskView {
        TaskView::of(&self.events().await)
    }

    pub async fn kinds(&self) -> Vec<&'static str> {
        self.events().await.iter().map(|event| event.fact.kind()).collect()
    }

    pub async fn count(&self, kind: &str) -> usize {
        self.kinds().await.iter().filter(|known| **known == kind).count()
    }

    /// Waits until the log has so many events of this kind.
    pub async fn wait_for(&self, kind: &str, times: usize) {
        let mut watch = self.engine.feed.watch(self.task);
        let waited = tokio::time::timeout(Duration::from_secs(20), async {
            while self.count(kind).await < times {
                watch.next().await;
            }
        });
        if waited.await.is_err() {
            panic!("no {kind} came; the log has {:?}", self.kinds().await);
        }
    }
}
