//! An engine on the memory store, a clock that stands still, one flow, and a worker's hand that writes by command.

use std::sync::{Arc, OnceLock};

use caudal_engine::Engine;
use caudal_engine::flow::{FlowDefinition, OptionsSpec, Registry, Resources, Secret};
use caudal_engine::ports::ids::SeededIds;
use caudal_engine::ports::{
    Bell, ClaimKind, ClaimRequest, Clock, Feed, IdSource, KnownFlow, Outcome, TaskStore, TaskWrite, Then, WorkerBoard,
};
use caudal_engine::private::schema_of;
use caudal_engine::task::event::{
    ErrorReport, Log, LogLevel, Progress, StepStarted, StepSucceeded, TaskFailed, TaskSucceeded, Teller,
};
use caudal_engine::task::{Claim, Fact, Json, Limits, Summary, TaskId, TaskState, Tenant, WorkerId};
use caudal_engine::testing::clock::TestClock;
use caudal_engine::testing::memory::MemoryStore;
use caudal_engine::use_cases::start::{StartRequest, start_task};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct PoemInput {
    theme: Option<String>,
    api_key: Option<Secret<String>>,
    lines: Option<u8>,
}

pub static POEM_FLOW: FlowDefinition = FlowDefinition {
    name: "poem_flow",
    title: "Poem",
    summary: "Writes a short poem.",
    description: "Writes a short poem.\n\nAbout anything.",
    version: 2,
    formerly: &["verse_flow"],
    diagnostics: false,
    location: "kit",
    options: OptionsSpec {
        timeout_ms: Some(1_500),
        deadline_ms: None,
        retries: 1,
        concurrency: Some(4),
        ..OptionsSpec::DEFAULT
    },
    needs: &[],
    input_schema: || {
        static SCHEMA: OnceLock<Json> = OnceLock::new();
        schema_of::<PoemInput>(&SCHEMA)
    },
    output_schema: || {
        static SCHEMA: OnceLock<Json> = OnceLock::new();
        schema_of::<String>(&SCHEMA)
    },
    run: |_, _| Box::pin(async { Ok(Json::null()) }),
};

#[derive(Clone)]
pub struct Platform {
    pub engine: Engine,
    pub store: Arc<MemoryStore>,
    pub clock: Arc<TestClock>,
}

impl Default for Platform {
    fn default() -> Self {
        Self::with_limits(Limits::default())
    }
}

impl Platform {
    pub fn with_limits(limits: Limits) -> Self {
        let clock = Arc::new(TestClock::default());
        let ids: Arc<dyn IdSource> = Arc::new(SeededIds::new(7));
        let (bell, feed) = (Arc::new(Bell::default()), Arc::new(Feed::default()));
        let store = MemoryStore::new(clock.clone(), ids.clone(), bell.clone(), feed.clone(), limits.clone());
        let store = Arc::new(store.with_lease(None));
        let engine = Engine {
            store: store.clone(),
            bell,
            feed,
            clock: clock.clone(),
            ids,
            registry: Arc::new(Registry::of([&POEM_FLOW]).unwrap()),
            resources: Resources::default(),
            limits: Arc::new(limits),
            workers: Arc::new(WorkerBoard::default()),
            notifications: store.to_notify(),
        };
        Self { engine, store, clock }
    }

    /// A task in line, younger than all before it.
    pub async fn start(&self) -> TaskId {
        self.start_with(StartRequest::default()).await
    }

    pub async fn start_with(&self, request: StartRequest) -> TaskId {
        self.clock.advance(std::time::Duration::from_millis(1));
        let request = StartRequest { flow: "poem_flow".into(), ..request };
        start_task(&self.engine, &Tenant::default(), request).await.unwrap().id
    }

    /// Claims the next task in line.
    pub async fn claim(&self) -> Hand {
        let request = ClaimRequest {
            worker: WorkerId::new("worker-1"),
            most: 1,
            flows: Arc::from([KnownFlow { name: "poem_flow".into(), version: 2, free: None }]),
            kind: ClaimKind::Ordinary,
            turn: 0,
        };
        let claimed = self.store.claim_next(request).await.unwrap().tasks.remove(0);
        let (task, claim, head) = (claimed.task.id, claimed.claim, claimed.task.head);
        Hand { platform: self.clone(), task, claim, number: 0, head, summary: claimed.task.summary }
    }

    /// A task that runs and is written by hand.
    pub async fn run(&self) -> Hand {
        let task = self.start().await;
        let hand = self.claim().await;
        assert_eq!(hand.task, task, "nothing else is in line");
        hand
    }
}

/// The hand that writes a claimed task's log.
pub struct Hand {
    platform: Platform,
    pub task: TaskId,
    claim: Claim,
    number: u64,
    pub head: u64,
    summary: Summary,
}

impl Hand {
    pub async fn tell(&mut self, facts: impl IntoIterator<Item = Fact>) {
        self.write(facts, Then::GoOn).await;
    }

    pub async fn log(&mut self, message: &str) {
        self.tell([log(message)]).await;
    }

    pub async fn progress(&mut self, percent: u8, message: &str) {
        self.tell([progress(percent, message)]).await;
    }

    pub async fn succeed(&mut self, result: Json) {
        let outcome = Outcome { result: Some(result.clone()), ..Outcome::default() };
        let end = Then::End { state: TaskState::Succeeded, outcome };
        self.write([TaskSucceeded { result, continued_as: None }.into()], end).await;
    }

    pub async fn fail(&mut self, message: &str) {
        let error = ErrorReport::new("failed", message);
        let outcome = Outcome { error: Some(error.clone()), ..Outcome::default() };
        self.write([TaskFailed { error }.into()], Then::End { state: TaskState::Failed, outcome }).await;
    }

    pub async fn write(&mut self, facts: impl IntoIterator<Item = Fact>, then: Then) {
        let now = self.platform.clock.now();
        self.number += 1;
        let facts: Vec<Fact> = facts.into_iter().collect();
        facts.iter().for_each(|fact| self.summary.apply(fact));
        let write = TaskWrite {
            task: self.task,
            claim: self.claim,
            number: self.number,
            seen: self.head,
            events: facts.iter().map(|fact| fact.encode(now)).collect(),
            step_finished: false,
            signals_taken: Vec::new(),
            children: Vec::new(),
            notifications: Vec::new(),
            compact_from: None,
            summary: self.summary.clone(),
            then,
        };
        self.head = self.platform.store.write(write).await.unwrap().head;
    }
}

pub fn log(message: &str) -> Fact {
    Log { level: LogLevel::Info, message: message.into(), teller: Teller::default() }.into()
}

pub fn progress(percent: u8, message: &str) -> Fact {
    Progress { percent, message: message.into(), teller: Teller::default() }.into()
}

pub fn step_started(name: &str) -> Fact {
    StepStarted { step: name.into(), name: name.into(), attempt: 1, ordinal: 0 }.into()
}

pub fn step_succeeded(name: &str) -> Fact {
    StepSucceeded { step: name.into(), name: name.into(), attempt: 1, result: json!("done").into() }.into()
}
