//! What holds for every log, whatever its flow did and whatever happened to its process.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

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
