//! `parked`: many tasks that wait for days. They should cost no memory and no worker: one more task runs as ever.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::bench_task;
use crate::client::{Connection, View, WireState, start, start_batch, stats, watch_to_end};
use crate::figures::{Figure, Floor};
use crate::server::Server;

const BATCH: usize = 1_000;
const LOOK: Duration = Duration::from_millis(250);
const LONGEST_STANDSTILL: Duration = Duration::from_secs(60);
/// What was freed goes back to the kernel only after a while.
const SETTLE: Duration = Duration::from_secs(3);
/// What a server needs once, whatever it does, is there before the memory is looked at.
const WARMUP_TASKS: u32 = 200;
const THREE_DAYS_SECONDS: u32 = 259_200;

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Options {
    /// How many wait
    #[arg(long, default_value_t = 10_000)]
    tasks: usize,
    /// The flow that waits; without it, `wait_flow`, or else the tour, which rests for an hour on its way
    #[arg(long, requires = "inputs")]
    flow: Option<String>,
    /// Its inputs, as JSON
    #[arg(long, requires = "flow")]
    inputs: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { tasks: 10_000, flow: None, inputs: None }
    }
}

impl Options {
    pub(super) fn small(self) -> Self {
        Self { tasks: 20, ..self }
    }
}

pub(super) async fn measure(options: &Options, server: &Server) -> Result<Vec<Figure>> {
    let mut connection = server.connect().await?;
    let waiting = waiting_task(options, &mut connection).await?;
    let bench = serde_json::to_vec(&bench_task(5))?;
    for _ in 0..WARMUP_TASKS.min(options.tasks as u32) {
        run_one(&mut connection, &bench).await?;
    }
    tokio::time::sleep(SETTLE).await;
    let before = server.usage();
    let alone = run_one(&mut connection, &bench).await?;

    let flow = waiting["flow"].as_str().unwrap_or_default();
    let first_half = options.tasks / 2;
    let began = Instant::now();
    let parked_before = stats(&mut connection, flow).await?.waiting;
    start_many(&mut connection, &waiting, first_half).await?;
    wait_until_parked(&mut connection, flow, parked_before + first_half as u64).await?;
    let resting = Instant::now();
    tokio::time::sleep(SETTLE).await;
    let halfway = server.usage();
    let rested = resting.elapsed();
    start_many(&mut connection, &waiting, options.tasks - first_half).await?;
    wait_until_parked(&mut connection, flow, parked_before + options.tasks as u64).await?;
    let parked_in = (began.elapsed() - rested).as_secs_f64();
    let beside = run_one(&mut connection, &bench).await?;
    tokio::time::sleep(SETTLE).await;
    let after = server.usage();

    let mut figures = vec![
        Figure::new("until all are parked", "s", parked_in),
        Figure::new("bench_flow before", "ms", alone.as_secs_f64() * 1_000.0),
        Figure::new("bench_flow beside them", "ms", beside.as_secs_f64() * 1_000.0),
    ];
    if server.is_known() {
        figures.push(Figure::new("RSS before", "MiB", before.mib()));
        figures.push(Figure::new("RSS after", "MiB", after.mib()));
        // Caches are full after the first half: what the second one takes is what tasks take.
        let growth = after.resident_bytes - halfway.resident_bytes;
        let second_half = options.tasks - first_half;
        figures.push(Figure::new("RSS growth", "MiB", after.mib() - before.mib()).floor(Floor::AtMost(20.0)));
        figures.push(Figure::new("RSS per further parked task", "bytes", growth / second_half.max(1) as f64));
    }
    Ok(figures)
}

async fn start_many(connection: &mut Connection, task: &Value, count: usize) -> Result<()> {
    for from in (0..count).step_by(BATCH) {
        start_batch(connection, task, BATCH.min(count - from)).await?;
    }
    Ok(())
}

async fn waiting_task(options: &Options, connection: &mut Connection) -> Result<Value> {
    if let (Some(flow), Some(inputs)) = (&options.flow, &options.inputs) {
        let inputs: Value = serde_json::from_str(inputs).context("--inputs is not JSON")?;
        return Ok(json!({ "flow": flow, "inputs": inputs }));
    }
    if connection.get("/flows/wait_flow").await?.status == 200 {
        return Ok(json!({ "flow": "wait_flow", "inputs": { "sleep_seconds": THREE_DAYS_SECONDS } }));
    }
    let inputs = json!({ "places": ["Lisbon"], "rest_seconds": 3_600, "ask": false });
    Ok(json!({ "flow": "tour_flow", "inputs": inputs }))
}

async fn run_one(connection: &mut Connection, bench: &[u8]) -> Result<Duration> {
    let began = Instant::now();
    let task = start(connection, bench).await?;
    let ended = watch_to_end(connection, &task, View::Events).await?;
    match ended.state {
        WireState::Succeeded => Ok(ended.at - began),
        other => bail!("task {task} ended as {other:?}"),
    }
}

async fn wait_until_parked(connection: &mut Connection, flow: &str, all: u64) -> Result<()> {
    let (mut most, mut since) = (0, Instant::now());
    loop {
        let counts = stats(connection, flow).await?;
        // Tasks that waited before this round are there too when the server was not started for it.
        if counts.waiting >= all && counts.in_line_or_running == 0 {
            return Ok(());
        }
        if counts.waiting > most {
            (most, since) = (counts.waiting, Instant::now());
        }
        if since.elapsed() > LONGEST_STANDSTILL {
            bail!("only {most} of {all} tasks of {flow} are parked, {} are not yet", counts.in_line_or_running);
        }
        tokio::time::sleep(LOOK).await;
    }
}
