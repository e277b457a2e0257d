//! `throughput`: so many clients, each starting a task, watching it to its end and starting the next (closed loop).
//!
//! With `--post-only` they only start; then what counts is also how long the backlog takes until all have ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;

use super::quiet::wait_until_quiet;
use super::{bench_task, cost_of_tasks};
use crate::client::{Connection, View, WireState, start, stats, watch_to_end};
use crate::figures::{Figure, Floor};
use crate::latencies::Latencies;
use crate::server::{Server, Usage, busy_seconds};

const FLOW: &str = "bench_flow";
/// Between two looks at the backlog: each look makes the server count its tasks.
const LOOK: Duration = Duration::from_millis(250);
const LONGEST_STANDSTILL: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 50)]
    clients: usize,
    /// How long
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Until so many tasks were started, instead of for a time
    #[arg(long)]
    tasks: Option<u64>,
    /// Run so long before anything is counted
    #[arg(long, default_value_t = 2.0)]
    warmup_seconds: f64,
    /// Steps per task
    #[arg(long, default_value_t = 5)]
    steps: u32,
    /// How a task is watched to its end [default: each event of ours, what a peer tells]
    #[arg(long, value_enum)]
    #[serde(skip)]
    view: Option<View>,
    /// Start tasks without watching them
    #[arg(long)]
    pub(super) post_only: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { clients: 50, seconds: 10.0, tasks: None, warmup_seconds: 2.0, steps: 5, view: None, post_only: false }
    }
}

impl Options {
    pub(super) fn posts_only(self) -> Self {
        Self { post_only: true, ..self }
    }

    pub(super) fn small(self) -> Self {
        Self { clients: 4, tasks: Some(40), warmup_seconds: 0.1, ..self }
    }
}

/// When clients stop starting tasks.
#[derive(Debug, Clone)]
struct Limit {
    until: Option<Instant>,
    left: Arc<AtomicU64>,
}

impl Limit {
    fn seconds(seconds: f64) -> Self {
        let until = Instant::now().checked_add(Duration::from_secs_f64(seconds));
        Self { until, left: Arc::new(AtomicU64::new(u64::MAX)) }
    }

    fn tasks(count: u64) -> Self {
        Self { until: None, left: Arc::new(AtomicU64::new(count)) }
    }

    fn allows_one_more(&self) -> bool {
        let in_time = self.until.is_none_or(|until| Instant::now() < until);
        in_time && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

#[derive(Debug, Default)]
struct Samples {
    /// From the POST to its answer.
    posts: Latencies,
    /// From the POST to the terminal event.
    tasks: Latencies,
    messages: u64,
}

pub(super) async fn measure(options: &Options, server: &Server) -> Result<Vec<Figure>> {
    run_clients(options, server, &Limit::seconds(options.warmup_seconds)).await?;
    if options.post_only {
        wait_until_all_ended(server).await?;
    }
    let (before, before_here, busy) = (server.usage(), Usage::of_this_process(), busy_seconds());
    let began = Instant::now();
    let limit = options.tasks.map_or_else(|| Limit::seconds(options.seconds), Limit::tasks);
    let mut samples = run_clients(options, server, &limit).await?;
    let started_in = began.elapsed().as_secs_f64();
    if options.post_only {
        wait_until_all_ended(server).await?;
    }
    let ended_in = began.elapsed().as_secs_f64();
    let (used, used_here) = (server.usage() - before, Usage::of_this_process() - before_here);
    let others = busy_seconds() - busy - used.cpu_seconds - used_here.cpu_seconds;
    // What these tasks still need, as to be archived, is a part of what they cost.
    let (quiet_at, used_till_then) = wait_until_quiet(server).await?;
    let (quiet_in, used_in_all) = ((quiet_at - began).as_secs_f64(), used_till_then - before);

    let count = samples.posts.len() as u64;
    let mut figures = Vec::new();
    if options.post_only {
        figures.push(Figure::new("tasks started", "/s", count as f64 / started_in));
        figures.push(Figure::new("tasks ended", "/s", count as f64 / ended_in));
    } else {
        figures.push(Figure::new("tasks", "/s", count as f64 / ended_in));
        figures.extend(Figure::of_latencies("POST to terminal event", &mut samples.tasks));
        figures.push(Figure::new("messages per task", "", samples.messages as f64 / count.max(1) as f64));
    }
    let [half, most] = Figure::of_latencies("POST to answer", &mut samples.posts);
    figures.extend([half, most.floor(server.system.is_ours().then_some(Floor::AtMost(10.0)))]);
    figures.extend(cost_of_tasks(count, server, used_in_all, used_here));
    if server.is_known() {
        figures.push(Figure::new("tasks, all their work included", "/s", count as f64 / quiet_in));
        figures.push(Figure::new("server cores in use", "", used.cpu_seconds / ended_in));
        figures.push(Figure::new("others' cores in use", "", others / ended_in));
        figures.push(Figure::new("server RSS", "MiB", server.usage().mib()));
    }
    Ok(figures)
}

async fn run_clients(options: &Options, server: &Server, limit: &Limit) -> Result<Samples> {
    let body: Arc<[u8]> = serde_json::to_vec(&bench_task(options.steps))?.into();
    let view = (!options.post_only).then_some(options.view.unwrap_or(server.view()));
    let mut clients = JoinSet::new();
    for _ in 0..options.clients.max(1) {
        let connection = server.connect().await?;
        clients.spawn(run_client(connection, body.clone(), view, limit.clone()));
    }
    let mut all = Samples::default();
    while let Some(client) = clients.join_next().await {
        let samples = client??;
        all.posts.merge(samples.posts);
        all.tasks.merge(samples.tasks);
        all.messages += samples.messages;
    }
    Ok(all)
}

async fn run_client(mut connection: Connection, body: Arc<[u8]>, view: Option<View>, limit: Limit) -> Result<Samples> {
    let mut samples = Samples::default();
    while limit.allows_one_more() {
        let began = Instant::now();
        let task = start(&mut connection, &body).await?;
        samples.posts.record(began.elapsed());
        let Some(view) = view else { continue };
        let ended = watch_to_end(&mut connection, &task, view).await?;
        if ended.state != WireState::Succeeded {
            bail!("task {task} ended as {:?}", ended.state);
        }
        samples.tasks.record(ended.at - began);
        samples.messages += ended.messages;
    }
    Ok(samples)
}

async fn wait_until_all_ended(server: &Server) -> Result<()> {
    let mut connection = server.connect().await?;
    let (mut fewest, mut since) = (u64::MAX, Instant::now());
    loop {
        let left = stats(&mut connection, FLOW).await?.in_line_or_running;
        match left {
            0 => return Ok(()),
            fewer if fewer < fewest => (fewest, since) = (fewer, Instant::now()),
            _ if since.elapsed() > LONGEST_STANDSTILL => bail!("{left} tasks do not end"),
            _ => {}
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: so many tasks are started as asked, no matter how many ask; and none after the time is over.
    #[test]
    fn limits() {
        let tasks = Limit::tasks(2);
        let same = tasks.clone();
        assert!(tasks.allows_one_more() && same.allows_one_more() && !tasks.allows_one_more());
        assert!(!Limit::seconds(0.0).allows_one_more());
    }
}
