//! Nothing is lost and no finished step is repeated, however the process ends: killed, asked to stop, or taken down
//! by a flow. On the real binary, again and again at random moments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use caudal_tests::{Patience, Server, StepStart, assert_lawful, finished_steps, kind, setup};
use serde_json::{Value, json};

const TASKS: usize = 50;
const STEPS: u32 = 10;
/// Short enough for a random moment, and long enough for steps to finish in most lives of a process.
const LIFE_MS: std::ops::Range<u64> = 150..900;

/// How often a process is ended in one test. `scripts/test --all` does it more often.
fn lives() -> usize {
    if std::env::var_os("CAUDAL_TEST_ALL").is_some() { 25 } else { 5 }
}

async fn start_slow_tasks(server: &Server) -> Vec<String> {
    server.client().start_many("slow_flow", json!({ "steps": STEPS, "step_ms": 200 }), TASKS).await
}

/// What a client was told of finished steps before the process ended, and how far the trace outside went then.
#[derive(Default)]
struct Noted {
    logs: BTreeMap<String, Vec<Value>>,
    /// Task and step → how many executions had been traced when its end was known.
    finished: BTreeMap<(String, u32), usize>,
}

impl Noted {
    async fn note(&mut self, server: &Server, tasks: &[String]) {
        let client = server.client();
        let mut fresh = Vec::new();
        for task in tasks {
            let events = client.events(task).await;
            let steps = finished_steps(&events).into_iter();
            fresh.extend(steps.map(|name| (task.clone(), name.trim_start_matches("step ").parse().unwrap())));
            self.logs.insert(task.clone(), events);
        }
        let traced = server.step_log().starts().len();
        for step in fresh {
            self.finished.entry(step).or_insert(traced);
        }
    }

    /// Goal: what was told stays, and what was finished is not begun again.
    async fn hold(&self, server: &Server) {
        for (task, before) in &self.logs {
            let after = server.client().events(task).await;
            assert!(after.len() >= before.len() && after[..before.len()] == before[..], "{task} was told otherwise");
        }
        for (place, start) in server.step_log().starts().into_iter().enumerate() {
            let known_at = self.finished.get(&(start.task.clone(), start.number));
            assert!(known_at.is_none_or(|known| place < *known), "finished, and begun again: {start:?}");
        }
    }
}

/// Goal: each task succeeded with a lawful log, each of its steps ran, and within one process none ran twice.
async fn all_succeeded(server: &Server, tasks: &[String]) {
    let client = server.client();
    for task in tasks {
        let view = client.ended(task).await;
        assert_eq!((&view["state"], &view["details"]["final_result"]), (&json!("SUCCESS"), &json!(STEPS)), "{view}");
        let events = client.events(task).await;
        assert_lawful(&events);
        let expected: Vec<String> = (1..=STEPS).map(|number| format!("step {number}")).collect();
        assert_eq!(finished_steps(&events), expected);
    }
    let starts = server.step_log().starts();
    let once: BTreeSet<&StepStart> = starts.iter().collect();
    assert_eq!(once.len(), starts.len(), "a step began twice in one process");
    for task in tasks {
        let ran: BTreeSet<u32> = starts.iter().filter(|start| start.task == *task).map(|start| start.number).collect();
        assert_eq!(ran, (1..=STEPS).collect());
    }
}

async fn live_for_a_while() {
    tokio::time::sleep(Duration::from_millis(rand::random_range(LIFE_MS))).await;
}

/// Goal: `kill -9` at any moment loses nothing that a client was told and repeats no step that had finished.
#[tokio::test]
async fn tasks_survive_kill_9() {
    let mut server = setup!().start().await;
    let tasks = start_slow_tasks(&server).await;
    let mut noted = Noted::default();
    for _ in 0..lives() {
        live_for_a_while().await;
        noted.note(&server, &tasks).await;
        server.kill9();
        server.restart().await;
    }
    all_succeeded(&server, &tasks).await;
    noted.hold(&server).await;
}

