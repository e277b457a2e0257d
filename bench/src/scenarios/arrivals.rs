//! `arrivals`: tasks come at a rate of their own, whether or not the server keeps up (open loop).
//!
//! Each latency begins when the task was due and not when somebody was free to send it: a server that stands still for
//! a second makes a second's worth of strangers wait, and all of them are counted.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;

use super::bench_task;
use crate::client::{Connection, Target, View, WireState, start, watch_to_end};
use crate::figures::Figure;
use crate::latencies::Latencies;
use crate::server::Server;

/// More at once means that the server does not keep up, and that ports would run out next.
const MOST_OPEN: usize = 10_000;

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Options {
    /// Tasks per second
    #[arg(long, default_value_t = 500.0)]
    rate: f64,
    /// How long
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Of it, so long before anything is counted
    #[arg(long, default_value_t = 2.0)]
    warmup_seconds: f64,
    /// Steps per task
    #[arg(long, default_value_t = 5)]
    steps: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { rate: 500.0, seconds: 10.0, warmup_seconds: 2.0, steps: 5 }
    }
}

impl Options {
    pub(super) fn small(self) -> Self {
        Self { rate: 20.0, seconds: 1.0, warmup_seconds: 0.2, ..self }
    }
}

#[derive(Debug)]
struct Visit {
    answered: Duration,
    ended: Duration,
}

/// Connections that nobody uses; as many are made as are needed at once.
#[derive(Debug, Clone)]
struct Pool {
    target: Target,
    free: Arc<Mutex<Vec<Connection>>>,
}

impl Pool {
    async fn take(&self) -> Result<Connection> {
        let free = self.lock().pop();
        match free {
            Some(connection) => Ok(connection),
            None => Connection::open(&self.target, None).await,
        }
    }

    fn give_back(&self, connection: Connection) {
        self.lock().push(connection);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.free.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

pub(super) async fn measure(options: &Options, server: &Server) -> Result<Vec<Figure>> {
    let body: Arc<[u8]> = serde_json::to_vec(&bench_task(options.steps))?.into();
    let pool = Pool { target: server.target.clone(), free: Arc::default() };
    let pause = Duration::try_from_secs_f64(1.0 / options.rate).context("--rate cannot be kept")?;
    let all = (options.rate * options.seconds).round() as u32;
    let uncounted = (options.rate * options.warmup_seconds).round() as u32;
    let (mut visits, mut most_open) = (JoinSet::new(), 0);
    let (mut posts, mut tasks) = (Latencies::default(), Latencies::default());
    let began = Instant::now();
    for number in 0..all {
        let due = began + pause * number;
        tokio::time::sleep_until(due.into()).await;
        visits.spawn(visit(pool.clone(), body.clone(), server.view(), due, number >= uncounted));
        most_open = most_open.max(visits.len());
        while let Some(visit) = visits.try_join_next() {
            count(visit??, &mut posts, &mut tasks);
        }
        if visits.len() > MOST_OPEN {
            bail!("the server does not keep up with {} tasks/s", options.rate);
        }
    }
    while let Some(visit) = visits.join_next().await {
        count(visit??, &mut posts, &mut tasks);
    }
    let counted = tasks.len() as f64;
    let lasted = began.elapsed().as_secs_f64() - options.warmup_seconds;
    let mut figures =
        vec![Figure::new("tasks ended", "/s", counted / lasted), Figure::new("most at once", "", most_open as f64)];
    figures.extend(Figure::of_latencies("due to answer", &mut posts));
    figures.extend(Figure::of_latencies("due to terminal event", &mut tasks));
    Ok(figures)
}

fn count(visit: Option<Visit>, posts: &mut Latencies, tasks: &mut Latencies) {
    if let Some(visit) = visit {
        posts.record(visit.answered);
        tasks.record(visit.ended);
    }
}

async fn visit(pool: Pool, body: Arc<[u8]>, view: View, due: Instant, counts: bool) -> Result<Option<Visit>> {
    let mut connection = pool.take().await?;
    let task = start(&mut connection, &body).await?;
    let answered = due.elapsed();
    let ended = watch_to_end(&mut connection, &task, view).await?;
    if ended.state != WireState::Succeeded {
        bail!("task {task} ended as {:?}", ended.state);
    }
    pool.give_back(connection);
    Ok(counts.then(|| Visit { answered, ended: ended.at - due }))
}
