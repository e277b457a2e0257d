//! Redis is killed and comes back with what it has on disk.

use std::collections::BTreeSet;
use std::time::Duration;

use caudal_tests::{Connection, Installation, Server, at_ms, installation, kind, now_ms, process_of, until};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::load::{Acknowledged, Load};
use crate::slow_tasks::SlowTasks;

/// From the moment at which Redis answers again.
const MOST_TO_BE_BACK_MS: i64 = 3_000;
const PATIENCE: Duration = Duration::from_secs(90);
const STEPS: u32 = 4;

/// Reads a task's live log on one connection, to the end.
fn watch(web: &Server, task: &str) -> JoinHandle<Connection> {
    let (address, path) = (web.address(), format!("/task-status/{task}/?view=events"));
    tokio::spawn(async move { Connection::read(address, &path, 0, usize::MAX, PATIENCE).await.unwrap() })
}

/// Waits until so many more starts were refused.
async fn refused_again(load: &Load, count: usize) {
    let before = load.refused();
    until("starts are refused", || async { (load.refused() >= before + count).then_some(()) }).await;
}

/// Everything that was acknowledged succeeds, and nothing beside it was started.
async fn assert_exactly_once(installation: &Installation, acknowledged: Vec<Acknowledged>, others: &SlowTasks) {
    let load = SlowTasks::of(acknowledged.into_iter().map(|start| start.task).collect(), STEPS);
    load.all_succeed(installation).await;
    let promised: BTreeSet<&String> = load.ids.iter().chain(&others.ids).collect();
    let listed = installation.client().list("").await;
    let there: BTreeSet<String> = listed.iter().map(|task| task["task_id"].as_str().unwrap().to_owned()).collect();
    assert!(there.iter().eq(promised), "{} tasks are there", there.len());
}

fn first_step_after(events: &[Value], back: i64) -> Option<i64> {
    events.iter().filter(|event| kind(event) == "step.started").map(at_ms).find(|at| *at > back)
}

/// Goal: while Redis is down starts are refused with 503 and `Retry-After`; streams stay open and go on; everything that
/// was acknowledged ends exactly once; nothing needs a restart; and work goes on within three seconds.
#[tokio::test(flavor = "multi_thread")]
async fn redis_is_killed_under_load() {
    let mut installation = installation!().workers(2).start().await;
    let client = installation.client();
    let watched = SlowTasks::start(&client, 10, 30, 200).await;
    let watchers: Vec<_> = watched.ids.iter().map(|task| watch(&installation.webs[0], task)).collect();
    watched.all_are_at(&client, 1).await;
    let load = Load::on(client.clone(), json!({ "steps": STEPS, "step_ms": 100 }));
    until("the load is on", || async { (installation.step_log().starts().len() > 50).then_some(()) }).await;

    // Once shorter than a lease, once longer.
    let mut came_back = Vec::new();
    for refusals in [20, 150] {
        installation.redis.kill();
        refused_again(&load, refusals).await;
        installation.redis.restart();
        let back = now_ms();
        for task in &watched.ids {
            until("it goes on", || async {
                let events = client.try_events(task).await?;
                first_step_after(&events, back).map(drop)
            })
            .await;
        }
        came_back.push(back);
    }
    let acknowledged = load.stop().await;
    let logs = watched.all_succeed(&installation).await;
    for back in came_back {
        let starts = acknowledged.iter().map(|start| start.at_ms);
        let first_start = starts.filter(|at| *at > back).min().unwrap() - back;
        let last_to_go_on = logs.iter().filter_map(|log| first_step_after(log, back)).max().unwrap() - back;
        eprintln!("figure: back to work after {first_start} ms, all of it after {last_to_go_on} ms");
        assert!(first_start.max(last_to_go_on) <= MOST_TO_BE_BACK_MS, "{first_start} ms, {last_to_go_on} ms");
    }
    for (watcher, log) in watchers.into_iter().zip(logs) {
        let stream = watcher.await.unwrap();
        let told: Vec<_> = stream.frames.into_iter().map(|frame| frame.data).collect();
        assert_eq!(told, log, "on one connection, each event once");
    }
    assert_exactly_once(&installation, acknowledged, &watched).await;
}

/// Goal: a worker that dies together with Redis loses nothing either, and its tasks go on in the other.
#[tokio::test(flavor = "multi_thread")]
async fn redis_and_a_worker_are_killed_together() {
    let mut installation = installation!().workers(2).start().await;
    let client = installation.client();
    let tasks = SlowTasks::start(&client, 30, 15, 200).await;
    tasks.all_are_at(&client, 2).await;
    let load = Load::on(client.clone(), json!({ "steps": STEPS, "step_ms": 100 }));
    until("the load is on", || async { (installation.step_log().starts().len() > 150).then_some(()) }).await;
    let dead = installation.holder_of(&tasks.ids[0]).await;
    installation.redis.kill();
    installation.workers.iter_mut().find(|worker| worker.process() == dead).unwrap().kill9();
    refused_again(&load, 40).await;
    installation.redis.restart();
    let logs = tasks.all_succeed(&installation).await;
    let acknowledged = load.stop().await;
    assert!(logs.iter().flatten().any(|event| kind(event) == "task.rescued" && process_of(event) == dead));
    assert_exactly_once(&installation, acknowledged, &tasks).await;
}
