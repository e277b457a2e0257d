//! What a reader of a live stream can rely on when its connection does not last: each event once, in order, to the
//! end — while the task streams text, while its finished steps are merged in the store, and long after.

use std::time::Duration;

use caudal_tests::{Client, Connection, Frame, Process, Server, assert_lawful, kind, setup};
use serde_json::{Value, json};

/// Short visits, so that the text that is streamed is most of it.
const TOUR: &str = r#"{ "places": ["Faro"], "rest_seconds": 1, "ask": true }"#;
/// Longer than anything takes; a reader that gets nothing for so long fails.
const PATIENCE: Duration = Duration::from_secs(90);

/// Reads a task's live log over connections that are cut, and keeps what arrived whole.
struct CutReader {
    server: std::net::SocketAddr,
    path: String,
    frames: Vec<Frame>,
    cuts: usize,
}

impl CutReader {
    fn new(server: &Server, task: &str) -> Self {
        let path = format!("/task-status/{task}/?view=events");
        Self { server: server.address(), path, frames: Vec::new(), cuts: 0 }
    }

    fn seen(&self) -> u64 {
        self.frames.last().map_or(0, |frame| frame.id)
    }

    /// One connection; false when the stream is at its end.
    async fn visit(&mut self, most_bytes: usize, most_time: Duration) -> bool {
        let visit = Connection::read(self.server, &self.path, self.seen(), most_bytes, most_time);
        let Some(connection) = visit.await else { return true };
        self.frames.extend(connection.frames);
        if !connection.closed {
            self.cuts += 1;
        }
        connection.status != 204
    }

    /// Cut after a random byte or at a random moment, at least so many times; then in peace.
    async fn read_all(mut self, least_cuts: usize) -> Self {
        while self.cuts < least_cuts {
            let (bytes, time) = random_cut();
            // At the end before it was cut often enough: from the start once more, with what is merged by now.
            if !self.visit(bytes, time).await {
                self.assert_is_whole();
                self.frames.clear();
            }
        }
        while self.visit(usize::MAX, PATIENCE).await {}
        self.assert_is_whole();
        self
    }

    fn assert_is_whole(&self) {
        let ids: Vec<u64> = self.frames.iter().map(|frame| frame.id).collect();
        assert_eq!(ids, (1..=self.seen()).collect::<Vec<_>>(), "each once, in order");
    }
}

/// Mostly within the first events after the headers; sometimes far behind them.
fn random_cut() -> (usize, Duration) {
    let most = if rand::random_bool(0.75) { 700 } else { 3_000 };
    (rand::random_range(0..most), Duration::from_millis(rand::random_range(1..150)))
}

