//! Clients of a store that each create a task, claim one, write five steps and end it: eight durable operations a
//! task, as the smallest flows make them.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use caudal_engine::ports::{
    ClaimKind, ClaimRequest, ClaimedTask, IdSource, KnownFlow, Outcome, RandomIds, SystemClock, TaskStore, TaskWrite,
    Then,
};
use caudal_engine::task::event::{Log, LogLevel, StepStarted, StepSucceeded, TaskCreated, TaskSucceeded, Teller};
use caudal_engine::task::{
    Fact, Json, NewTask, Priority, Summary, TaskOptions, TaskState, Tenant, Timestamp, WorkerId,
};

pub(crate) type Outcomes = Result<(), Box<dyn Error + Send + Sync>>;

const FLOW: &str = "bench_flow";

/// How many tasks the clients got through, and how long they took.
pub(crate) async fn run(
    store: Arc<dyn TaskStore>,
    clients: usize,
    seconds: u64,
) -> Result<(u64, Duration), Box<dyn Error + Send + Sync>> {
    let tasks = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let until = began + Duration::from_secs(seconds);
    let running: Vec<_> = (0..clients).map(|_| tokio::spawn(run_tasks(store.clone(), until, tasks.clone()))).collect();
    for client in running {
        client.await??;
    }
    Ok((tasks.load(Ordering::Relaxed), began.elapsed()))
}

async fn run_tasks(store: Arc<dyn TaskStore>, until: Instant, tasks: Arc<AtomicU64>) -> Outcomes {
    let request = ClaimRequest {
        worker: WorkerId::new("bench"),
        most: 1,
        flows: [KnownFlow { name: FLOW.into(), version: 1, free: None }].into(),
        kind: ClaimKind::Ordinary,
        turn: 0,
    };
    while Instant::now() < until {
        store.create(vec![new_task()]).await?;
        for claimed in store.claim_next(request.clone()).await?.tasks {
            run_task(&*store, &claimed).await?;
            tasks.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn now() -> Timestamp {
    caudal_engine::ports::Clock::now(&SystemClock)
}

fn new_task() -> NewTask {
    let now = now();
    let created =
        TaskCreated { flow: FLOW.into(), version: 1, retry_of: None, parent: None, continued_from: None, due_at: None };
    NewTask {
        id: RandomIds.task_id(now, 0),
        tenant: Tenant::default(),
        flow: FLOW.into(),
        version: 1,
        priority: Priority::Normal,
        created_at: now,
        due_at: now,
        input: Json::from(serde_json::json!({"steps": 5})),
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

async fn run_task(store: &dyn TaskStore, claimed: &ClaimedTask) -> Outcomes {
    for number in 1..=5 {
        store.write(write(claimed, number, &step(u32::try_from(number)?), Then::GoOn)).await?;
    }
    let result = Json::from(serde_json::json!("done"));
    let ended = Fact::from(TaskSucceeded { result: result.clone(), continued_as: None });
    let outcome = Outcome { result: Some(result), ..Outcome::default() };
    let end = Then::End { state: TaskState::Succeeded, outcome };
    store.write(write(claimed, 6, &[ended], end)).await?;
    Ok(())
}

/// What a small step tells.
fn step(ordinal: u32) -> [Fact; 3] {
    let step: Arc<str> = format!("step {ordinal}").into();
    let (name, attempt) = (step.clone(), 1);
    [
        StepStarted { step: step.clone(), name: name.clone(), attempt, ordinal }.into(),
        Log { level: LogLevel::Info, message: "A line about the step".into(), teller: Teller::default() }.into(),
        StepSucceeded { step, name, attempt, result: Json::from(serde_json::json!({"n": ordinal})) }.into(),
    ]
}

fn write(claimed: &ClaimedTask, number: u64, facts: &[Fact], then: Then) -> TaskWrite {
    let now = now();
    TaskWrite {
        task: claimed.task.id,
        claim: claimed.claim,
        number,
        seen: claimed.task.head,
        events: facts.iter().map(|fact| fact.encode(now)).collect(),
        step_finished: true,
        signals_taken: Vec::new(),
        children: Vec::new(),
        notifications: Vec::new(),
        compact_from: None,
        summary: Summary::default(),
        then,
    }
}
