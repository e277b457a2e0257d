//! The few words of the wire contract that a load needs.

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::Connection;

#[derive(Deserialize)]
struct Started {
    task_id: String,
}

/// Starts a task and returns its id.
pub(crate) async fn start_task(connection: &mut Connection, flow: &str, inputs: &Value) -> anyhow::Result<String> {
    let body = serde_json::to_vec(&json!({ "flow": flow, "inputs": inputs }))?;
    let (status, answer) = connection.post("/start-task", &body).await?;
    if status != 200 {
        bail!("/start-task answered {status}: {}", String::from_utf8_lossy(&answer));
    }
    Ok(serde_json::from_slice::<Started>(&answer)?.task_id)
}

/// Starts many in one call; each must be accepted.
pub(crate) async fn start_tasks(connection: &mut Connection, flow: &str, count: usize) -> anyhow::Result<()> {
    let tasks: Vec<Value> = (0..count).map(|_| json!({ "flow": flow })).collect();
    let (status, answer) = connection.post("/start-tasks", &serde_json::to_vec(&json!({ "tasks": tasks }))?).await?;
    let text = String::from_utf8_lossy(&answer);
    let accepted = text.matches("\"task_id\"").count();
    if status != 200 || accepted != count {
        bail!("/start-tasks answered {status} and accepted {accepted} of {count}");
    }
    Ok(())
}

/// Watches a task to its end, which must be a success.
pub(crate) async fn watch_to_the_end(connection: &mut Connection, task: &str) -> anyhow::Result<()> {
    let mut last = Vec::new();
    connection.watch(&format!("/task-status/{task}"), |data| last = data.to_vec()).await?;
    let view: Value = serde_json::from_slice(&last).context("the stream held no snapshot")?;
    if view["state"] != "SUCCESS" {
        bail!("the task {task} ended {}", view["state"]);
    }
    Ok(())
}

/// How many tasks of a flow are in this state. From the server's own figures: a list of them all would cost it memory,
/// which is what is being measured.
pub(crate) async fn count_tasks(connection: &mut Connection, flow: &str, state: &str) -> anyhow::Result<usize> {
    #[derive(Deserialize)]
    struct Stats {
        tasks: Vec<Count>,
    }
    #[derive(Deserialize)]
    struct Count {
        flow: String,
        state: String,
        count: usize,
    }
    let (status, answer) = connection.get("/stats").await?;
    if status != 200 {
        bail!("/stats answered {status}: {}", String::from_utf8_lossy(&answer));
    }
    let stats: Stats = serde_json::from_slice(&answer)?;
    let counts = stats.tasks.iter().filter(|count| count.flow == flow && count.state.eq_ignore_ascii_case(state));
    Ok(counts.map(|count| count.count).sum())
}
