//! What the generator says to the server: start, watch to the end, look at the figures.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use super::connection::{Answer, Connection};

/// A task that takes longer is stuck, and nothing measured after it would mean anything.
const LONGEST_TASK: Duration = Duration::from_secs(120);

/// Which of the two streams of a task is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum View {
    /// Each event of the log
    Events,
    /// The view of the task, whenever it changes
    Snapshots,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireState {
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// How a watched task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) state: WireState,
    /// When its end was read.
    pub(crate) at: Instant,
    pub(crate) messages: u64,
}

#[derive(Deserialize)]
struct Started<'a> {
    #[serde(borrow)]
    task_id: &'a str,
}

/// Starts a task and answers its id.
pub(crate) async fn start(connection: &mut Connection, body: &[u8]) -> Result<String> {
    let answer = connection.post("/start-task", body).await?;
    let body = ok("POST /start-task", &answer)?;
    let started: Started<'_> = serde_json::from_slice(body).context("/start-task answered something else")?;
    Ok(started.task_id.to_owned())
}

/// Starts many tasks in one request, and fails when one of them is refused.
pub(crate) async fn start_batch(connection: &mut Connection, one: &Value, count: usize) -> Result<()> {
    let body = serde_json::to_vec(&serde_json::json!({ "tasks": vec![one; count] }))?;
    let answer = connection.post("/start-tasks", &body).await?;
    let answer: Value = serde_json::from_slice(ok("POST /start-tasks", &answer)?)?;
    let items = answer["items"].as_array().context("/start-tasks answered no items")?;
    match items.iter().find(|item| item["task_id"].is_null()) {
        None if items.len() == count => Ok(()),
        None => bail!("/start-tasks answered {} items for {count} tasks", items.len()),
        Some(refused) => bail!("/start-tasks refused a task: {refused}"),
    }
}

/// Reads a task's stream until it ends.
pub(crate) async fn watch_to_end(connection: &mut Connection, task: &str, view: View) -> Result<Ended> {
    match tokio::time::timeout(LONGEST_TASK, watch(connection, task, view)).await {
        Ok(ended) => ended,
        Err(_) => bail!("task {task} did not end within {} s", LONGEST_TASK.as_secs()),
    }
}

async fn watch(connection: &mut Connection, task: &str, view: View) -> Result<Ended> {
    let query = if view == View::Events { "?view=events" } else { "" };
    let mut stream = connection.watch(&format!("/task-status/{task}{query}")).await?;
    let mut ended = Ended { state: WireState::Running, at: Instant::now(), messages: 0 };
    // To the end of the stream and not only of the task: what comes after it would be the next answer's beginning.
    while stream.advance().await? {
        ended.messages += 1;
        let message = stream.message();
        ended.state = match view {
            View::Events => state_after_event(&message.event),
            View::Snapshots => state_of_snapshot(&message.data),
        };
        if ended.state != WireState::Running {
            ended.at = Instant::now();
        }
    }
    if ended.state == WireState::Running {
        bail!("the stream of task {task} ended before the task");
    }
    Ok(ended)
}

fn state_after_event(kind: &[u8]) -> WireState {
    match kind {
        b"task.succeeded" => WireState::Succeeded,
        b"task.failed" => WireState::Failed,
        b"task.cancelled" => WireState::Cancelled,
        _ => WireState::Running,
    }
}

/// The state stands first in a snapshot, so that nobody has to read the rest to know it.
pub(crate) fn state_of_snapshot(data: &[u8]) -> WireState {
    let rest = data.strip_prefix(b"{\"state\":\"").unwrap_or_default();
    let word = rest.split(|byte| *byte == b'"').next().unwrap_or_default();
    match word {
        b"SUCCESS" => WireState::Succeeded,
        b"FAILURE" => WireState::Failed,
        b"CANCELLED" => WireState::Cancelled,
        _ => WireState::Running,
    }
}

/// How many tasks of a flow are in which state.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlowCounts {
    pub(crate) waiting: u64,
    pub(crate) in_line_or_running: u64,
}

pub(crate) async fn stats(connection: &mut Connection, flow: &str) -> Result<FlowCounts> {
    let answer = connection.get("/stats").await?;
    let stats: Value = serde_json::from_slice(ok("GET /stats", &answer)?)?;
    let mut counts = FlowCounts::default();
    for row in stats["tasks"].as_array().into_iter().flatten().filter(|row| row["flow"] == flow) {
        let count = row["count"].as_u64().unwrap_or_default();
        match row["state"].as_str().unwrap_or_default() {
            "waiting" => counts.waiting += count,
            "queued" | "running" => counts.in_line_or_running += count,
            _ => {}
        }
    }
    Ok(counts)
}

/// The value of a gauge without labels; none when nobody has set it.
pub(crate) async fn gauge(connection: &mut Connection, name: &str) -> Result<Option<f64>> {
    let answer = connection.get("/metrics").await?;
    Ok(gauge_in(std::str::from_utf8(ok("GET /metrics", &answer)?)?, name))
}

pub(super) fn gauge_in(metrics: &str, name: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

fn ok<'a>(what: &str, answer: &'a Answer) -> Result<&'a [u8]> {
    match answer.status {
        200 => Ok(&answer.body),
        status => bail!("{what} answered {status}: {}", String::from_utf8_lossy(&answer.body)),
    }
}
