//! `/task-status/<id>?view=events`: the log, each event exactly once.

mod kit;

use caudal_engine::ports::TaskStore;
use caudal_engine::task::Tenant;
use kit::{Message, Server, log, step_started, step_succeeded};
use serde_json::json;

/// Goal: the bytes of the log's stream.
#[tokio::test]
async fn the_bytes() {
    let server = Server::start();
    let mut hand = server.run().await;
    let mut stream = server.stream(&format!("/task-status/{}?view=events", hand.task)).await;
    stream.next().await.unwrap();
    hand.tell([step_started("Write"), log("one"), step_succeeded("Write")]).await;
    hand.succeed(json!({"a": []}).into()).await;
    stream.rest().await;
    insta::assert_snapshot!(String::from_utf8(stream.bytes).unwrap());
}

fn seqs(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(Message::seq).collect()
}

/// Goal: readers that come early, late and in between get 1, 2, 3… to the end, also when the log is longer than what
/// is kept in memory.
#[tokio::test]
async fn gapless_for_everyone() {
    let server = Server::start();
    let mut hand = server.run().await;
    let path = format!("/task-status/{}?view=events", hand.task);
    let mut streams = vec![server.stream(&path).await];
    for round in 0..20 {
        for _ in 0..50 {
            hand.log("x").await;
        }
        hand.tell((0..50).map(|_| log("y"))).await;
        if round % 5 == 0 {
            streams.push(server.stream(&path).await);
        }
    }
    hand.succeed(json!(null).into()).await;
    streams.push(server.stream(&path).await);
    let expected: Vec<u64> = (1..=hand.head).collect();
    for mut stream in streams {
        assert_eq!(seqs(&stream.rest().await), expected);
    }
}

/// Goal: what was announced here lags behind what is stored: a reader that has seen more than that, because it read the
/// store, is not told that the log began anew.
#[tokio::test]
async fn a_reader_ahead_of_the_announcements() {
    let server = Server::start();
    let mut hand = server.run().await;
    hand.log("two").await;
    let first = server.store.events(hand.task, 0, 1).await.unwrap().remove(0);
    server.engine.feed.publish_page(hand.task, 1, first.body.to_string(), Some(Tenant::default()));
    let path = format!("/task-status/{}?view=events", hand.task);
    let mut stream = server.stream_after(&path, hand.head).await;
    hand.log("next").await;
    let next = stream.next().await.unwrap();
    assert_eq!((next.event.as_deref(), next.seq()), (Some("log"), hand.head));
}

/// Goal: a reader that is cut 100 times gets every event once, while the log grows.
#[tokio::test]
async fn cut_a_hundred_times() {
    let server = Server::start();
    let mut hand = server.run().await;
    let path = format!("/task-status/{}?view=events", hand.task);
    let mut seen: Vec<u64> = Vec::new();
    for cut in 0..100u64 {
        hand.tell((0..1 + cut % 7).map(|_| log("before"))).await;
        let mut stream = server.stream_after(&path, seen.last().copied().unwrap_or(0)).await;
        hand.tell((0..1 + cut % 5).map(|_| log("while"))).await;
        // Some of what came is read, then the connection is dropped.
        for _ in 0..1 + cut % 9 {
            if seen.last() == Some(&hand.head) {
                break;
            }
            seen.push(stream.next().await.unwrap().seq());
        }
    }
    hand.succeed(json!(null).into()).await;
    let mut stream = server.stream_after(&path, seen.last().copied().unwrap_or(0)).await;
    seen.extend(seqs(&stream.rest().await));
    assert_eq!(seen, (1..=hand.head).collect::<Vec<_>>());
    assert_eq!(server.stream_after(&path, hand.head).await.status, 204);
}

/// Goal: a number that is not of this log begins it again, and says so.
#[tokio::test]
async fn beyond_the_head() {
    let server = Server::start();
    let mut hand = server.run().await;
    hand.log("one").await;
    let mut stream = server.stream_after(&format!("/task-status/{}?view=events&after=1", hand.task), 999).await;
    let reset = stream.next().await.unwrap();
    assert_eq!((reset.event.as_deref(), reset.seq()), (Some("log.reset"), 0));
    assert_eq!(reset.json()["head"], 3);
    assert_eq!(stream.next().await.unwrap().seq(), 1);
}

/// Goal: the paged log holds the same objects as the stream.
#[tokio::test]
async fn pages_and_streams_agree() {
    let server = Server::start();
    let mut hand = server.run().await;
    hand.tell((0..25).map(|number| log(&number.to_string()))).await;
    hand.succeed(json!(null).into()).await;
    let streamed: Vec<_> = {
        let mut stream = server.stream(&format!("/task-status/{}?view=events", hand.task)).await;
        stream.rest().await.iter().map(Message::json).collect()
    };
    let (mut paged, mut after) = (Vec::new(), "0".to_owned());
    loop {
        let page = server.get(&format!("/tasks/{}/events?limit=7&after={after}", hand.task)).await.json();
        paged.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(paged, streamed);
}
