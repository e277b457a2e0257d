//! What can be measured: one scenario per file, each a function from a running server to figures.

mod idle;
mod latency;
mod parked;
mod throughput;
mod watchers;
mod words;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde::Serialize;
use serde_json::{Value, json};

use crate::figures::Figure;
use crate::provider::Provider;
use crate::server::{Server, Usage};

#[derive(Debug, Clone, Subcommand, Serialize)]
#[serde(untagged)]
pub(crate) enum Scenario {
    /// Clients that start a task, watch it to its end, and start the next
    Throughput(throughput::Options),
    /// One task at a time on an idle server: from the POST to the terminal event
    Latency(latency::Options),
    /// The start, and what the server uses while it does nothing
    Idle(idle::Options),
    /// Many tasks that wait for days: what they cost, and whether others still run
    Parked(parked::Options),
    /// Many who watch one task that changes many times a second
    Watchers(watchers::Options),
    /// A provider's first word, on its way to those who watch
    Words(words::Options),
    /// Each of them once, as it is without options
    All,
}

impl Scenario {
    /// The scenarios that are meant: itself, or all.
    pub(crate) fn each(self) -> Vec<Self> {
        match self {
            Self::All => vec![
                Self::Idle(idle::Options::default()),
                Self::Latency(latency::Options::default()),
                Self::Throughput(throughput::Options::default()),
                Self::Throughput(throughput::Options::default().posts_only()),
                Self::Parked(parked::Options::default()),
                Self::Watchers(watchers::Options::default()),
                Self::Words(words::Options::default()),
            ],
            one => vec![one],
        }
    }

    /// As small as it can be and still meet each of its parts.
    pub(crate) fn small(self) -> Self {
        match self {
            Self::Throughput(options) => Self::Throughput(options.small()),
            Self::Latency(options) => Self::Latency(options.small()),
            Self::Idle(options) => Self::Idle(options.small()),
            Self::Parked(options) => Self::Parked(options.small()),
            Self::Watchers(options) => Self::Watchers(options.small()),
            Self::Words(options) => Self::Words(options.small()),
            Self::All => Self::All,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Throughput(options) if options.post_only => "throughput, POST only",
            Self::Throughput(_) => "throughput",
            Self::Latency(_) => "latency",
            Self::Idle(_) => "idle",
            Self::Parked(_) => "parked",
            Self::Watchers(_) => "watchers",
            Self::Words(_) => "words",
            Self::All => "all",
        }
    }

    /// Where the server gets its words from, for a scenario that has some.
    pub(crate) async fn provider(&self) -> Result<Option<Provider>> {
        match self {
            Self::Words(_) => Provider::start().await.map(Some),
            _ => Ok(None),
        }
    }

    pub(crate) async fn measure(&self, server: &Server, provider: Option<&Provider>) -> Result<Vec<Figure>> {
        let measured = match self {
            Self::Throughput(options) => throughput::measure(options, server).await,
            Self::Latency(options) => latency::measure(options, server).await,
            Self::Idle(options) => idle::measure(options, server).await,
            Self::Parked(options) => parked::measure(options, server).await,
            Self::Watchers(options) => watchers::measure(options, server).await,
            Self::Words(options) => match provider {
                Some(provider) => words::measure(options, server, provider).await,
                None => bail!("there is no provider"),
            },
            Self::All => Ok(Vec::new()),
        };
        measured.with_context(|| format!("the scenario '{}' failed", self.name()))
    }
}

fn bench_task(steps: u32) -> Value {
    json!({ "flow": "bench_flow", "inputs": { "steps": steps } })
}

/// What so many tasks cost, of the server and of this generator. Nothing is told of a server whose process is not known.
fn cost_of_tasks(tasks: u64, server: &Server, used: Usage, used_here: Usage) -> Vec<Figure> {
    let thousands = tasks.max(1) as f64 / 1_000.0;
    let per_thousand = |name: &str, used: Usage| Figure::new(name, "s / 1,000 tasks", used.cpu_seconds / thousands);
    let of_server = (server.pid != 0).then(|| per_thousand("server CPU", used));
    of_server.into_iter().chain([per_thousand("generator CPU", used_here)]).collect()
}
