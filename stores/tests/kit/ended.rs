//! Ended tasks as a live part hands them over, made by hand.

use caudal_engine::task::event::{Log, LogLevel, TaskCreated, TaskSucceeded, Teller};
use caudal_engine::task::{
    Fact, Json, LogEntry, Priority, Summary, TaskId, TaskOptions, TaskRecord, TaskState, Tenant, Timestamp,
};
use caudal_stores::ended_task::EndedTask;
use caudal_stores::log_page::LogPage;

pub const BEGIN: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// The task of this number, created and ended that many seconds after [`BEGIN`], which told these lines.
pub fn ended_with(number: u64, lines: &[&str]) -> EndedTask {
    let at = BEGIN + std::time::Duration::from_secs(number);
    let created = TaskCreated {
        flow: "poem_flow".into(),
        version: 3,
        retry_of: None,
        parent: None,
        continued_from: None,
        due_at: None,
    };
    let told = lines
        .iter()
        .map(|line| Fact::from(Log { level: LogLevel::Info, message: (*line).into(), teller: Teller::default() }));
    let ended = TaskSucceeded { result: Json::null(), continued_as: None };
    let facts: Vec<Fact> = std::iter::once(created.into()).chain(told).chain([ended.into()]).collect();
    let log: Vec<LogEntry> = (1..).zip(&facts).map(|(seq, fact)| LogEntry::new(seq, fact.encode(at))).collect();
    let record = record_of(number, at, log.len() as u64);
    EndedTask { record, log: log.chunks(2).filter_map(LogPage::of).collect() }
}

pub fn ended_task(number: u64) -> EndedTask {
    ended_with(number, &["a line"])
}

fn record_of(number: u64, at: Timestamp, head: u64) -> TaskRecord {
    TaskRecord {
        id: TaskId::from_parts(at, 0, number),
        tenant: Tenant::default(),
        flow: "poem_flow".into(),
        version: 3,
        ran_version: 4,
        state: TaskState::Succeeded,
        cancelling: false,
        pausing: false,
        priority: Priority::Normal,
        created_at: at,
        due_at: None,
        started_at: Some(at),
        ended_at: Some(at),
        input: Json::null(),
        tags: Vec::new(),
        unique_key: None,
        parent: None,
        retry_of: None,
        options: TaskOptions::default(),
        claim: None,
        takeovers: 0,
        head,
        waits: Vec::new(),
        summary: Summary { status: "Done".into(), progress: 100 },
    }
}