/// Answers the tour's question as soon as it is asked.
async fn approve(client: &Client, task: &str) {
    let asked = client.told(task, "approval.asked").await;
    let answer = client.signal(task, asked["id"].as_str().unwrap(), &json!({ "approved": true })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Goal: three readers, one from the beginning, one that comes later and one after the end, each cut a hundred times,
/// get the very log, each event once.
#[tokio::test]
async fn a_reader_cut_a_hundred_times_misses_nothing() {
    let server = setup!().start().await;
    let client = server.client();
    let task = client.start("tour_flow", serde_json::from_str(TOUR).unwrap()).await;
    let early = tokio::spawn(CutReader::new(&server, &task).read_all(100));
    client.told(&task, "chunk").await;
    let late = tokio::spawn(CutReader::new(&server, &task).read_all(100));
    approve(&client, &task).await;
    client.reached(&task, "SUCCESS").await;
    let after = CutReader::new(&server, &task).read_all(100).await;

    let log = client.events(&task).await;
    assert_lawful(&log);
    assert!(log.iter().filter(|event| kind(event) == "chunk").count() > 3, "the tour streams text");
    for reader in [early.await.unwrap(), late.await.unwrap(), after] {
        assert!(reader.cuts >= 100);
        let data: Vec<Value> = reader.frames.iter().map(|frame| frame.data.clone()).collect();
        assert_eq!(data, log);
        assert!(reader.frames.iter().all(|frame| frame.kind == kind(&frame.data)));
    }
}

/// Goal: the server's own end is only one more cut: a reader goes on behind it, over a crash in the middle of a text.
#[tokio::test]
async fn a_reader_outlives_the_server() {
    let mut server = setup!().start().await;
    let client = server.client();
    let task = client.start("tour_flow", serde_json::from_str(TOUR).unwrap()).await;
    let reader = tokio::spawn(CutReader::new(&server, &task).read_all(20));
    client.told(&task, "chunk").await;
    server.kill9();
    server.restart().await;
    approve(&client, &task).await;
    let reader = reader.await.unwrap();
    let log = client.events(&task).await;
    assert_lawful(&log);
    assert!(log.iter().any(|event| kind(event) == "chunk.reset"), "what a dead attempt streamed is void");
    assert_eq!(reader.frames.into_iter().map(|frame| frame.data).collect::<Vec<_>>(), log);
}

/// Goal: a page's `EventSource` (snapshots) sees progress that never falls, the end, and a 204 that makes it stop.
#[tokio::test]
async fn snapshots_end_with_the_task() {
    let server = setup!().start().await;
    let client = server.client();
    let task = client.start("slow_flow", json!({ "steps": 5, "step_ms": 100 })).await;
    let path = format!("/task-status/{task}/");
    let stream = Connection::read(server.address(), &path, 0, usize::MAX, PATIENCE).await.unwrap();
    assert!(stream.closed && stream.frames.len() > 1, "{stream:?}");
    assert!(stream.frames.iter().all(|frame| frame.kind.is_empty()), "unnamed, so that onmessage sees them");
    assert!(stream.frames.iter().map(|frame| frame.id).is_sorted_by(|a, b| a < b));
    let progress = stream.frames.iter().map(|frame| frame.data["details"]["progress"].as_u64().unwrap());
    assert!(progress.is_sorted());
    let last = stream.frames.last().unwrap();
    assert_eq!((&last.data["state"], &last.data["details"]["final_result"]), (&json!("SUCCESS"), &json!(5)));
    let again = Connection::read(server.address(), &path, last.id, usize::MAX, PATIENCE).await.unwrap();
    assert_eq!((again.status, again.frames.len()), (204, 0));
}

/// Goal: watchers cost no time when nothing happens. Two hundred of a task that waits, and the process is idle.
#[tokio::test]
async fn idle_watchers_cost_next_to_nothing() {
    const WATCHERS: usize = 200;
    let server = setup!().start().await;
    let client = server.client();
    let task = client.start("wait_flow", json!({})).await;
    client.reached(&task, "WAITING").await;
    let path = format!("/task-status/{task}/");
    let watchers: Vec<_> = (0..WATCHERS)
        .map(|_| {
            let (address, path) = (server.address(), path.clone());
            tokio::spawn(async move { Connection::read(address, &path, 0, usize::MAX, PATIENCE).await.unwrap() })
        })
        .collect();
    caudal_tests::until("all watch", || async {
        let stats = client.get("/stats").await.ok();
        (stats["watchers"] == WATCHERS).then_some(())
    })
    .await;
    let before = idle_cpu(server.process()).await;
    assert!(before < Duration::from_millis(500), "two seconds of watching cost {before:?} of a core");
    assert_eq!(client.signal(&task, "go", &json!("now")).await.status, 200);
    for watcher in watchers {
        let stream = watcher.await.unwrap();
        assert_eq!(stream.frames.last().unwrap().data["state"], "SUCCESS");
    }
}

/// What two seconds cost in which nobody asks for anything.
async fn idle_cpu(process: Process) -> Duration {
    let before = process.cpu_time();
    tokio::time::sleep(Duration::from_secs(2)).await;
    process.cpu_time() - before
}
