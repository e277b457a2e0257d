//! What holds for every log, whatever its flow did and whatever happened to its process.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::process::Process;
use crate::step_log::StepStart;

pub fn kind(event: &Value) -> &str {
    event["kind"].as_str().unwrap_or_else(|| panic!("an event without a kind: {event}"))
}

fn is_terminal(event: &Value) -> bool {
    matches!(kind(event), "task.succeeded" | "task.failed" | "task.cancelled")
}

/// The steps that succeeded, by name, in the order of the log.
pub fn finished_steps(events: &[Value]) -> Vec<String> {
    let finished = events.iter().filter(|event| kind(event) == "step.succeeded");
    finished.map(|event| event["name"].as_str().unwrap().to_owned()).collect()
}

/// The log of an ended task: it begins with its birth, numbers have no gap, it ends once, no step has two outcomes
/// and none is started after its outcome.
#[track_caller]
pub fn assert_lawful(events: &[Value]) {
    for (place, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], place + 1, "numbers are 1, 2, 3… with no gap: {event}");
    }
    assert_eq!(kind(&events[0]), "task.created");
    let terminal: Vec<usize> = (0..events.len()).filter(|place| is_terminal(&events[*place])).collect();
    assert_eq!(terminal, [events.len() - 1], "one terminal event, the last: {:?}", events.last());

    let mut outcomes = BTreeSet::new();
    let mut attempts: BTreeMap<&str, u64> = BTreeMap::new();
    for event in events {
        let Some(step) = event["step"].as_str() else { continue };
        match kind(event) {
            "step.succeeded" | "step.failed" => assert!(outcomes.insert(step), "a second outcome: {event}"),
            "step.started" | "step.retrying" | "step.cancelled" => {
                assert!(!outcomes.contains(step), "after its outcome: {event}");
                let attempt = event["attempt"].as_u64().unwrap();
                let before = attempts.insert(step, attempt).unwrap_or(1);
                assert!(before <= attempt, "attempts go up: {event}");
            }
            _ => {}
        }
    }
}

/// The log of an ended task beside the executions of its steps that were seen from outside: each belongs to a claim of its
/// process under which the step was not finished, and none of two belong to the same. So no finished step began again.
#[track_caller]
pub fn assert_justified(events: &[Value], starts: &[StepStart]) {
    let mut left: Vec<(u32, u32)> = starts.iter().map(|start| (start.number, start.process)).collect();
    let mut holder = None;
    let mut open: u32 = 1;
    for event in events {
        match kind(event) {
            "task.claimed" => holder = Some(process_of(event).0),
            "step.succeeded" => open += 1,
            _ => continue,
        }
        // This claim may have begun this step, once.
        if let Some(place) = left.iter().position(|start| Some(*start) == holder.map(|process| (open, process))) {
            left.swap_remove(place);
        }
    }
    assert!(left.is_empty(), "executions (step, process) that no claim accounts for: {left:?}; the log: {events:#?}");
}

/// Of the worker that claimed: `host:process:random`.
pub fn process_of(claimed: &Value) -> Process {
    let worker = claimed["worker"].as_str().unwrap_or_else(|| panic!("no worker: {claimed}"));
    Process(worker.split(':').nth(1).unwrap().parse().unwrap())
}

/// When it was told, in milliseconds.
pub fn at_ms(event: &Value) -> i64 {
    let at = event["at"].as_str().unwrap_or_else(|| panic!("no time: {event}"));
    chrono::DateTime::parse_from_rfc3339(at).unwrap().timestamp_millis()
}

/// The time beside which those of a log stand: all processes have the same clock.
pub fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
