//! Connections that are dropped after something was sent and done, before its answer came: the sender cannot know, must
//! say it again, and nothing may be there twice.

use caudal_tests::{Answer, Client, Installation, Role, finished_steps, installation, until};
use serde_json::json;

use crate::slow_tasks::SlowTasks;

const TASKS: usize = 20;
/// More than are done in all rounds: while answers are lost somebody must have something to write.
const STEPS: u32 = 60;
const ROUNDS: usize = 5;

/// How many events these tasks have, and how many of their steps have finished.
async fn progress(installation: &Installation, tasks: &SlowTasks) -> (usize, usize) {
    let (client, mut events, mut steps) = (installation.client(), 0, 0);
    for task in &tasks.ids {
        let log = client.events(task).await;
        events += log.len();
        steps += finished_steps(&log).len();
    }
    (events, steps)
}

/// Goal: a worker whose link breaks again and again, with answers on their way, repeats what it must, and no finished step
/// runs again.
#[tokio::test]
async fn a_worker_that_lost_answers_doubles_nothing() {
    let mut installation = installation!().workers(0).flag("concurrency", TASKS).start().await;
    let (worker, proxy) = installation.behind_proxy(Role::Worker).await;
    installation.workers.push(worker);
    let tasks = SlowTasks::start(&installation.client(), TASKS, STEPS, 100).await;
    tasks.all_are_at(&installation.client(), 1).await;
    for _ in 0..ROUNDS {
        let (events, _) = progress(&installation, &tasks).await;
        proxy.lose_answers();
        until("something is written without an answer", || async {
            (progress(&installation, &tasks).await.0 > events).then_some(())
        })
        .await;
        proxy.cut();
        let (_, steps) = progress(&installation, &tasks).await;
        proxy.pass();
        until("steps finish again", || async {
            let (_, now) = progress(&installation, &tasks).await;
            (now > steps).then_some(())
        })
        .await;
    }
    tasks.all_succeed(&installation).await;
}

async fn try_start(client: &Client, key: &str) -> Answer {
    let body = json!({ "flow": "slow_flow", "inputs": { "steps": 1, "step_ms": 1 } }).to_string();
    let request = client.request("POST", "/start-task").header("Content-Type", "application/json");
    client.send(request.header("Idempotency-Key", key).body(body)).await
}

/// Goal: a start that was done, and whose answer was lost, is refused as one that may have been done; repeated under its
/// key it is answered with the task that is there.
#[tokio::test]
async fn a_start_whose_answer_was_lost_starts_once() {
    let installation = installation!().without_postgres().start().await;
    let (web, proxy) = installation.behind_proxy(Role::Web).await;
    let other = installation.client();
    for number in 1..=ROUNDS {
        let key = format!("start {number}");
        proxy.lose_answers();
        let starting = tokio::spawn({
            let (client, key) = (web.client(), key.clone());
            async move { try_start(&client, &key).await }
        });
        until("the task is there", || async { (other.list("").await.len() == number).then_some(()) }).await;
        let newest = other.list("").await.remove(0);
        proxy.cut();
        let refused = starting.await.unwrap();
        assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("store_unavailable")), "{refused:?}");
        proxy.pass();
        let repeated = until("the repeat is answered", || async {
            let answer = try_start(&web.client(), &key).await;
            (answer.status == 200).then(|| answer.json())
        })
        .await;
        assert_eq!(repeated["task_id"], newest["task_id"]);
        assert_eq!(other.list("").await.len(), number, "it was started once");
    }
}
