//! A whole platform in memory, driven by hand: claims what is due, runs it, answers what it waits for, and turns the
//! clock when nothing else can happen.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;

use super::{FlowTest, TestedTask};
use crate::engine::Engine;
use crate::flow::step::BoxFuture;
use crate::flow::{BUDGET_SIGNAL, Registry};
use crate::ports::ids::SeededIds;
use crate::ports::{
    Bell, ClaimKind, ClaimRequest, Clock, Feed, IdSource, KnownFlow, NewSignal, TaskFilter, TaskStore, WorkerBoard,
};
use crate::task::{
    Event, Limits, TaskId, TaskRecord, TaskState, TaskView, Tenant, Wait, WaitKind, WireState, WorkerId,
};
use crate::testing::clock::TestClock;
use crate::testing::memory::MemoryStore;
use crate::use_cases::rescue::rescue;
use crate::use_cases::run::{Hold, Pulse, RunEnd, Shuffle, run_observed};
use crate::use_cases::start::{StartRequest, start_task};

/// Nothing a test waits for takes longer than this in real time.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Platform {
    engine: Engine,
    store: Arc<MemoryStore>,
    clock: Arc<TestClock>,
    tenant: Tenant,
    test: FlowTest,
    seed: Option<u64>,
    running: FuturesUnordered<BoxFuture<'static, RunEnd>>,
    pulses: Vec<Arc<Pulse>>,
    sent: HashMap<String, usize>,
    /// Of tasks whose log was looked at, as far as it went then.
    views: HashMap<TaskId, TaskView>,
    turn: u64,
}

impl Platform {
    #[expect(clippy::panic, reason = "a test that cannot be set up must fail")]
    pub(super) fn new(test: &FlowTest, seed: Option<u64>) -> Self {
        let registry = match Registry::collect(true) {
            Ok(registry) => registry,
            Err(error) => panic!("{error}"),
        };
        let clock = Arc::new(TestClock::default());
        // The same ids in every run: what a flow derives from its task's id must be the same too.
        let ids: Arc<dyn IdSource> = Arc::new(SeededIds::new(7));
        let (bell, feed) = (Arc::new(Bell::default()), Arc::new(Feed::default()));
        let limits = Limits::default();
        let store = MemoryStore::new(clock.clone(), ids.clone(), bell.clone(), feed.clone(), limits.clone());
        let store = Arc::new(store.with_lease(None));
        let engine = Engine {
            store: store.clone(),
            bell,
            feed,
            clock: clock.clone(),
            ids,
            registry: Arc::new(registry),
            resources: test.resources.clone(),
            limits: Arc::new(limits),
            workers: Arc::new(WorkerBoard::default()),
            notifications: store.to_notify(),
        };
        Self {
            engine,
            store,
            clock,
            tenant: Tenant::default(),
            test: test.clone(),
            seed,
            running: FuturesUnordered::new(),
            pulses: Vec::new(),
            sent: HashMap::new(),
            views: HashMap::new(),
            turn: 0,
        }
    }

    pub(super) fn crash_at(&self, write: u64, applied: bool) {
        self.store.crash_at(write, applied);
    }

    pub(super) fn writes(&self) -> u64 {
        self.store.writes()
    }

    #[expect(clippy::panic, reason = "a test that cannot be set up must fail")]
    pub(super) async fn run(&mut self) -> TestedTask {
        let request = StartRequest {
            flow: self.test.flow.name.to_owned(),
            inputs: Some(self.test.input.clone()),
            max_cost: self.test.budget.max_cost,
            max_tokens: self.test.budget.max_tokens,
            ..StartRequest::default()
        };
        let task = match start_task(&self.engine, &self.tenant, request).await {
            Ok(created) => created.id,
            Err(error) => panic!("the task could not be started: {error}: {error:?}"),
        };
        match tokio::time::timeout(PATIENCE, self.drive(task)).await {
            Ok(task) => task,
            Err(_) => panic!("the task did not end within {PATIENCE:?}: {}", self.last_words(task).await),
        }
    }

