//! `backlog`: how fast tasks end while few are in line, and while very many are.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;

use super::bench_task;
use crate::client::{Connection, start_batch, stats};
use crate::figures::{Figure, Floor};
use crate::server::Server;

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
    pub(super) fn small(self) -> Self {
        Self { tasks: 3_000, seconds: 0.3 }
    }
}

pub(super) async fn measure(options: &Options, server: &Server) -> Result<Vec<Figure>> {
    let mut connection = server.connect().await?;
    let few = rate_while_filled(options, server, &mut connection).await?;
    let began = Instant::now();
    fill(server, options.tasks).await?;
    let filled_in = began.elapsed().as_secs_f64();
    // A connection that was silent for so long may be closed by now.
    let many = rate(&mut server.connect().await?, options.seconds).await?;
    Ok(vec![
        Figure::new(format!("tasks ended with about {FEW} in line"), "/s", few),
        Figure::new(format!("tasks ended with {} in line", options.tasks), "/s", many),
        Figure::new("many against few", "×", many / few).floor(Floor::AtLeast(0.8)),
        Figure::new("until the line was that long", "s", filled_in),
    ])
}

/// Keeps the line at a thousand: what has ended is replaced, and counted.
async fn rate_while_filled(options: &Options, server: &Server, connection: &mut Connection) -> Result<f64> {
    fill(server, FEW).await?;
    let (began, mut started) = (Instant::now(), 0);
    let before = stats(connection, FLOW).await?.in_line_or_running;
    while began.elapsed().as_secs_f64() < options.seconds {
        let left = stats(connection, FLOW).await?.in_line_or_running;
        if left < FEW {
            let missing = usize::try_from(FEW - left)?;
            start_batch(connection, &bench_task(5), missing).await?;
            started += missing as u64;
        }
        tokio::time::sleep(LOOK).await;
    }
    let left = stats(connection, FLOW).await?.in_line_or_running;
    Ok((before + started).saturating_sub(left) as f64 / began.elapsed().as_secs_f64())
}

/// Nobody adds to the line meanwhile, so what is missing has ended.
async fn rate(connection: &mut Connection, seconds: f64) -> Result<f64> {
    let before = stats(connection, FLOW).await?.in_line_or_running;
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let lasted = began.elapsed().as_secs_f64();
    let after = stats(connection, FLOW).await?.in_line_or_running;
    if after == 0 {
        bail!("the line was empty before its rate was known: make it longer with --tasks");
    }
    Ok(before.saturating_sub(after) as f64 / lasted)
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
        let each = usize::try_from((tasks - there).div_ceil(FILLING as u64))?.min(BATCH);
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
