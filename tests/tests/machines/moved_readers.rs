//! Readers that are moved from one web server to another in the middle of a stream, as a load balancer does.

use std::net::SocketAddr;
use std::time::Duration;

use caudal_tests::{Client, Connection, assert_lawful, installation, kind};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(90);

/// Reads a task's live log, each piece of it from another server.
async fn read_moving(webs: Vec<SocketAddr>, task: String, moves: usize) -> Vec<Value> {
    let path = format!("/task-status/{task}/?view=events");
    let mut frames = Vec::new();
    let mut seen = 0;
    for place in 0.. {
        let last = place >= moves;
        let (bytes, time) = match last {
            false => (rand::random_range(0..1_500), Duration::from_millis(rand::random_range(1..200))),
            true => (usize::MAX, PATIENCE),
        };
        let visit = Connection::read(webs[place % webs.len()], &path, seen, bytes, time).await.unwrap();
        seen = visit.frames.last().map_or(seen, |frame| frame.id);
        frames.extend(visit.frames);
        if visit.status == 204 {
            break;
        }
    }
    frames.into_iter().map(|frame| frame.data).collect()
}

async fn approve(client: &Client, task: &str) {
    let asked = client.told(task, "approval.asked").await;
    let answer = client.signal(task, asked["id"].as_str().unwrap(), &json!({ "approved": true })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Goal: a reader that goes on at another web server with `Last-Event-ID` gets each event once, while text is streamed
/// too.
#[tokio::test(flavor = "multi_thread")]
async fn a_moved_reader_misses_nothing() {
    let installation = installation!().webs(2).start().await;
    let client = installation.client();
    let tour = json!({ "places": ["Faro", "Lagos"], "rest_seconds": 1, "ask": true });
    let task = client.start("tour_flow", tour).await;
    let webs: Vec<SocketAddr> = installation.webs.iter().map(|web| web.address()).collect();
    let readers: Vec<_> = (0..4).map(|_| tokio::spawn(read_moving(webs.clone(), task.clone(), 60))).collect();
    // Asked at the one, answered at the other.
    approve(&installation.webs[1].client(), &task).await;
    client.reached(&task, "SUCCESS").await;
    let log = client.events(&task).await;
    assert_lawful(&log);
    assert!(log.iter().filter(|event| kind(event) == "chunk").count() > 3, "the tour streams text");
    for reader in readers {
        assert_eq!(reader.await.unwrap(), log);
    }
    // Long after, from what may be archived by now.
    assert_eq!(read_moving(webs, task, 20).await, log);
}
