//! Workers that die without a word.

use std::time::{Duration, Instant};

use caudal_tests::{Installation, Process, Server, at_ms, installation, kind, now_ms, process_of};
use rand::Rng;
use serde_json::Value;

use crate::at_full_length;
use crate::slow_tasks::SlowTasks;

/// From the kill to the next claim, at default settings.
const MOST_TAKEOVER_MS: i64 = 5_000;

/// Kills one worker after the other, at random, each started again a moment later.
async fn kill_at_random(installation: &mut Installation, how_long: Duration) {
    let began = Instant::now();
    while began.elapsed() < how_long {
        let (place, life, death) = {
            let mut random = rand::rng();
            (
                random.random_range(0..installation.workers.len()),
                random.random_range(100..1_200),
                random.random_range(0..700),
            )
        };
        tokio::time::sleep(Duration::from_millis(life)).await;
        let worker: &mut Server = &mut installation.workers[place];
        worker.kill9();
        tokio::time::sleep(Duration::from_millis(death)).await;
        worker.spawn_again();
    }
}

/// Goal: whichever worker is killed and whenever, every task succeeds, no finished step runs again, logs have no gap and
/// one end.
#[tokio::test]
async fn tasks_survive_workers_killed_at_random() {
    let (tasks, seconds, steps): (usize, u64, u32) = if at_full_length() { (200, 30, 30) } else { (60, 8, 12) };
    // So that no worker takes all of them.
    let concurrency = tasks.div_ceil(3);
    let mut installation = installation!().workers(3).flag("concurrency", concurrency).start().await;
    let tasks = SlowTasks::start(&installation.client(), tasks, steps, 200).await;
    kill_at_random(&mut installation, Duration::from_secs(seconds)).await;
    let logs = tasks.all_succeed(&installation).await;
    assert!(logs.iter().flatten().any(|event| kind(event) == "task.rescued"), "some were taken over");
}

/// Goal: what a killed worker had in hand is in others' hands within five seconds, at default settings.
#[tokio::test]
async fn a_killed_worker_is_taken_over_soon() {
    let mut installation = installation!().workers(3).start().await;
    let client = installation.client();
    let tasks = SlowTasks::start(&client, 60, 25, 200).await;
    tasks.all_are_at(&client, 2).await;
    let dead = installation.holder_of(&tasks.ids[0]).await;
    let worker = installation.workers.iter_mut().find(|worker| worker.process() == dead).unwrap();
    let killed_at = now_ms();
    worker.kill9();
    let logs = tasks.all_succeed(&installation).await;
    let takeovers: Vec<i64> = logs.iter().filter_map(|log| claimed_after(log, dead)).map(|at| at - killed_at).collect();
    assert!(!takeovers.is_empty(), "it had work in hand");
    assert!(takeovers.iter().all(|took| *took <= MOST_TAKEOVER_MS), "{takeovers:?}");
}

/// When a task was claimed by the next one after the rescue from this process.
fn claimed_after(events: &[Value], dead: Process) -> Option<i64> {
    let rescued = events.iter().position(|event| kind(event) == "task.rescued" && process_of(event) == dead)?;
    let claimed = events[rescued..].iter().find(|event| kind(event) == "task.claimed").expect("it was claimed again");
    Some(at_ms(claimed))
}
