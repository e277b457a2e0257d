//! Many tasks of `slow_flow`, and what must be true of all of them in the end.

use std::collections::BTreeMap;

use caudal_tests::{
    Client, Installation, Patience, StepStart, assert_justified, assert_lawful, at_ms, finished_steps, kind,
};
use serde_json::{Value, json};

/// Tasks that all take the same steps.
pub struct SlowTasks {
    pub ids: Vec<String>,
    steps: u32,
}

impl SlowTasks {
    pub async fn start(client: &Client, count: usize, steps: u32, step_ms: u32) -> Self {
        let inputs = json!({ "steps": steps, "step_ms": step_ms });
        Self { ids: client.start_many("slow_flow", inputs, count).await, steps }
    }

    /// Those that were started by somebody else.
    pub fn of(ids: Vec<String>, steps: u32) -> Self {
        Self { ids, steps }
    }

    /// Goal: each succeeds with a lawful log, each step ran, and none again that had finished. Returns the logs.
    pub async fn all_succeed(&self, installation: &Installation) -> Vec<Vec<Value>> {
        let client = installation.client();
        let patience = Patience::new("all tasks end");
        let mut logs = Vec::new();
        for task in &self.ids {
            logs.push(loop {
                match client.try_events(task).await {
                    Some(events) if is_ended(&events) => break events,
                    _ => patience.pause().await,
                }
            });
        }
        let mut starts: BTreeMap<String, Vec<StepStart>> = BTreeMap::new();
        for start in installation.step_log().starts() {
            starts.entry(start.task.clone()).or_default().push(start);
        }
        let expected: Vec<String> = (1..=self.steps).map(|number| format!("step {number}")).collect();
        for (task, events) in self.ids.iter().zip(&logs) {
            assert_lawful(events);
            assert_eq!(kind(events.last().unwrap()), "task.succeeded", "{task}");
            assert_eq!(finished_steps(events), expected);
            let starts = starts.get(task).map(Vec::as_slice).unwrap_or_default();
            assert_justified(events, starts);
            assert!((1..=self.steps).all(|step| starts.iter().any(|start| start.number == step)), "all ran: {task}");
        }
        logs
    }

    /// Waits until each has so many finished steps.
    pub async fn all_are_at(&self, client: &Client, steps: usize) {
        let patience = Patience::new(format!("all have {steps} finished steps"));
        for task in &self.ids {
            while finished_steps(&client.events(task).await).len() < steps {
                patience.pause().await;
            }
        }
    }
}

pub fn is_ended(events: &[Value]) -> bool {
    let last = events.last().map(kind);
    matches!(last, Some("task.succeeded" | "task.failed" | "task.cancelled"))
}

/// The longest time in a log in which no step was running that anybody knew of, in milliseconds.
pub fn longest_pause_ms(events: &[Value]) -> i64 {
    let mut pause_began = None;
    let mut longest = 0;
    for event in events {
        match kind(event) {
            "task.created" | "step.succeeded" | "step.failed" | "step.retrying" => pause_began = Some(at_ms(event)),
            "step.started" | "task.succeeded" => {
                longest = pause_began.take().map_or(longest, |began| longest.max(at_ms(event) - began));
            }
            _ => {}
        }
    }
    longest
}
