//! What waiting costs: nothing.

use std::time::Duration;

use caudal_tests::{Patience, Server, setup};
use serde_json::json;

const THREE_DAYS_SECONDS: u32 = 3 * 24 * 3_600;
const PARKED: usize = 10_000;
const MOST_GROWTH: u64 = 20 * 1024 * 1024;

/// Goal: a sleep of three days and a wait for a signal take no worker's place, not even the only one, over a restart
/// too.
#[tokio::test]
async fn parked_tasks_take_no_place() {
    let mut server = setup!().flag("concurrency", 1).start().await;
    let client = server.client();
    let sleeping = client.start("wait_flow", json!({ "sleep_seconds": THREE_DAYS_SECONDS })).await;
    let waiting = client.start("wait_flow", json!({})).await;
    let sleep = client.reached(&sleeping, "WAITING").await;
    assert_eq!(sleep["details"]["waiting"][0]["kind"], "sleep");
    let wait = client.reached(&waiting, "WAITING").await;
    assert_eq!(
        (&wait["details"]["waiting"][0]["kind"], &wait["details"]["waiting"][0]["name"]),
        (&json!("signal"), &json!("go"))
    );

    let other = client.start("slow_flow", json!({ "steps": 2, "step_ms": 10 })).await;
    client.reached(&other, "SUCCESS").await;
    server.kill9();
    server.restart().await;
    assert_eq!(client.view(&sleeping).await["state"], "WAITING");
    assert_eq!(client.signal(&waiting, "go", &json!("now")).await.status, 200);
    assert_eq!(client.reached(&waiting, "SUCCESS").await["details"]["final_result"], "now");
}

async fn park(server: &Server, count: usize) -> Vec<String> {
    let client = server.client();
    let mut tasks = Vec::new();
    while tasks.len() < count {
        tasks.extend(client.start_many("wait_flow", json!({}), (count - tasks.len()).min(1_000)).await);
    }
    tasks
}

async fn until_parked(server: &Server, count: usize) {
    let patience = Patience::new(format!("{count} tasks are parked")).of(Duration::from_secs(240));
    loop {
        let stats = server.client().get("/stats").await.ok();
        let parked = stats["tasks"].as_array().unwrap().iter().find(|row| row["state"] == "waiting");
        if parked.is_some_and(|row| row["count"] == count) {
            return;
        }
        patience.pause().await;
    }
}

/// Goal: ten thousand parked tasks are rows in a file and nothing else; each still hears its signal.
#[tokio::test]
async fn ten_thousand_parked_tasks_need_no_memory() {
    // The disk is not what is measured.
    let server = setup!().flag("durability", "normal").start().await;
    // What a process needs that has worked at all: caches, threads, the store's own buffers.
    park(&server, 500).await;
    until_parked(&server, 500).await;
    let before = server.process().resident_bytes();
    let tasks = park(&server, PARKED).await;
    until_parked(&server, PARKED + 500).await;
    let grown = server.process().resident_bytes().saturating_sub(before);
    assert!(grown < MOST_GROWTH, "{PARKED} parked tasks take {} KiB", grown / 1024);
    for task in [&tasks[0], &tasks[PARKED / 2], &tasks[PARKED - 1]] {
        assert_eq!(server.client().signal(task, "go", &json!("now")).await.status, 200);
        server.client().reached(task, "SUCCESS").await;
    }
}
