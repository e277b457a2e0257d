//! `/stream`: many tasks over one connection.

mod kit;

use std::collections::BTreeMap;

use caudal_engine::use_cases::start::StartRequest;
use kit::{Message, Server, log};
use serde_json::json;

/// What was told of each task, in order.
#[expect(clippy::unwrap_used, reason = "a test may end with a crash")]
fn by_task(messages: &[Message]) -> BTreeMap<String, Vec<Message>> {
    let mut told: BTreeMap<String, Vec<Message>> = BTreeMap::new();
    for message in messages {
        told.entry(message.json()["task"].as_str().unwrap().to_owned()).or_default().push(message.clone());
    }
    told
}

/// Goal: snapshots name their task; the stream ends when all have ended; who saw all ends gets 204.
#[tokio::test]
async fn snapshots_name_their_task() {
    let server = Server::start();
    let (mut one, mut two) = (server.run().await, server.run().await);
    let path = format!("/stream/?task={}&task={}", one.task, two.task);
    let mut stream = server.stream(&path).await;
    let mut messages = vec![stream.next().await.unwrap(), stream.next().await.unwrap()];
    one.succeed(json!(1).into()).await;
    two.fail("x").await;
    messages.extend(stream.rest().await);
    let told = by_task(&messages);
    for (hand, state) in [(&one, "SUCCESS"), (&two, "FAILURE")] {
        let last = told[&hand.task.to_string()].last().unwrap().json();
        assert_eq!(last["state"], state);
        assert!(last["details"].is_object());
    }
    let cursor = messages.last().unwrap().id.clone().unwrap();
    assert_eq!(server.stream_after(&path, cursor).await.status, 204);
}

/// Goal: cut again and again, every event of every task comes once.
#[tokio::test]
async fn events_exactly_once() {
    let server = Server::start();
    let mut hands = Vec::new();
    for _ in 0..3 {
        hands.push(server.run().await);
    }
    let path = format!("/stream?view=events&task={}&task={}&task={}", hands[0].task, hands[1].task, hands[2].task);
    let mut messages: Vec<Message> = Vec::new();
    for cut in 0..40usize {
        hands[cut % 3].tell((0..1 + cut % 4).map(|_| log("x"))).await;
        let cursor = messages.last().and_then(|message| message.id.clone()).unwrap_or_default();
        let mut stream = server.stream_after(&path, cursor).await;
        let total: u64 = hands.iter().map(|hand| hand.head).sum();
        for _ in 0..1 + cut % 5 {
            if (messages.len() as u64) < total {
                messages.push(stream.next().await.unwrap());
            }
        }
    }
    for hand in &mut hands {
        hand.succeed(json!(null).into()).await;
    }
    let cursor = messages.last().unwrap().id.clone().unwrap();
    messages.extend(server.stream_after(&path, cursor).await.rest().await);
    let told = by_task(&messages);
    for hand in &hands {
        let seqs: Vec<_> =
            told[&hand.task.to_string()].iter().map(|message| message.json()["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, (1..=hand.head).collect::<Vec<_>>());
    }
    assert!(messages.iter().all(|message| message.event.is_some()));
}

/// Goal: a filter is kept up: a new task that matches appears by itself, one that does not stays away.
#[tokio::test]
async fn a_filter_is_kept_up() {
    let server = Server::start();
    let tagged = |tag: &str| StartRequest { tags: vec![tag.to_owned()], ..StartRequest::default() };
    let first = server.start_with(tagged("a")).await;
    let mut stream = server.stream("/stream?tasks=flow%3Dpoem_flow%26tag%3Da").await;
    assert_eq!(stream.next().await.unwrap().json()["task"], first.to_string());
    server.start_with(tagged("b")).await;
    let second = server.start_with(tagged("a")).await;
    let message = stream.next().await.unwrap();
    assert_eq!(message.json()["task"], second.to_string());
    // Back with the cursor, only what is new comes.
    let mut again = server.stream_after("/stream?tasks=tag%3Da", message.id.unwrap()).await;
    let third = server.start_with(tagged("a")).await;
    assert_eq!(again.next().await.unwrap().json()["task"], third.to_string());
}

/// Goal: what cannot be watched is refused before a stream begins.
#[tokio::test]
async fn refused() {
    let server = Server::start();
    let task = server.start().await;
    let many: String = (0..101).map(|number| format!("&task={number}")).collect();
    for (query, status) in [
        (String::new(), 400),
        (many, 400),
        (format!("task={task}&tasks=flow%3Dx"), 400),
        ("tasks=colour%3Dred".to_owned(), 400),
        (format!("task={task}&view=other"), 400),
        ("task=01989b3a-0000-8000-8000-000000000000".to_owned(), 404),
    ] {
        let answer = server.get(&format!("/stream?{query}")).await;
        assert_eq!(answer.status, status, "{query}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    assert!(server.get("/stream?x=1").await.json()["detail"].as_str().unwrap().contains("'task'"));
}
