//! `long-task`: one task of very many steps: does a step cost more when many lie behind it?

use anyhow::{Context, Result, bail};
use chrono::DateTime;
use clap::Args;
use serde::Serialize;

use super::bench_task;
use crate::client::start;
use crate::figures::{Figure, Floor};
use crate::server::Server;

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 1_000)]
    steps: u32,
    /// Tasks, one after the other
    #[arg(long, default_value_t = 10)]
    tasks: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { steps: 1_000, tasks: 10 }
    }
}

impl Options {
    pub(super) fn small(self) -> Self {
        Self { steps: 100, tasks: 1 }
    }
}

pub(super) async fn measure(options: &Options, server: &Server) -> Result<Vec<Figure>> {
    if !server.system.is_ours() {
        bail!("only our own streams tell each step");
    }
    let (mut early, mut late) = (Vec::new(), Vec::new());
    // A tenth of them together: what the log says is in milliseconds, and one step is far shorter.
    let together = (options.steps / 10).max(1) as usize;
    for _ in 0..options.tasks {
        let ends = ends_of_steps(server, options.steps).await?;
        if ends.len() < 3 * together {
            bail!("so few steps have no beginning and end");
        }
        let micros = |from: usize| (ends[from + together] - ends[from]) as f64 / together as f64;
        early.push(micros(together / 10));
        late.push(micros(ends.len() - 1 - together));
    }
    // The quickest of each: what disturbs a step only ever makes it longer.
    let least = |all: &[f64]| all.iter().copied().fold(f64::INFINITY, f64::min);
    let (early, late) = (least(&early), least(&late));
    Ok(vec![
        Figure::new("time per step, the first tenth", "µs", early),
        Figure::new("time per step, the last tenth", "µs", late),
        Figure::new("last against first", "×", late / early).floor(Floor::AtMost(1.2)),
    ])
}

/// When the log says that each step ended, in microseconds. When a reader hears of it says less: what comes close together
/// is told together.
async fn ends_of_steps(server: &Server, steps: u32) -> Result<Vec<i64>> {
    let mut connection = server.connect().await?;
    let task = start(&mut connection, &serde_json::to_vec(&bench_task(steps))?).await?;
    let mut stream = connection.watch(&format!("/task-status/{task}?view=events")).await?;
    let mut ends = Vec::with_capacity(steps as usize);
    while stream.advance().await? {
        if stream.message().event == b"step.succeeded" {
            let event: serde_json::Value = serde_json::from_slice(&stream.message().data)?;
            let at = event["at"].as_str().context("an event without a time")?;
            ends.push(DateTime::parse_from_rfc3339(at)?.timestamp_micros());
        }
    }
    Ok(ends)
}
