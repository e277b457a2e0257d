//! That `--durability` means what it says: the system's own record of which flushes to disk came before which answers.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use caudal_tests::{Process, Server, setup, until};
use serde_json::json;

const TASKS: usize = 25;

/// A `strace` of a process: its flushes and what it sends.
struct Trace {
    strace: Child,
    file: PathBuf,
}

impl Trace {
    async fn of(process: Process, folder: &Path) -> Self {
        let file = folder.join("trace");
        let said = std::fs::File::create(folder.join("strace")).unwrap();
        let strace = Command::new("strace")
            .args(["-f", "-e", "trace=fsync,fdatasync,sendto", "-s", "16", "-p", &process.0.to_string(), "-o"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .expect("strace is installed by scripts/test");
        let path = folder.join("strace");
        until("strace to be attached", || async {
            std::fs::read_to_string(&path).unwrap().contains("attached").then_some(())
        })
        .await;
        Self { strace, file }
    }

    /// In order: `f` for a flush that has ended, `a` for an answer to a start.
    fn ends(mut self) -> String {
        Process(self.strace.id()).signal("INT");
        self.strace.wait().unwrap();
        let trace = std::fs::read_to_string(&self.file).unwrap();
        let sign = |line: &str| match line {
            line if line.contains("sync") && line.ends_with("= 0") => Some('f'),
            line if line.contains("sendto(") && line.contains("\"HTTP/1.1 200 OK") => Some('a'),
            _ => None,
        };
        trace.lines().filter_map(sign).collect()
    }
}

/// Starts tasks that are not due for long, each after the answer to the one before.
async fn start_one_by_one(server: &Server) {
    for _ in 0..TASKS {
        let body = json!({ "flow": "slow_flow", "inputs": {}, "delay_seconds": 3_600 });
        server.client().post("/start-task", &body).await.ok();
    }
}

async fn traced(durability: &str) -> String {
    let server = setup!().flag("durability", durability).start().await;
    let folder = tempfile::tempdir().unwrap();
    let trace = Trace::of(server.process(), folder.path()).await;
    start_one_by_one(&server).await;
    trace.ends()
}

/// Goal: with `full` no start is answered before a flush that ended since the answer before.
#[tokio::test]
async fn full_flushes_before_each_answer() {
    let trace = traced("full").await;
    assert_eq!(trace.matches('a').count(), TASKS, "{trace}");
    assert!(!trace.contains("aa") && trace.starts_with('f'), "an answer without a flush: {trace}");
}

/// Goal: with `normal` answers do not wait for the disk; so the test above can tell the difference.
#[tokio::test]
async fn normal_answers_without_a_flush() {
    let trace = traced("normal").await;
    assert_eq!(trace.matches('a').count(), TASKS, "{trace}");
    assert!(trace.matches('f').count() < TASKS / 2, "{trace}");
}

/// Goal: nor does a task that runs get by with less: each step begins after a flush of the outcome before it.
#[tokio::test]
async fn full_flushes_each_outcome() {
    const STEPS: usize = 5;
    let server = setup!().flag("durability", "full").start().await;
    let (client, folder) = (server.client(), tempfile::tempdir().unwrap());
    let trace = Trace::of(server.process(), folder.path()).await;
    for _ in 0..TASKS {
        let task = client.start("bench_flow", json!({ "steps": STEPS })).await;
        client.reached(&task, "SUCCESS").await;
    }
    let flushes = trace.ends().matches('f').count();
    assert!(flushes >= TASKS * (1 + STEPS), "{flushes} flushes for {TASKS} tasks");
}
