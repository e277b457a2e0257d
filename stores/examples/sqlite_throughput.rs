//! How fast the SQLite store is on this machine: `cargo run --release -p caudal-stores --example sqlite_throughput`.
//!
//! Fifty clients each create a task, claim one, write five steps and end it: eight durable operations a task, as
//! the smallest flows make them. `-- <seconds> <clients> <folder>` asks for more.

#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use caudal_engine::ports::{
    Bell, ClaimKind, ClaimRequest, ClaimedTask, Feed, IdSource, KnownFlow, Outcome, RandomIds, SystemClock, TaskStore,
    TaskWrite, Then,
};
use caudal_engine::task::event::{Log, LogLevel, StepStarted, StepSucceeded, TaskCreated, TaskSucceeded, Teller};
use caudal_engine::task::{
    Fact, Json, NewTask, Priority, Summary, TaskOptions, TaskState, Tenant, Timestamp, WorkerId,
};
use caudal_stores::sqlite::{SqliteSettings, SqliteStore};

type Outcomes = Result<(), Box<dyn Error + Send + Sync>>;

const FLOW: &str = "bench_flow";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcomes {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let clients: usize = arguments.next().map_or(Ok(50), |text| text.parse())?;
    let folder = arguments.next().map_or_else(|| std::env::temp_dir().join("caudal-throughput"), PathBuf::from);
    let store = SqliteStore::open(
        &SqliteSettings::new(&folder),
        Arc::new(SystemClock),
        Arc::new(RandomIds),
        Arc::new(Bell::default()),
        Arc::new(Feed::default()),
    )?;
    let store = Arc::new(store);
    let tasks = Arc::new(AtomicU64::new(0));
    let until = Instant::now() + Duration::from_secs(seconds);
    let began = Instant::now();
    let running: Vec<_> = (0..clients).map(|_| tokio::spawn(run_tasks(store.clone(), until, tasks.clone()))).collect();
    for client in running {
        client.await??;
    }
    let took = began.elapsed().as_secs_f64();
    let per_second = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / took;
    let tasks = tasks.load(Ordering::Relaxed);
    println!("{clients} clients: {:.0} tasks/s, {:.0} operations/s", per_second(tasks), per_second(tasks * 8));
    println!("{} MiB stored", store.stats().await?.bytes / 1024 / 1024);
    store.shutdown().await;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

async fn run_tasks(store: Arc<SqliteStore>, until: Instant, tasks: Arc<AtomicU64>) -> Outcomes {
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
            run_task(&store, &claimed).await?;
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

async fn run_task(store: &SqliteStore, claimed: &ClaimedTask) -> Outcomes {
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
