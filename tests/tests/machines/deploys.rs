//! Workers that are replaced while they work.

use caudal_tests::{installation, kind};
use serde_json::json;

use crate::load::Load;
use crate::slow_tasks::{SlowTasks, longest_pause_ms};

const MOST_PAUSE_MS: i64 = 1_000;
const STEPS: u32 = 40;
const STEPS_OF_LOAD: u32 = 5;

/// Goal: all workers are replaced, one after the other, under load: no task fails, nothing has to be rescued, no step is
/// repeated, and no task waits longer than a second between two steps.
#[tokio::test]
async fn workers_are_replaced_one_after_the_other() {
    let mut installation = installation!().workers(3).start().await;
    let client = installation.client();
    let tasks = SlowTasks::start(&client, 40, STEPS, 200).await;
    tasks.all_are_at(&client, 1).await;
    let load = Load::on(client.clone(), json!({ "steps": STEPS_OF_LOAD, "step_ms": 100 }));
    for worker in &mut installation.workers {
        worker.sigterm();
        assert!(worker.ended().await.success(), "a drained worker ends well");
        worker.restart().await;
    }
    let acknowledged = load.stop().await;
    let mut logs = tasks.all_succeed(&installation).await;
    let of_load = SlowTasks::of(acknowledged.into_iter().map(|start| start.task).collect(), STEPS_OF_LOAD);
    logs.extend(of_load.all_succeed(&installation).await);
    assert!(!logs.iter().flatten().any(|event| kind(event) == "task.rescued"), "nothing had to be rescued");
    let steps = tasks.ids.len() * STEPS as usize + of_load.ids.len() * STEPS_OF_LOAD as usize;
    assert_eq!(installation.step_log().starts().len(), steps, "each step ran once");
    let handed_over = logs.iter().filter(|log| log.iter().any(|event| kind(event) == "task.released")).count();
    assert!(handed_over >= tasks.ids.len() / 2, "only {handed_over} tasks were handed over");
    let longest = logs.iter().map(|log| longest_pause_ms(log)).max().unwrap();
    eprintln!("figure: {handed_over} of {} tasks handed over, longest pause {longest} ms", logs.len());
    assert!(longest <= MOST_PAUSE_MS, "{longest} ms");
}
