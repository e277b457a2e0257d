//! `caudal serve` over Redis and Postgres: everything in one process, and what two of them share.

use std::collections::BTreeSet;

use caudal_tests::{Client, Role, Server, installation, until};
use serde_json::{Value, json};

async fn found(client: &Client, filter: &str) -> BTreeSet<String> {
    let tasks = client.list(filter).await;
    tasks.iter().map(|task| task["task_id"].as_str().unwrap().to_owned()).collect()
}

fn set<'a>(tasks: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    tasks.into_iter().cloned().collect()
}

/// Goal: one process does everything over Redis and Postgres: it runs tasks, sends their mails, keeps what has ended, and
/// goes on after a kill; a second one beside it takes over and sees the same.
#[tokio::test]
async fn one_process_does_everything() {
    let installation = installation!().webs(0).workers(0).start().await;
    let mut one: Server = installation.setup(Role::Serve).start().await;
    let client = one.client();
    let body = json!({
        "flow": "count_words_flow", "inputs": { "text": "one two" }, "notify": { "email": ["ana@example.org"] },
    });
    let counted = client.post("/start-task", &body).await.ok()["task_id"].as_str().unwrap().to_owned();
    client.reached(&counted, "SUCCESS").await;
    until("its mail is sent", || async {
        let mails = client.get("/notifications").await.ok();
        let items: &[Value] = mails["items"].as_array().map_or(&[], Vec::as_slice);
        (items.len() == 1 && items[0]["state"] == "sent").then_some(())
    })
    .await;
    until("it is kept", || async {
        (installation.postgres().sql("postgres", "SELECT count(*) FROM caudal.tasks") == "1").then_some(())
    })
    .await;
    let slow = client.start("slow_flow", json!({ "steps": 4, "step_ms": 300 })).await;
    client.told(&slow, "step.succeeded").await;
    one.kill9();
    let two = installation.setup(Role::Serve).start().await;
    two.client().reached(&slow, "SUCCESS").await;
    one.restart().await;
    for server in [&one, &two] {
        assert_eq!(found(&server.client(), "").await, set([&counted, &slow]));
    }
}

/// Goal: a search finds what is live and what is kept as if it were one; so do filters by state.
#[tokio::test]
async fn a_search_finds_the_live_and_the_kept() {
    let mut installation = installation!().webs(1).workers(1).start().await;
    let client = installation.client();
    let counted = client.start("count_words_flow", json!({ "text": "A Needle in hay" })).await;
    let hay = client.start("count_words_flow", json!({ "text": "only hay" })).await;
    for task in [&counted, &hay] {
        client.reached(task, "SUCCESS").await;
    }
    until("both are kept", || async {
        (installation.postgres().sql("postgres", "SELECT count(*) FROM caudal.tasks") == "2").then_some(())
    })
    .await;
    // From now on only Postgres has these two.
    installation.redis.ask(&["EVAL", FORGET, "0"]);
    installation.workers.clear();
    let waiting = client.start("count_words_flow", json!({ "text": "a needle, too" })).await;
    for (filter, expected) in [
        ("q=needle", set([&counted, &waiting])),
        ("q=hay", set([&counted, &hay])),
        ("q=needle&state=SUCCESS", set([&counted])),
        ("q=needle&state=PENDING", set([&waiting])),
        ("q=needle&state=PENDING&state=FAILURE", set([&waiting])),
        ("q=nowhere", BTreeSet::new()),
    ] {
        assert_eq!(found(&client, filter).await, expected, "{filter}");
    }
}

/// What the grace time after archiving does in the end: tasks that are kept are gone from Redis.
const FORGET: &str = "for _, key in ipairs(redis.call('KEYS', '*:archived')) do \
    local p = string.match(key, '^(.*)archived$') \
    for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do \
    redis.call('DEL', p .. 't:' .. id, p .. 'l:' .. id) \
    redis.call('ZREM', p .. 'a:default', id) redis.call('ZREM', key, id) end end";
