//! `long-task`: one task of very many steps: does a step cost more when many lie behind it?

use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

use super::bench_task;
use crate::client::start;
use crate::figures::{Figure, Floor};
use crate::server::Server;

/// Steps that are taken together: one alone is shorter than what disturbs it.
const TOGETHER: usize = 20;

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
    for _ in 0..options.tasks {
        let ends = ends_of_steps(server, options.steps).await?;
        let first = TOGETHER / 2;
        if ends.len() < 2 * TOGETHER + first {
            bail!("so few steps have no beginning and end");
        }
        let micros = |from: usize| (ends[from + TOGETHER] - ends[from]).as_secs_f64() * 1e6 / TOGETHER as f64;
        early.push(micros(first));
        late.push(micros(ends.len() - 1 - TOGETHER));
    }
    // The quickest of each: what disturbs a step only ever makes it longer.
    let least = |all: &[f64]| all.iter().copied().fold(f64::INFINITY, f64::min);
    let (early, late) = (least(&early), least(&late));
    Ok(vec![
        Figure::new("time per step around step 20", "µs", early),
        Figure::new(format!("time per step before step {}", options.steps), "µs", late),
        Figure::new("last against first", "×", late / early).floor(Floor::AtMost(1.2)),
    ])
}

async fn ends_of_steps(server: &Server, steps: u32) -> Result<Vec<Instant>> {
    let mut connection = server.connect().await?;
    let task = start(&mut connection, &serde_json::to_vec(&bench_task(steps))?).await?;
    let mut stream = connection.watch(&format!("/task-status/{task}?view=events")).await?;
    let mut ends = Vec::with_capacity(steps as usize);
    while stream.advance().await? {
        if stream.message().event == b"step.succeeded" {
            ends.push(Instant::now());
        }
    }
    Ok(ends)
}
