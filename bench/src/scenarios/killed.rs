//! `killed`: one of two workers is killed while tasks run, and comes back after a while: when has the last one ended,
//! and how many steps ran again?
//!
//! Where one process does everything, that one is killed; whoever watches comes back.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::{Connection, Target, View, WireState, start, watch_to_end};
use crate::figures::{Figure, Floor};
use crate::server::{Needs, Server, System};

/// Between two tries to watch a server that is away.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 50)]
    tasks: usize,
    /// Steps per task
    #[arg(long, default_value_t = 10)]
    steps: u32,
    #[arg(long, default_value_t = 200)]
    step_ms: u32,
    /// From the first start to the kill
    #[arg(long, default_value_t = 1.0)]
    kill_after_seconds: f64,
    /// From the kill until it is started again
    #[arg(long, default_value_t = 1.0)]
    away_seconds: f64,
    /// What has not ended by then is counted as lost
    #[arg(long, default_value_t = 90.0)]
    patience_seconds: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { tasks: 50, steps: 10, step_ms: 200, kill_after_seconds: 1.0, away_seconds: 1.0, patience_seconds: 90.0 }
    }
}

impl Options {
    pub(super) fn small(self) -> Self {
        // So many that either of two workers has some.
        Self { tasks: 24, steps: 4, step_ms: 50, kill_after_seconds: 0.1, away_seconds: 0.1, ..self }
    }

    /// Two workers, each with room for all: no task waits for another.
    pub(super) fn needs(&self) -> Needs {
        Needs { workers: 2, slots: Some(self.tasks.max(64)), ..Needs::default() }
    }
}

pub(super) async fn measure(options: &Options, server: &mut Server) -> Result<Vec<Figure>> {
    let body = json!({ "flow": "slow_flow", "inputs": { "steps": options.steps, "step_ms": options.step_ms } });
    let body = serde_json::to_vec(&body)?;
    let mut connection = server.connect().await?;
    let began = Instant::now();
    let mut watching = JoinSet::new();
    for _ in 0..options.tasks {
        let task = start(&mut connection, &body).await?;
        watching.spawn(until_ended(server.target.clone(), task, server.view()));
    }
    tokio::time::sleep_until((began + Duration::from_secs_f64(options.kill_after_seconds)).into()).await;
    let killed = server.kill_worker().await?;
    let begun = std::fs::read_to_string(server.step_log()?).unwrap_or_default();
    if server.system.is_ours() && !begun.lines().any(|line| begun_by(line) == Some(killed)) {
        bail!("the worker that was killed had nothing to do: nothing is measured");
    }
    tokio::time::sleep(Duration::from_secs_f64(options.away_seconds)).await;
    server.start_worker_again()?;

    let (mut last, mut ended) = (Duration::ZERO, 0);
    let until = began + Duration::from_secs_f64(options.patience_seconds);
    while let Ok(Some(one)) = tokio::time::timeout_at(until.into(), watching.join_next()).await {
        last = one??.saturating_duration_since(began);
        ended += 1;
    }
    let ran = std::fs::read_to_string(server.step_log()?).unwrap_or_default().lines().count();
    let steps = options.tasks * options.steps as usize;
    let floor = match server.system {
        System::Embedded => Some(Floor::AtMost(4.2)),
        System::Machines => Some(Floor::AtMost(5.0)),
        _ => None,
    };
    // A last one that never came is told as the patience that was had with it.
    let last = if ended == options.tasks { last.as_secs_f64() } else { options.patience_seconds };
    Ok(vec![
        Figure::new("first POST to last end", "s", last).floor(floor),
        Figure::new("tasks lost", "", (options.tasks - ended) as f64),
        Figure::new("steps begun again", "", ran.saturating_sub(steps) as f64),
    ])
}

/// The process in a line of the step log: task, number, process.
fn begun_by(line: &str) -> Option<u32> {
    line.split(' ').nth(2)?.parse().ok()
}

async fn until_ended(target: Target, task: String, view: View) -> Result<Instant> {
    loop {
        if let Ok(mut connection) = Connection::open(&target, None).await
            && let Ok(ended) = watch_to_end(&mut connection, &task, view).await
        {
            match ended.state {
                WireState::Succeeded => return Ok(ended.at),
                other => bail!("task {task} ended as {other:?}"),
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