    /// Until the task, and whatever continues it, has ended.
    async fn drive(&mut self, mut task: TaskId) -> TestedTask {
        loop {
            let claimed = self.claim().await;
            let moved = self.poll_until_quiet().await || claimed;
            if self.store.take_crashed() {
                self.crash().await;
                continue;
            }
            let record = self.record(task).await;
            if record.state.is_ended() {
                let ended = self.tested(task).await;
                match ended.view.continued_as {
                    Some(next) => task = next,
                    None => return ended,
                }
            } else if !moved && !self.answer_waits().await {
                self.turn_the_clock(&record).await;
            }
        }
    }

    async fn claim(&mut self) -> bool {
        let known =
            self.engine.registry.known().map(|(name, flow)| KnownFlow { name, version: flow.version, free: None });
        let request = ClaimRequest {
            worker: WorkerId::new("test-kit"),
            most: 64,
            flows: known.collect(),
            kind: ClaimKind::Ordinary,
            turn: self.turn,
        };
        let Ok(claimed) = self.store.claim_next(request).await else { return false };
        self.turn += claimed.tasks.len() as u64;
        let any = !claimed.tasks.is_empty();
        for task in claimed.tasks {
            let (engine, pulse) = (self.engine.clone(), Arc::new(Pulse::default()));
            let shuffle = self.seed.map(Shuffle::new);
            self.pulses.push(pulse.clone());
            let run = async move { run_observed(&engine, task, Hold::new(None), pulse, shuffle).await };
            self.running.push(Box::pin(run));
        }
        any
    }

    /// Lets everything that runs go as far as it goes by itself. True when something ended.
    async fn poll_until_quiet(&mut self) -> bool {
        /// Polls in which nothing ended, after which only the clock can help.
        const QUIET_POLLS: u32 = 12;
        /// Polls after which a busy step is taken to do something real: a thread, a socket, a timer of tokio's.
        const QUICK_POLLS: u32 = 64;
        let mut ended = false;
        let (mut quiet, mut busy) = (0, 0);
        while !self.running.is_empty() {
            if self.poll_once().await {
                ended = true;
                (quiet, busy) = (0, 0);
            } else if !self.store.has_crashed() && self.pulses.iter().any(|pulse| pulse.is_busy()) {
                quiet = 0;
                busy += 1;
                match busy {
                    0..QUICK_POLLS => tokio::task::yield_now().await,
                    _ => tokio::time::sleep(Duration::from_micros(200)).await,
                }
            } else {
                quiet += 1;
                if quiet > QUIET_POLLS {
                    return ended;
                }
                tokio::task::yield_now().await;
            }
        }
        self.pulses.clear();
        ended
    }

    /// True when something ended.
    async fn poll_once(&mut self) -> bool {
        poll_fn(|context| Poll::Ready(matches!(self.running.poll_next_unpin(context), Poll::Ready(Some(_))))).await
    }

    /// The process dies: what runs is dropped without a word, its claims die, another worker takes over.
    async fn crash(&mut self) {
        self.running = FuturesUnordered::new();
        self.pulses.clear();
        self.store.expire_claims();
        while rescue(&self.engine).await.is_ok_and(|bite| bite.taken_over > 0) {}
    }

