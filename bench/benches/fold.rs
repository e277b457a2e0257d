//! The fold of a log into a view, and a view into a snapshot: what each event costs whoever is watched.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up must fail")]

use caudal_engine::task::{Event, LogEntry, TaskView};
use divan::{Bencher, counter::ItemsCount};

fn main() {
    divan::main();
}

/// The log of `bench_flow`, as stores keep it.
fn log(steps: u32) -> Vec<LogEntry> {
    let at = "\"at\":\"2026-01-02T03:04:05.678Z\"";
    let mut bodies = vec![
        format!("{{\"kind\":\"task.created\",{at},\"flow\":\"bench_flow\",\"version\":1}}"),
        format!("{{\"kind\":\"task.claimed\",{at},\"worker\":\"here:1:a\"}}"),
    ];
    for number in 1..=steps {
        let step = format!("\"step\":\"Step {number}/1\"");
        let name = format!("\"name\":\"Step {number}\"");
        bodies.extend([
            format!("{{\"kind\":\"step.started\",{at},{step},{name},\"attempt\":1,\"ordinal\":0}}"),
            format!("{{\"kind\":\"log\",{at},\"level\":\"info\",\"message\":\"Nothing to do\",{step},\"attempt\":1}}"),
            format!(
                "{{\"kind\":\"tool_result\",{at},\"step_name\":\"Step {number}\",\"tool\":\"nothing\",\
                 \"data\":{{\"step\":{number}}},{step},\"attempt\":1}}"
            ),
            format!("{{\"kind\":\"step.succeeded\",{at},{step},{name},\"attempt\":1,\"result\":null}}"),
        ]);
    }
    bodies.push(format!("{{\"kind\":\"task.succeeded\",{at},\"result\":{steps}}}"));
    (1..).zip(bodies).map(|(seq, body)| LogEntry::new(seq, body)).collect()
}

fn events(steps: u32) -> Vec<Event> {
    log(steps).iter().map(|entry| entry.event().expect("an event")).collect()
}

#[divan::bench(args = [5, 1_000])]
fn understand(bencher: Bencher<'_, '_>, steps: u32) {
    let log = log(steps);
    let count = ItemsCount::new(log.len());
    bencher.counter(count).bench(|| log.iter().filter_map(|entry| entry.event().ok()).count());
}

#[divan::bench(args = [5, 1_000])]
fn fold(bencher: Bencher<'_, '_>, steps: u32) {
    let events = events(steps);
    bencher.counter(ItemsCount::new(events.len())).bench(|| TaskView::of(&events));
}

#[divan::bench(args = [5, 1_000])]
fn snapshot(bencher: Bencher<'_, '_>, steps: u32) {
    let view = TaskView::of(&events(steps));
    bencher.bench(|| serde_json::to_vec(&view).map(|bytes| bytes.len()));
}
