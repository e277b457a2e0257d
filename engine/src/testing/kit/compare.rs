//! What must be the same with and without a crash, and what must hold for every log.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::TestedTask;
use crate::flow::scope::is_cleanup;
use crate::task::{Event, Fact};

/// What clients saw in the end, without what a crash may change: the order in which concurrent branches told things,
/// and log lines of attempts that did not finish.
pub(super) fn told(task: &TestedTask) -> Value {
    let view = serde_json::to_value(&task.view).unwrap_or_default();
    let details = &view["details"];
    let mut results: Vec<String> = details["step_results"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|item| item.get("unfinished").is_none())
        .map(Value::to_string)
        .collect();
    results.sort();
    let mut notifications: Vec<String> = task.events.iter().filter_map(notification).collect();
    notifications.sort();
    json!({
        "state": view["state"],
        "progress": details["progress"],
        "step_results": results,
        "streams": details["streams"],
        "notifications": notifications,
        "outbox": task.outbox,
        "final_result": details["final_result"],
        "error": details.get("error"),
    })
}

/// What was asked for and where in the flow: its id is another each time.
fn notification(event: &Event) -> Option<String> {
    match &event.fact {
        Fact::NotificationQueued(queued) => {
            Some(format!("{}: {} to {} addresses", queued.step, queued.template, queued.addresses))
        }
        _ => None,
    }
}

#[expect(clippy::panic, reason = "what a test kit finds wrong must fail the test")]
pub(super) fn check_log(events: &[Event], place: &str) {
    let mut finished = HashSet::new();
    let mut cleanup = HashSet::new();
    let mut told_keys = HashSet::new();
    let mut notified = HashSet::new();
    for (index, event) in events.iter().enumerate() {
        let expected = index as u64 + 1;
        if event.seq != expected {
            panic!("{place}: the log has a gap, event {} where {expected} should be", event.seq);
        }
        if event.fact.is_terminal() != (index + 1 == events.len()) {
            panic!("{place}: exactly one terminal event must end the log; number {expected} is {}", event.fact.kind());
        }
        match &event.fact {
            Fact::StepStarted(step) if is_cleanup(&step.step, step.ordinal) => {
                cleanup.insert(step.step.clone());
            }
            // Each try of the flow tidies up.
            Fact::TaskRetrying(_) => {
                finished.retain(|step| !cleanup.contains(step));
                // What a try tells because something failed, the next one may tell again.
                notified.clear();
            }
            _ => {}
        }
        let step = match &event.fact {
            Fact::StepSucceeded(step) => Some(&step.step),
            Fact::StepFailed(step) => Some(&step.step),
            _ => None,
        };
        if let Some(step) = step
            && !finished.insert(step.clone())
        {
            panic!("{place}: the step {step} was finished twice");
        }
        if let Fact::Log(log) = &event.fact
            && let Some(key) = &log.teller.key
            && !told_keys.insert(key.clone())
        {
            panic!("{place}: the line '{}' was told twice", log.message);
        }
        if let Fact::NotificationQueued(queued) = &event.fact
            && !notified.insert(queued.step.clone())
        {
            panic!("{place}: the notification {} was queued twice", queued.step);
        }
    }
}
