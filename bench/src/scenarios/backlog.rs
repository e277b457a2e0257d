//! `backlog`: how fast tasks end while few are in line, and while very many are.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;

use super::bench_task;
use crate::client::{start_batch, stats};
use crate::figures::{Figure, Floor};
use crate::server::{Needs, Server};

const FLOW: &str = "bench_flow";
const BATCH: usize = 1_000;
/// Connections that fill the line.
const FILLING: usize = 4;
/// The line that is compared with.
const FEW: u64 = 1_000;
const LOOK: Duration = Duration::from_millis(50);
const LONGEST_FILL: Duration = Duration::from_secs(1_200);

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Options {
    /// How many are in line
    #[arg(long, default_value_t = 100_000)]
    tasks: u64,
    /// How long each rate is looked at
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { tasks: 100_000, seconds: 5.0 }
    }
}

impl Options {
    /// The line is longer than it may be by default.
    pub(super) fn needs(&self) -> Needs {
        Needs { environment: vec![("CAUDAL_LINE_PER_TENANT", (2 * self.tasks).to_string())], ..Needs::default() }
    }

    pub(super) fn small(self) -> Self {
        Self { tasks: 3_000, seconds: 0.3 }
    }
}

pub(super) async fn measure(options: &Options, server: &Server) -> Result<Vec<Figure>> {
    fill(server, FEW).await?;
    let few = rate_while_filled(FEW, options.seconds, server).await?;
    let began = Instant::now();
    fill(server, options.tasks).await?;
    let filled_in = began.elapsed().as_secs_f64();
    let many = rate_while_filled(options.tasks, options.seconds, server).await?;
    Ok(vec![
        Figure::new(format!("tasks ended with about {FEW} in line"), "/s", few),
        Figure::new(format!("tasks ended with {} in line", options.tasks), "/s", many),
        Figure::new("many against few", "×", many / few).floor(Floor::AtLeast(0.8)),
        Figure::new("until the line was that long", "s", filled_in),
    ])
}

/// Keeps the line as long as it is: what has ended is replaced, and counted.
async fn rate_while_filled(tasks: u64, seconds: f64, server: &Server) -> Result<f64> {
    let mut connection = server.connect().await?;
    let (began, mut started) = (Instant::now(), 0);
    let before = stats(&mut connection, FLOW).await?.in_line_or_running;
    while began.elapsed().as_secs_f64() < seconds {
        let left = stats(&mut connection, FLOW).await?.in_line_or_running;
        let missing = tasks.saturating_sub(left).min(BATCH as u64);
        if missing > 0 {
            start_batch(&mut connection, &bench_task(5), usize::try_from(missing)?).await?;
            started += missing;
        }
        tokio::time::sleep(LOOK).await;
    }
    let left = stats(&mut connection, FLOW).await?.in_line_or_running;
    if left == 0 {
        bail!("the line was empty before its rate was known: make it longer with --tasks");
    }
    Ok((before + started).saturating_sub(left) as f64 / began.elapsed().as_secs_f64())
}

/// Starts tasks until so many are in line: faster than they end, or never.
async fn fill(server: &Server, tasks: u64) -> Result<()> {
    let mut asking = server.connect().await?;
    let mut connections = Vec::new();
    for _ in 0..FILLING {
        connections.push(server.connect().await?);
    }
    let began = Instant::now();
    loop {
        let there = stats(&mut asking, FLOW).await?.in_line_or_running;
        if there >= tasks {
            return Ok(());
        }
        if began.elapsed() > LONGEST_FILL {
            bail!("after {} s only {there} tasks are in line", LONGEST_FILL.as_secs());
        }
        // And as many as may end before the next look.
        let each = (usize::try_from((tasks - there).div_ceil(FILLING as u64))? + BATCH / 4).min(BATCH);
        let mut filling = JoinSet::new();
        for mut connection in connections.drain(..) {
            filling.spawn(async move {
                start_batch(&mut connection, &bench_task(5), each).await?;
                anyhow::Ok(connection)
            });
        }
        while let Some(filled) = filling.join_next().await {
            connections.push(filled??);
        }
    }
}
