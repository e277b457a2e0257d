//! What is shown is what the log says: the fold, event by event.

#![expect(clippy::unwrap_used, reason = "a test fails where its task does")]

extern crate caudal_engine as caudal;

use caudal::task::event::{
    Chunk, ChunkReset, Log, StepCancelled, StepFailed, StepRetrying, StepStarted, StepSucceeded, TaskClaimed,
    TaskCreated, TaskFailed, TaskRescued, Teller, ToolResult,
};
use caudal::task::{ErrorReport, Event, Fact, Json, Key, LogLevel, TaskView, Timestamp, WorkerId};
use serde_json::{Value, json};

fn key() -> Key {
    "Write/1".into()
}

fn teller(attempt: u32) -> Teller {
    Teller { step: Some(key()), attempt: Some(attempt), key: None }
}

fn started(attempt: u32) -> Fact {
    StepStarted { step: key(), name: "Write".into(), attempt, ordinal: 0 }.into()
}

fn said(attempt: u32, text: &str) -> Fact {
    Chunk { step: key(), attempt, text: text.to_owned() }.into()
}

fn line(attempt: u32, message: &str) -> Fact {
    Log { level: LogLevel::Info, message: message.into(), teller: teller(attempt) }.into()
}

fn found(attempt: u32) -> Fact {
    let data = Json::from(json!({ "attempt": attempt }));
    ToolResult { step_name: "Write".into(), tool: "search".into(), data, teller: teller(attempt) }.into()
}

fn retrying(attempt: u32) -> Fact {
    let (error, retry_at) = (ErrorReport::new("failed", "no luck"), Timestamp::from_millis(1_000));
    StepRetrying { step: key(), name: "Write".into(), attempt, error, retry_at, postponed: false }.into()
}

fn succeeded(attempt: u32) -> Fact {
    StepSucceeded { step: key(), name: "Write".into(), attempt, result: Json::null() }.into()
}

/// The details that clients see after these facts.
fn shown(facts: &[Fact]) -> Value {
    let events: Vec<Event> =
        (1..).zip(facts).map(|(seq, fact)| Event { seq, at: Timestamp::from_millis(0), fact: fact.clone() }).collect();
    serde_json::to_value(TaskView::of(&events)).unwrap()["details"].take()
}

/// Goal: of an attempt that did not finish the results and the text are gone, its log lines stay and are marked, however
/// it did not finish.
#[test]
fn what_did_not_finish_is_taken_back() {
    let (error, message) = (ErrorReport::new("failed", "no luck"), "tried");
    let ends: [&[Fact]; 4] = [
        &[retrying(1)],
        // A crash: the next attempt has the same number.
        &[ChunkReset { step: key() }.into(), started(1)],
        &[StepFailed { step: key(), name: "Write".into(), attempt: 1, error: error.clone() }.into()],
        &[StepCancelled { step: key(), name: "Write".into(), attempt: 1 }.into()],
    ];
    for end in ends {
        let facts = [&[started(1), line(1, message), found(1), said(1, "words")], end].concat();
        let details = shown(&facts);
        let marked =
            json!([{ "type": "log", "level": "info", "message": message, "step": "Write/1", "unfinished": true }]);
        assert_eq!((&details["step_results"], &details["streams"]), (&marked, &json!({})), "{end:?}");
    }
}

/// Goal: the end of a task takes back what was still under way.
#[test]
fn the_end_takes_back_what_was_under_way() {
    let failed = TaskFailed { error: ErrorReport::new("timeout", "too long") }.into();
    let details = shown(&[started(1), found(1), said(1, "words"), failed]);
    assert_eq!((&details["step_results"], &details["streams"]), (&json!([]), &json!({})));
    assert_eq!(details["error"]["type"], "timeout");
}

/// Goal: what the attempt that succeeded told stays, once, beside the lines of those before it.
#[test]
fn what_finished_stays() {
    let facts = [
        started(1),
        found(1),
        said(1, "wrong "),
        retrying(1),
        started(2),
        found(2),
        said(2, "right "),
        said(2, "words"),
        succeeded(2),
    ];
    let details = shown(&facts);
    assert_eq!(details["streams"], json!({ "Write": "right words" }));
    let results = details["step_results"].as_array().unwrap();
    assert_eq!((results.len(), &results[0]["data"]), (1, &json!({ "attempt": 2 })));
}

/// Goal: two steps of one name have a stream each.
#[test]
fn streams_of_one_name_are_told_apart() {
    let other: Key = "Write/2".into();
    let second = StepStarted { step: other.clone(), name: "Write".into(), attempt: 1, ordinal: 1 };
    let more = Chunk { step: other, attempt: 1, text: "two".to_owned() };
    let details = shown(&[started(1), said(1, "one"), second.into(), more.into()]);
    assert_eq!(details["streams"], json!({ "Write": "one", "Write/2": "two" }));
}

/// Goal: a snapshot holds the newest results and says how many it leaves out; of a long text it holds the end.
#[test]
fn a_snapshot_is_bounded() {
    let line =
        |number: u32| Log { level: LogLevel::Info, message: format!("{number}").into(), teller: Teller::default() };
    let mut facts: Vec<Fact> = (1..=600).map(|number| line(number).into()).collect();
    facts.push(started(1));
    facts.extend((0..100).map(|_| said(1, &"é".repeat(500))));
    facts.push(said(1, "the end"));
    let details = shown(&facts);
    let results = details["step_results"].as_array().unwrap();
    assert_eq!((results.len(), &results[0]["message"]), (500, &json!("101")));
    assert_eq!(details["omitted"], 100);
    let text = details["streams"]["Write"].as_str().unwrap();
    assert!(text.len() <= 16 * 1024 && text.ends_with("éthe end"), "{} bytes", text.len());
}

/// Goal: a task is `PENDING` until it was claimed once, and `PROGRESS` from then on, whoever lost it.
#[test]
fn the_state_is_folded() {
    let created = TaskCreated {
        flow: "poem_flow".into(),
        version: 1,
        retry_of: None,
        parent: None,
        continued_from: None,
        due_at: None,
    };
    let worker = WorkerId::new("w");
    let facts: [Fact; 3] =
        [created.into(), TaskClaimed { worker: worker.clone() }.into(), TaskRescued { worker, takeovers: 1 }.into()];
    let events = |count: usize| {
        let events = facts.iter().take(count).cloned();
        let events = (1..).zip(events).map(|(seq, fact)| Event { seq, at: Timestamp::from_millis(0), fact });
        events.collect::<Vec<_>>()
    };
    let states = [1, 2, 3].map(|count| TaskView::of(&events(count)).state.as_str());
    assert_eq!(states, ["PENDING", "PROGRESS", "PROGRESS"]);
}
