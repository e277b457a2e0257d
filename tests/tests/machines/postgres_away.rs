//! Postgres is away: nothing that is live notices, and what ended meanwhile is archived later.

use std::collections::BTreeSet;
use std::time::Duration;

use caudal_tests::{Client, Connection, Installation, Role, installation, until};
use serde_json::{Value, json};

use crate::load::Load;
use crate::slow_tasks::SlowTasks;

const PATIENCE: Duration = Duration::from_secs(90);
const STEPS: u32 = 3;
/// Whoever checks a process's health does not wait longer than this.
const HEALTH_CHECK: Duration = Duration::from_secs(5);

/// Waits until so many tasks are kept.
async fn kept(installation: &Installation, count: usize) {
    let wanted = count.to_string();
    until("all are archived", || async {
        let kept = installation.postgres().sql("postgres", "SELECT count(*) FROM caudal.tasks");
        (kept == wanted).then_some(())
    })
    .await;
}

async fn list(client: &Client) -> Value {
    client.get("/tasks?limit=200").await.ok()
}

/// Everything that a new task goes through, from the start to the end of its stream.
async fn a_task_runs(installation: &Installation, flow: &str, inputs: Value) -> String {
    let task = installation.client().start(flow, inputs).await;
    let path = format!("/task-status/{task}/");
    let address = installation.webs[0].address();
    let stream = Connection::read(address, &path, 0, usize::MAX, PATIENCE).await.unwrap();
    assert_eq!(stream.frames.last().unwrap().data["state"], "SUCCESS");
    task
}

/// Goal: with Postgres gone tasks are started, run and watched as before, lists say that they are partial; when it is
/// back all of it is archived, a text with NUL too, and found there when Redis has nothing any more.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_killed_under_load() {
    let mut installation = installation!().start().await;
    let client = installation.client();
    let before = a_task_runs(&installation, "count_words_flow", json!({ "text": "one two" })).await;
    kept(&installation, 1).await;
    let load = Load::on(client.clone(), json!({ "steps": STEPS, "step_ms": 50 }));

    installation.postgres_mut().kill();
    let odd = a_task_runs(&installation, "count_words_flow", json!({ "text": "nul \u{0} and \u{1F980}" })).await;
    let partial = list(&client).await;
    assert_eq!(partial["partial"], true, "{partial}");
    let listed: BTreeSet<&str> =
        partial["items"].as_array().unwrap().iter().map(|task| task["task_id"].as_str().unwrap()).collect();
    assert!(listed.contains(&*odd) && listed.contains(&*before), "what Redis still has is listed");
    for process in installation.webs.iter().chain(&installation.workers) {
        assert_eq!(process.client().get("/readyz").await.status, 200);
    }
    assert_eq!(load.refused(), 0, "no start was refused");

    installation.postgres_mut().run();
    let started = load.stop().await;
    let tasks = SlowTasks::of(started.into_iter().map(|start| start.task).collect(), STEPS);
    tasks.all_succeed(&installation).await;
    kept(&installation, tasks.ids.len() + 2).await;
    until("lists are whole again", || async { list(&client).await["partial"].is_null().then_some(()) }).await;
    let log = client.events(&odd).await;

    installation.webs.clear();
    installation.workers.clear();
    installation.redis.ask(&["FLUSHALL"]);
    installation.webs.push(installation.setup(Role::Web).start().await);
    let client = installation.client();
    assert_eq!(client.events(&odd).await, log);
    assert_eq!(client.view(&odd).await["details"]["final_result"]["top"][1][0], "nul");
    assert_eq!(client.list("").await.len(), tasks.ids.len() + 2);
}

/// Goal: a Postgres that takes connections and answers nothing holds up nobody: not what runs, not a health check.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_postgres_holds_up_nobody() {
    let installation = installation!().start().await;
    let client = installation.client();
    a_task_runs(&installation, "count_words_flow", json!({ "text": "one two" })).await;
    kept(&installation, 1).await;
    installation.postgres().freeze();
    for _ in 0..3 {
        for process in installation.webs.iter().chain(&installation.workers) {
            let asked = process.client();
            let answer = tokio::time::timeout(HEALTH_CHECK, asked.get("/readyz")).await.expect("it answers in time");
            assert_eq!(answer.status, 200);
        }
        a_task_runs(&installation, "slow_flow", json!({ "steps": 2, "step_ms": 10 })).await;
    }
    assert_eq!(list(&client).await["partial"], true);
    installation.postgres().thaw();
    kept(&installation, 4).await;
}
