//! A client that keeps starting tasks, whatever happens, and repeats what was not acknowledged under the same key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use caudal_tests::{Answer, Client, Patience, now_ms};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const BETWEEN_STARTS: Duration = Duration::from_millis(25);

pub struct Load {
    stop: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
    starting: JoinHandle<Vec<Acknowledged>>,
}

/// A task that a server promised to run.
#[derive(Debug)]
pub struct Acknowledged {
    pub task: String,
    pub at_ms: i64,
}

impl Load {
    /// Starts tasks of `slow_flow` with these inputs, one after the other, until it is stopped.
    pub fn on(client: Client, inputs: Value) -> Self {
        let (stop, refused) = (Arc::new(AtomicBool::default()), Arc::new(AtomicUsize::default()));
        let starting = tokio::spawn(start_on(client, inputs, stop.clone(), refused.clone()));
        Self { stop, refused, starting }
    }

    /// How often the server said that it cannot accept anything now.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// What was acknowledged, in order, once the last start is.
    pub async fn stop(self) -> Vec<Acknowledged> {
        self.stop.store(true, Ordering::Relaxed);
        self.starting.await.unwrap()
    }
}

async fn start_on(
    client: Client,
    inputs: Value,
    stop: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
) -> Vec<Acknowledged> {
    let mut acknowledged = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let key = format!("start {}", acknowledged.len());
        let patience = Patience::new(format!("'{key}' is acknowledged"));
        loop {
            let answer = try_start(&client, &inputs, &key).await;
            match answer.status {
                200 => break acknowledged.push(acknowledgement(&answer)),
                503 => assert_says_when_to_repeat(&answer),
                _ => panic!("{answer:?}"),
            }
            refused.fetch_add(1, Ordering::Relaxed);
            patience.pause().await;
        }
        tokio::time::sleep(BETWEEN_STARTS).await;
    }
    acknowledged
}

async fn try_start(client: &Client, inputs: &Value, key: &str) -> Answer {
    let body = json!({ "flow": "slow_flow", "inputs": inputs }).to_string();
    let request = client.request("POST", "/start-task").header("Content-Type", "application/json");
    client.send(request.header("Idempotency-Key", key).body(body)).await
}

fn acknowledgement(answer: &Answer) -> Acknowledged {
    let task = answer.json()["task_id"].as_str().unwrap().to_owned();
    Acknowledged { task, at_ms: now_ms() }
}

fn assert_says_when_to_repeat(answer: &Answer) {
    assert_eq!(answer.json()["code"], "store_unavailable", "{answer:?}");
    let seconds: u32 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{answer:?}");
}
