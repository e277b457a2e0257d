//! `restart`: everything is killed while very many tasks have not ended: how long until the first one goes on?

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::client::start_batch;
use crate::figures::{Figure, Floor};
use crate::server::Server;

const BATCH: usize = 1_000;
const LOOK: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(60);
/// Each step takes longer than all of this: nothing ends meanwhile.
const STEP_MS: u32 = 60_000;

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Options {
    /// How many have not ended
    #[arg(long, default_value_t = 100_000)]
    tasks: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { tasks: 100_000 }
    }
}

impl Options {
    pub(super) fn small(self) -> Self {
        Self { tasks: 200 }
    }
}

pub(super) async fn measure(options: &Options, server: &mut Server) -> Result<Vec<Figure>> {
    let log = server.step_log()?;
    let slow = json!({ "flow": "slow_flow", "inputs": { "steps": 1, "step_ms": STEP_MS } });
    let mut connection = server.connect().await?;
    for from in (0..options.tasks).step_by(BATCH) {
        start_batch(&mut connection, &slow, BATCH.min(options.tasks - from)).await?;
    }
    wait_until_longer(&log, 0).await?;
    server.kill_all().await?;
    let before = length(&log);
    let began = Instant::now();
    server.start_all_again()?;
    wait_until_longer(&log, before).await?;
    let first = began.elapsed();
    // What is in a step for a minute would be waited for.
    server.kill_all().await?;
    Ok(vec![Figure::new("start to first claim", "s", first.as_secs_f64()).floor(Floor::AtMost(2.0))])
}

/// The first step begins right after its claim, and notes itself.
async fn wait_until_longer(log: &Path, than: u64) -> Result<()> {
    let began = Instant::now();
    while length(log) <= than {
        if began.elapsed() > LONGEST {
            bail!("no step began within {} s", LONGEST.as_secs());
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

fn length(log: &Path) -> u64 {
    std::fs::metadata(log).map_or(0, |log| log.len())
}
