//! Workers that were away for longer than their claims live, and do not know it: stopped by the system, or cut off from
//! Redis.

use caudal_tests::{Installation, Process, Role, StepStart, assert_justified, installation, kind, process_of, until};
use serde_json::Value;

use crate::slow_tasks::SlowTasks;

const TASKS: usize = 20;
const STEPS: u32 = 12;

/// What a late process held, and what it had begun when others had it.
struct Late {
    process: Process,
    held: Vec<String>,
    begun: usize,
}

impl Late {
    /// Waits until others have all that it held.
    async fn taken_over(installation: &Installation, process: Process, tasks: &SlowTasks) -> Self {
        let client = installation.client();
        let mut held = Vec::new();
        for task in &tasks.ids {
            if holder(&client.events(task).await) == process {
                held.push(task.clone());
            }
        }
        assert!(!held.is_empty(), "it had work in hand");
        for task in &held {
            until("the task is taken over", || async { (holder(&client.events(task).await) != process).then_some(()) })
                .await;
        }
        Self { process, held, begun: begun_by(installation, process).len() }
    }

    /// Goal: it began nothing of what it had held but under claims that are newer than its late ones, and nothing that
    /// it wrote late was taken.
    async fn did_no_harm(&self, installation: &Installation) {
        let begun = begun_by(installation, self.process).split_off(self.begun);
        for task in &self.held {
            let log = installation.client().events(task).await;
            let of_late = |event: &Value, wanted: &str| kind(event) == wanted && process_of(event) == self.process;
            let rescued = log.iter().position(|event| of_late(event, "task.rescued")).expect("it was taken over");
            let without_late_claims: Vec<Value> = log[..rescued]
                .iter()
                .filter(|event| kind(event) != "task.claimed")
                .chain(&log[rescued..])
                .cloned()
                .collect();
            let late_starts: Vec<StepStart> = begun.iter().filter(|start| start.task == *task).cloned().collect();
            assert_justified(&without_late_claims, &late_starts);
            let behind = &log[rescued..];
            let claimed_again = behind.iter().position(|event| of_late(event, "task.claimed")).unwrap_or(behind.len());
            assert!(!behind[..claimed_again].iter().any(|event| of_late(event, "task.released")), "{task}: {log:#?}");
        }
    }
}

fn holder(events: &[Value]) -> Process {
    process_of(events.iter().rfind(|event| kind(event) == "task.claimed").expect("it was claimed"))
}

fn begun_by(installation: &Installation, process: Process) -> Vec<StepStart> {
    let starts = installation.step_log().starts().into_iter();
    starts.filter(|start| Process(start.process) == process).collect()
}

/// Goal: a process that was late takes new tasks.
async fn assert_takes_new_tasks(installation: &Installation, late: Process) {
    // More than the other has room for.
    let tasks = SlowTasks::start(&installation.client(), TASKS + 4, 3, 100).await;
    let logs = tasks.all_succeed(installation).await;
    assert!(logs.iter().flatten().any(|event| kind(event) == "task.claimed" && process_of(event) == late));
}

/// Goal: a worker that the system stopped past its lease begins no step of what it held before it has claimed it again,
/// nothing that it writes of it is taken, and it goes on with new tasks.
#[tokio::test]
async fn a_stopped_worker_comes_back() {
    let installation = installation!().workers(2).flag("concurrency", TASKS).start().await;
    let client = installation.client();
    let tasks = SlowTasks::start(&client, TASKS, STEPS, 200).await;
    tasks.all_are_at(&client, 2).await;
    let process = installation.holder_of(&tasks.ids[0]).await;
    process.signal("STOP");
    let late = Late::taken_over(&installation, process, &tasks).await;
    process.signal("CONT");
    tasks.all_succeed(&installation).await;
    late.did_no_harm(&installation).await;
    assert_takes_new_tasks(&installation, process).await;
}

/// Goal: the same for a worker whose network hung: what it sent meanwhile arrives late, and is refused.
#[tokio::test]
async fn a_worker_that_was_cut_off_comes_back() {
    let mut installation = installation!().workers(0).flag("concurrency", TASKS).start().await;
    let (worker, proxy) = installation.behind_proxy(Role::Worker).await;
    let process = worker.process();
    let client = installation.client();
    let tasks = SlowTasks::start(&client, TASKS, STEPS, 200).await;
    tasks.all_are_at(&client, 2).await;
    let other = installation.setup(Role::Worker).start().await;
    installation.workers.extend([worker, other]);
    proxy.hang();
    let late = Late::taken_over(&installation, process, &tasks).await;
    proxy.pass();
    tasks.all_succeed(&installation).await;
    late.did_no_harm(&installation).await;
    assert_takes_new_tasks(&installation, process).await;
}
