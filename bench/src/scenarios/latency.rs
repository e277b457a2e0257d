//! `latency`: one client, one task at a time, with a pause in between: what a person waits for on an idle server.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

use super::bench_task;
use crate::client::{View, WireState, start, watch_to_end};
use crate::figures::{Figure, Floor};
use crate::latencies::Latencies;
use crate::server::{Server, System};

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Options {
    /// How many tasks, one after the other
    #[arg(long, default_value_t = 300)]
    tasks: u32,
    /// Tasks before anything is counted
    #[arg(long, default_value_t = 30)]
    warmup_tasks: u32,
    /// Between two tasks, so that the server is idle again
    #[arg(long, default_value_t = 10)]
    pause_ms: u64,
    /// Steps per task
    #[arg(long, default_value_t = 5)]
    steps: u32,
    /// How a task is watched to its end [default: each event of ours, what a peer tells]
    #[arg(long, value_enum)]
    #[serde(skip)]
    view: Option<View>,
}

impl Default for Options {
    fn default() -> Self {
        Self { tasks: 300, warmup_tasks: 30, pause_ms: 10, steps: 5, view: None }
    }
}

impl Options {
    pub(super) fn small(self) -> Self {
        Self { tasks: 10, warmup_tasks: 2, ..self }
    }
}

pub(super) async fn measure(options: &Options, server: &Server) -> Result<Vec<Figure>> {
    let body = serde_json::to_vec(&bench_task(options.steps))?;
    let view = options.view.unwrap_or(server.view());
    let mut connection = server.connect().await?;
    let (mut posts, mut tasks) = (Latencies::default(), Latencies::default());
    for number in 0..options.warmup_tasks + options.tasks {
        tokio::time::sleep(Duration::from_millis(options.pause_ms)).await;
        let began = Instant::now();
        let task = start(&mut connection, &body).await?;
        let answered = began.elapsed();
        let ended = watch_to_end(&mut connection, &task, view).await?;
        if ended.state != WireState::Succeeded {
            bail!("task {task} ended as {:?}", ended.state);
        }
        if number >= options.warmup_tasks {
            posts.record(answered);
            tasks.record(ended.at - began);
        }
    }
    let [half, most] = Figure::of_latencies("POST to terminal event", &mut tasks);
    let mut figures = vec![half.floor(most_of(server.system)), most];
    figures.extend(Figure::of_latencies("POST to answer", &mut posts));
    Ok(figures)
}

fn most_of(system: System) -> Option<Floor> {
    match system {
        System::Embedded => Some(Floor::AtMost(1.5)),
        System::Machines => Some(Floor::AtMost(1.8)),
        _ => None,
    }
}