/// Goal: SIGTERM hands tasks over without repeating even a step that was in flight.
#[tokio::test]
async fn tasks_survive_sigterm() {
    let mut server = setup!().start().await;
    let tasks = start_slow_tasks(&server).await;
    let mut noted = Noted::default();
    for _ in 0..lives() {
        live_for_a_while().await;
        noted.note(&server, &tasks).await;
        server.sigterm();
        assert!(server.ended().await.success(), "a drained server ends well");
        server.restart().await;
    }
    all_succeeded(&server, &tasks).await;
    noted.hold(&server).await;
    assert_eq!(server.step_log().starts().len(), TASKS * STEPS as usize, "each step ran once");
    for task in &tasks {
        let events = server.client().events(task).await;
        assert!(!events.iter().any(|event| kind(event) == "task.rescued"), "nothing had to be rescued");
    }
}

/// Goal: a flow that takes its process with it ends itself with `crash_loop` and nobody else.
#[tokio::test]
async fn a_crash_loop_ends_alone() {
    let mut server = setup!().flag("crash-loop-backoff-seconds", 1).start().await;
    let client = server.client();
    // It may take its process along before its start is answered. Its neighbours come when it has crashed for the first
    // time or before: both are the same to them.
    let (mut aborting, mut tasks) = (None, Vec::new());
    let mut crashes = 0;
    let patience = Patience::new("the flow that aborts ends").of(Duration::from_secs(180));
    let ended = loop {
        if server.is_ended() {
            crashes += 1;
            server.spawn_again();
        }
        if aborting.is_none() {
            aborting = try_start_aborting_task(&server).await;
        }
        if tasks.is_empty() {
            tasks = try_start_slow_tasks(&server).await.unwrap_or_default();
        }
        if let Some(task) = &aborting
            && let Some(answer) = client.try_get(&format!("/task-status/{task}/")).await
            && answer.status == 200
            && answer.json()["state"] == "FAILURE"
        {
            break answer.json();
        }
        patience.pause().await;
    };
    let aborting = aborting.unwrap();
    assert_eq!(ended["details"]["error"]["type"], "crash_loop");
    assert_eq!(ended["details"]["error"]["step"], "Abort", "{ended}");
    assert_eq!(crashes, 10, "the tenth time was the last");

    all_succeeded(&server, &tasks).await;
    assert_lawful(&client.events(&aborting).await);
    let another = client.start("count_words_flow", json!({ "text": "still here" })).await;
    client.reached(&another, "SUCCESS").await;
    assert!(!server.is_ended(), "the server stays up");
}

/// None while the server is down, as below.
async fn try_start_aborting_task(server: &Server) -> Option<String> {
    let client = server.client();
    let body = json!({ "flow": "abort_flow", "inputs": {} }).to_string();
    let request = client.request("POST", "/start-task").header("Content-Type", "application/json");
    let started = client.try_send(request.header("Idempotency-Key", "aborts").body(body)).await?.ok();
    Some(started["task_id"].as_str().unwrap().to_owned())
}

/// None while the server is down: nobody knows whether it heard, so it is asked again under the same keys.
async fn try_start_slow_tasks(server: &Server) -> Option<Vec<String>> {
    let client = server.client();
    let inputs = json!({ "steps": STEPS, "step_ms": 200 });
    let tasks: Vec<Value> = (0..TASKS)
        .map(|number| json!({ "flow": "slow_flow", "inputs": inputs, "unique_key": format!("slow {number}") }))
        .collect();
    let body = json!({ "tasks": tasks }).to_string();
    let request = client.request("POST", "/start-tasks").header("Content-Type", "application/json").body(body);
    let started = client.try_send(request).await?.ok();
    let items = started["items"].as_array().unwrap();
    Some(items.iter().map(|item| item["task_id"].as_str().unwrap_or_else(|| panic!("{item}")).to_owned()).collect())
}
