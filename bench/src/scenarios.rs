//! What is measured, and how.
//!
//! Loads are closed loops: a client starts its next task when it has seen the last one end, so that a slow server is
//! asked less, never more than it can take, and a figure says what a client got.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;
use tokio::task::JoinSet;

use crate::Load;
use crate::figures::{Promise, Report, percentile};
use crate::http::Connection;
use crate::process::{cpu_time, resident_mb};
use crate::server::Server;
use crate::wire::{count_tasks, start_task, start_tasks, watch_to_the_end};

/// So that no first task of a flow, no cold cache and no empty table is measured.
const WARM_UP_TASKS: usize = 100;
const IDLE_SECONDS: u64 = 20;
/// A server that has just worked has things to put away.
const SETTLE: Duration = Duration::from_secs(3);

pub(crate) async fn throughput(server: &Server, load: &Load, report: &mut Report) -> anyhow::Result<()> {
    run_clients(server, load, Duration::from_secs(1)).await?;
    let (mut rates, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..load.rounds {
        let before = server.pid.map(cpu_time).transpose()?;
        let began = Instant::now();
        let tasks = run_clients(server, load, Duration::from_secs(load.seconds)).await?;
        rates.push(tasks / began.elapsed().as_secs_f64());
        if let Some((pid, before)) = server.pid.zip(before) {
            cpu.push((cpu_time(pid)? - before).as_secs_f64() / tasks * 1000.0);
        }
    }
    report.add("tasks, started and watched to the end", "1/s", rates, Some(Promise::AtLeast(1500.0)));
    report.add("server's CPU per 1,000 tasks", "s", cpu, None);
    Ok(())
}

/// How many tasks all clients together saw end.
async fn run_clients(server: &Server, load: &Load, duration: Duration) -> anyhow::Result<f64> {
    let until = Instant::now() + duration;
    let mut clients = JoinSet::new();
    for _ in 0..load.clients {
        let (host, steps) = (server.host.clone(), load.steps);
        clients.spawn(async move {
            let mut connection = Connection::open(&host).await?;
            let mut tasks = 0;
            while Instant::now() < until {
                one_task(&mut connection, steps).await?;
                tasks += 1;
            }
            anyhow::Ok(tasks)
        });
    }
    let mut tasks = 0;
    while let Some(client) = clients.join_next().await {
        tasks += client??;
    }
    Ok(f64::from(tasks))
}

async fn one_task(connection: &mut Connection, steps: u32) -> anyhow::Result<()> {
    let task = start_task(connection, "bench_flow", &json!({ "steps": steps })).await?;
    watch_to_the_end(connection, &task).await
}

pub(crate) async fn latency(server: &Server, load: &Load, report: &mut Report) -> anyhow::Result<()> {
    let mut connection = Connection::open(&server.host).await?;
    for _ in 0..WARM_UP_TASKS {
        one_task(&mut connection, load.steps).await?;
    }
    let (mut middle, mut high) = (Vec::new(), Vec::new());
    for _ in 0..load.rounds {
        let mut millis = Vec::new();
        for _ in 0..load.tasks.unwrap_or(500) {
            let began = Instant::now();
            one_task(&mut connection, load.steps).await?;
            millis.push(began.elapsed().as_secs_f64() * 1000.0);
            // Idle again: what a task leaves to be done must not be in the next one's time.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        middle.extend(percentile(&millis, 50.0));
        high.extend(percentile(&millis, 99.0));
    }
    report.add("from the POST to the end, p50", "ms", middle, Some(Promise::AtMost(3.0)));
    report.add("from the POST to the end, p99", "ms", high, None);
    Ok(())
}

pub(crate) async fn idle(server: &mut Server, load: &Load, report: &mut Report) -> anyhow::Result<()> {
    let mut ready = Vec::new();
    for _ in 0..load.rounds {
        ready.extend(server.ready_after.map(|after| after.as_secs_f64() * 1000.0));
        if !server.start_anew().await? {
            break;
        }
    }
    let pid = server.pid.context("memory and CPU need --pid or --binary")?;
    tokio::time::sleep(SETTLE).await;
    let before = cpu_time(pid)?;
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(IDLE_SECONDS)).await;
    let cpu = (cpu_time(pid)? - before).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    report.add("ready after", "ms", ready, Some(Promise::AtMost(300.0)));
    report.add("resident memory", "MB", vec![resident_mb(pid)?], Some(Promise::AtMost(40.0)));
    report.add("CPU of one core", "%", vec![cpu], Some(Promise::AtMost(0.5)));
    Ok(())
}

pub(crate) async fn parked(server: &Server, load: &Load, report: &mut Report) -> anyhow::Result<()> {
    let pid = server.pid.context("memory needs --pid or --binary")?;
    let tasks = load.tasks.unwrap_or(10_000);
    let mut connection = Connection::open(&server.host).await?;
    // What the server needs for its work at all, whatever is parked, is not what is asked.
    for _ in 0..WARM_UP_TASKS {
        one_task(&mut connection, load.steps).await?;
    }
    tokio::time::sleep(SETTLE).await;
    let before = resident_mb(pid)?;
    let began = Instant::now();
    let mut left = tasks;
    while left > 0 {
        let batch = left.min(1000);
        start_tasks(&mut connection, "park_flow", batch).await?;
        left -= batch;
    }
    wait_until_parked(&mut connection, tasks).await?;
    let took = began.elapsed().as_secs_f64();
    tokio::time::sleep(SETTLE).await;
    let after = resident_mb(pid)?;
    report.add("memory by which the server grew", "MB", vec![after - before], Some(Promise::AtMost(20.0)));
    report.add("resident memory with all parked", "MB", vec![after], None);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    report.add("tasks parked", "1/s", vec![tasks as f64 / took], None);
    Ok(())
}

async fn wait_until_parked(connection: &mut Connection, tasks: usize) -> anyhow::Result<()> {
    let mut best = 0;
    let mut moved = Instant::now();
    loop {
        let parked = count_tasks(connection, "park_flow", "WAITING").await?;
        if parked >= tasks {
            return Ok(());
        }
        if parked > best {
            (best, moved) = (parked, Instant::now());
        }
        if moved.elapsed() > Duration::from_secs(30) {
            bail!("only {parked} of {tasks} tasks are parked, and none came in half a minute");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
