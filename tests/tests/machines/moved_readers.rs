//! Readers that are moved from one web server to another in the middle of a stream, as a load balancer does.

use std::collections::BTreeMap;
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

/// The events of all these over one connection, which is cut again and again and goes on at another server.
async fn read_many_moving(webs: Vec<Client>, tasks: Vec<String>) -> BTreeMap<String, Vec<Value>> {
    let named: String = tasks.iter().map(|task| format!("&task={task}")).collect();
    let path = format!("/stream?view=events{named}");
    let (mut seen, mut logs) = (String::new(), BTreeMap::<String, Vec<Value>>::new());
    for place in 0.. {
        let most = if place < 40 { rand::random_range(0..2_000) } else { usize::MAX };
        let mut request = webs[place % webs.len()].request("GET", &path).header("accept", "text/event-stream");
        if !seen.is_empty() {
            request = request.header("last-event-id", &seen);
        }
        let mut response = request.send().await.unwrap();
        let (mut bytes, mut closed) = (Vec::new(), true);
        while let Some(piece) = response.chunk().await.unwrap() {
            bytes.extend_from_slice(&piece);
            if bytes.len() >= most {
                bytes.truncate(most);
                closed = false;
                break;
            }
        }
        // What is cut in the middle of a message has not arrived.
        let whole = bytes.windows(2).rposition(|two| two == b"\n\n").map_or(0, |at| at + 2);
        for message in std::str::from_utf8(&bytes[..whole]).unwrap().split("\n\n") {
            let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
            seen = field("id:").map_or(seen, str::to_owned);
            let data: Option<Value> = field("data:").and_then(|data| serde_json::from_str(data).ok());
            let Some(Value::Object(mut event)) = data else { continue };
            if let Some(Value::String(task)) = event.remove("task") {
                logs.entry(task).or_default().push(Value::Object(event));
            }
        }
        if closed {
            break;
        }
    }
    logs
}

/// Goal: so it is with a reader of many tasks over one connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_moved_reader_of_many_misses_nothing() {
    let installation = installation!().webs(2).start().await;
    let client = installation.client();
    let tour = json!({ "places": ["Faro", "Lagos"], "rest_seconds": 1, "ask": false });
    let tasks = client.start_many("tour_flow", tour, 3).await;
    let webs: Vec<Client> = installation.webs.iter().map(|web| web.client()).collect();
    let readers: Vec<_> = (0..2).map(|_| tokio::spawn(read_many_moving(webs.clone(), tasks.clone()))).collect();
    let mut logs = BTreeMap::new();
    for task in &tasks {
        client.reached(task, "SUCCESS").await;
        let log = client.events(task).await;
        assert_lawful(&log);
        logs.insert(task.clone(), log);
    }
    for reader in readers {
        assert_eq!(reader.await.unwrap(), logs);
    }
}
