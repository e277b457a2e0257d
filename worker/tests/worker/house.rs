//! An engine on the memory store, and the floor on which test and flows meet.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use caudal_engine::Engine;
use caudal_engine::flow::{Registry, Resources};
use caudal_engine::ports::{
    Bell, ClaimKind, ClaimRequest, Clock, Feed, KnownFlow, RandomIds, SystemClock, TaskStore, WorkerBoard,
};
use caudal_engine::task::{Limits, Priority, TaskId, TaskRecord, Tenant, WorkerId};
use caudal_engine::testing::memory::MemoryStore;
use caudal_engine::use_cases::start::{StartRequest, start_task};
use caudal_worker::{Worker, WorkerHandle, WorkerSettings};
use tokio::sync::{Notify, Semaphore};

use crate::flows::Plan;

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) floor: Floor,
}

impl House {
    /// Claims live as long as nobody expires them.
    pub(crate) fn new() -> Self {
        Self::with(None, Arc::new(SystemClock))
    }

    pub(crate) fn with(lease: Option<Duration>, clock: Arc<dyn Clock>) -> Self {
        let (bell, feed) = (Arc::new(Bell::default()), Arc::new(Feed::default()));
        let (ids, limits) = (Arc::new(RandomIds), Limits::default());
        let store = MemoryStore::new(clock.clone(), ids.clone(), bell.clone(), feed.clone(), limits.clone());
        let store = Arc::new(store.with_lease(lease));
        let floor = Floor::default();
        let mut resources = Resources::default();
        resources.insert(floor.clone());
        let engine = Engine {
            store: store.clone(),
            bell,
            feed,
            clock,
            ids,
            registry: Arc::new(Registry::collect(true).unwrap()),
            resources,
            limits: Arc::new(limits),
            workers: Arc::new(WorkerBoard::default()),
            notifications: store.to_notify(),
        };
        Self { engine, store, floor }
    }

    pub(crate) fn worker(&self, concurrency: usize) -> WorkerHandle {
        let settings = WorkerSettings { concurrency, ..WorkerSettings::default() };
        Worker::start(self.engine.clone(), settings).unwrap()
    }

    pub(crate) async fn start(&self, flow: &str, plan: Plan) -> TaskId {
        self.start_at(flow, plan, Priority::Normal).await
    }

    pub(crate) async fn start_at(&self, flow: &str, plan: Plan, priority: Priority) -> TaskId {
        let inputs = Some(serde_json::to_value(plan).unwrap());
        let request =
            StartRequest { flow: flow.to_owned(), inputs, priority: Some(priority), ..StartRequest::default() };
        start_task(&self.engine, &Tenant::default(), request).await.unwrap().id
    }

    pub(crate) async fn task(&self, task: TaskId) -> TaskRecord {
        self.store.task(&Tenant::default(), task).await.unwrap().unwrap()
    }

    /// Waits until a task looks like this.
    pub(crate) async fn until(&self, task: TaskId, reached: impl Fn(&TaskRecord) -> bool) -> TaskRecord {
        // Each write is news, so that nothing is missed between a look and the next.
        let mut watch = self.engine.feed.watch(task);
        loop {
            let record = self.task(task).await;
            if reached(&record) {
                return record;
            }
            watch.next().await.unwrap();
        }
    }

    pub(crate) async fn until_ended(&self, task: TaskId) -> TaskRecord {
        self.until(task, |record| record.state.is_ended()).await
    }

    /// Makes everything that is due now suspect: claimed by workers that die at once, three times.
    pub(crate) async fn crash_three_times(&self) {
        for round in 0..3 {
            let known = |(name, definition): (Arc<str>, &'static caudal_engine::flow::FlowDefinition)| KnownFlow {
                name,
                version: definition.version,
                free: None,
            };
            let request = ClaimRequest {
                worker: WorkerId::new(format!("doomed:{round}")),
                most: 1000,
                flows: self.engine.registry.known().map(known).collect(),
                kind: ClaimKind::Ordinary,
                turn: 0,
            };
            assert!(!self.store.claim_next(request).await.unwrap().tasks.is_empty());
            self.store.expire_claims();
            assert!(!self.store.rescue(1000).await.unwrap().is_empty());
        }
    }
}

/// Where flows report what they do, and wait until the test lets them go on.
#[derive(Clone, Default)]
pub(crate) struct Floor(Arc<Inside>);

struct Inside {
    seen: Mutex<Seen>,
    changed: Notify,
    gate: Semaphore,
}

impl Default for Inside {
    fn default() -> Self {
        Self { seen: Mutex::default(), changed: Notify::new(), gate: Semaphore::new(0) }
    }
}

#[derive(Default, Clone)]
pub(crate) struct Seen {
    /// Tasks and the numbers of their steps, in the order in which these began.
    pub(crate) began: Vec<(TaskId, u32)>,
    pub(crate) present: HashSet<TaskId>,
    pub(crate) most_present: usize,
    /// Suspects that were not alone.
    pub(crate) in_company: Vec<TaskId>,
}

impl Seen {
    pub(crate) fn times_began(&self, task: TaskId, step: u32) -> usize {
        self.began.iter().filter(|began| **began == (task, step)).count()
    }
}

impl Floor {
    pub(crate) fn began(&self, task: TaskId, step: u32) {
        self.change(|seen| seen.began.push((task, step)));
    }

    /// The task is here until the answer is dropped.
    pub(crate) fn enter(&self, task: TaskId) -> Presence {
        self.change(|seen| {
            seen.present.insert(task);
            seen.most_present = seen.most_present.max(seen.present.len());
        });
        Presence { floor: self.clone(), task }
    }

    pub(crate) fn note_company(&self, task: TaskId) {
        self.change(|seen| {
            if seen.present.len() > 1 {
                seen.in_company.push(task);
            }
        });
    }

    pub(crate) async fn pass_gate(&self) {
        self.0.gate.acquire().await.unwrap().forget();
    }

    /// Lets so many steps finish.
    pub(crate) fn let_through(&self, steps: usize) {
        self.0.gate.add_permits(steps);
    }

    pub(crate) fn seen(&self) -> Seen {
        self.0.seen.lock().unwrap().clone()
    }

    pub(crate) async fn until(&self, reached: impl Fn(&Seen) -> bool) -> Seen {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let seen = self.seen();
            if reached(&seen) {
                return seen;
            }
            changed.await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.0.seen.lock().unwrap());
        self.0.changed.notify_waiters();
    }
}

pub(crate) struct Presence {
    floor: Floor,
    task: TaskId,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.floor.change(|seen| {
            seen.present.remove(&self.task);
        });
    }
}