    /// Gives waiting tasks what the test has for them. True when something was given.
    async fn answer_waits(&mut self) -> bool {
        let filter =
            TaskFilter { states: vec![WireState::Waiting, WireState::Progress], limit: 1_000, ..TaskFilter::default() };
        let Ok(page) = self.store.list(&filter).await else { return false };
        let mut answered = false;
        for task in page.items {
            for wait in self.open_waits(&task).await {
                let value = match wait.kind {
                    WaitKind::Approval => Some(self.test.approval.clone()),
                    WaitKind::Signal if wait.question.is_some() && &*wait.name != BUDGET_SIGNAL => {
                        self.test.answer.clone()
                    }
                    WaitKind::Signal => self.next_signal(&wait.name),
                    _ => None,
                };
                if let Some(value) = value {
                    let id = format!("{}/{}/{}", task.id, wait.name, self.sent.get(&*wait.name).copied().unwrap_or(0));
                    let signal = NewSignal {
                        task: task.id,
                        name: wait.name.clone(),
                        value: value.into(),
                        id: Some(id.into()),
                        most_pending: 100,
                        most_events: 50_000,
                    };
                    answered |= self.store.signal(&self.tenant, signal).await.is_ok();
                }
            }
        }
        answered
    }

    /// Open waits of a task that may not be parked: a branch of it may still be sleeping inside a step. Its log is long
    /// and looked at often, so only what is new is folded in.
    async fn open_waits(&mut self, task: &TaskRecord) -> Vec<Wait> {
        if task.state == TaskState::Waiting {
            return task.waits.clone();
        }
        let view = self.views.entry(task.id).or_default();
        let entries = self.store.events(task.id, view.seq, usize::MAX).await.unwrap_or_default();
        for event in entries.iter().filter_map(|entry| entry.event().ok()) {
            view.apply(&event);
        }
        view.waiting.clone()
    }

    fn next_signal(&mut self, name: &str) -> Option<Value> {
        let sent = self.sent.entry(name.to_owned()).or_insert(0);
        let value = self.test.signals.iter().filter(|(known, _)| known == name).nth(*sent)?.1.clone();
        *sent += 1;
        Some(value)
    }

    /// Nothing can happen before the next sleeper wakes or the next task is due.
    #[expect(clippy::panic, reason = "a test whose task waits for ever must fail")]
    async fn turn_the_clock(&mut self, record: &TaskRecord) {
        let filter = TaskFilter { limit: 1_000, ..TaskFilter::default() };
        let due = match self.store.list(&filter).await {
            Ok(page) => page.items.iter().filter_map(|task| task.due_at).filter(|due| *due > self.clock.now()).min(),
            Err(_) => None,
        };
        match [due, self.clock.next_sleeper()].into_iter().flatten().min() {
            Some(next) => self.clock.advance_to(next),
            None => panic!(
                "the task is {:?} and nothing will wake it; it waits for {:?}",
                record.state,
                record.waits.iter().map(|wait| &*wait.name).collect::<Vec<_>>()
            ),
        }
    }

    #[expect(clippy::panic, reason = "the kit's own store lost a task")]
    async fn record(&self, task: TaskId) -> TaskRecord {
        match self.store.task(&self.tenant, task).await {
            Ok(Some(record)) => record,
            other => panic!("the task is gone: {other:?}"),
        }
    }

    async fn tested(&self, task: TaskId) -> TestedTask {
        let entries = self.store.events(task, 0, usize::MAX).await.unwrap_or_default();
        let events: Vec<Event> = entries.iter().filter_map(|entry| entry.event().ok()).collect();
        TestedTask { view: TaskView::of(&events), events, outbox: self.outbox(task) }
    }

    /// Who would be told by the task, in no particular order. Children that nobody waits for may come to that or not.
    fn outbox(&self, task: TaskId) -> Vec<String> {
        let notifications = self.store.all_notifications();
        let mut outbox: Vec<String> = notifications
            .iter()
            .filter(|record| record.task == Some(task))
            .map(|record| {
                let template = record.mail().map(|mail| mail.template).unwrap_or_default();
                format!("{} {template} to {}", record.channel.as_str(), record.recipient)
            })
            .collect();
        outbox.sort();
        outbox
    }

    async fn last_words(&self, task: TaskId) -> String {
        let tested = self.tested(task).await;
        let last: Vec<String> = tested.events.iter().rev().take(5).map(|event| format!("{:?}", event.fact)).collect();
        format!("{:?}, its newest events: {last:#?}", tested.view.state)
    }
}
