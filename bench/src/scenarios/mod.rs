//! What can be measured: one scenario per file, each a function from a running system to figures.

mod arrivals;
mod backlog;
mod idle;
mod killed;
mod latency;
mod long_task;
mod parked;
mod restart;
mod throughput;
mod watchers;
mod words;

use anyhow::{Context, Result, bail};
use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::{Value, json};

use crate::figures::{Figure, Floor};
use crate::provider::Provider;
use crate::server::{Needs, Server, System, Usage};

#[derive(Debug, Clone, Subcommand, Serialize)]
#[serde(untagged)]
pub(crate) enum Scenario {
    /// Clients that start a task, watch it to its end, and start the next
    Throughput(throughput::Options),
    /// Tasks that come at a rate of their own, whether or not the server keeps up
    Arrivals(arrivals::Options),
    /// One task at a time on an idle server: from the POST to the terminal event
    Latency(latency::Options),
    /// The start, and what the server uses while it does nothing
    Idle(idle::Options),
    /// Many tasks that wait for days: what they cost, and whether others still run
    Parked(parked::Options),
    /// Many who watch one task that changes many times a second, or each a task of its own
    Watchers(watchers::Options),
    /// A provider's first word, on its way to those who watch
    Words(words::Options),
    /// A worker is killed while tasks run: when has the last one ended?
    Killed(killed::Options),
    /// How fast tasks end while very many are in line
    Backlog(backlog::Options),
    /// One task of very many steps
    LongTask(long_task::Options),
    /// Everything is killed with very many tasks unfinished: when does the first one go on?
    Restart(restart::Options),
    /// Each of them once, as it is without options
    All,
}

/// What is compared with peers: scenarios that they can be asked for too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compared {
    /// One task at a time on an idle server
    Latency,
    /// Clients that start a task and watch it to its end
    Throughput,
    /// Clients that only start tasks
    Posts,
    /// A worker is killed
    Killed,
    /// Many who watch one task
    Watchers,
    /// Many who watch a task of their own each
    OwnTasks,
}

impl Compared {
    pub(crate) fn scenario(self) -> Scenario {
        match self {
            Self::Latency => Scenario::Latency(latency::Options::default()),
            Self::Throughput => Scenario::Throughput(throughput::Options::default()),
            Self::Posts => Scenario::Throughput(throughput::Options::default().posts_only()),
            Self::Killed => Scenario::Killed(killed::Options::default()),
            Self::Watchers => Scenario::Watchers(watchers::Options::default()),
            Self::OwnTasks => Scenario::Watchers(watchers::Options::default().each_its_own()),
        }
    }
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
                Self::Arrivals(arrivals::Options::default()),
                Self::Parked(parked::Options::default()),
                Self::Watchers(watchers::Options::default()),
                Self::Watchers(watchers::Options::default().each_its_own()),
                Self::Words(words::Options::default()),
                Self::Killed(killed::Options::default()),
                Self::Backlog(backlog::Options::default()),
                Self::LongTask(long_task::Options::default()),
                Self::Restart(restart::Options::default()),
            ],
            one => vec![one],
        }
    }

    /// As small as it can be and still meet each of its parts.
    pub(crate) fn small(self) -> Self {
        match self {
            Self::Throughput(options) => Self::Throughput(options.small()),
            Self::Arrivals(options) => Self::Arrivals(options.small()),
            Self::Latency(options) => Self::Latency(options.small()),
            Self::Idle(options) => Self::Idle(options.small()),
            Self::Parked(options) => Self::Parked(options.small()),
            Self::Watchers(options) => Self::Watchers(options.small()),
            Self::Words(options) => Self::Words(options.small()),
            Self::Killed(options) => Self::Killed(options.small()),
            Self::Backlog(options) => Self::Backlog(options.small()),
            Self::LongTask(options) => Self::LongTask(options.small()),
            Self::Restart(options) => Self::Restart(options.small()),
            Self::All => Self::All,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Throughput(options) if options.post_only => "throughput, POST only",
            Self::Throughput(_) => "throughput",
            Self::Arrivals(_) => "arrivals",
            Self::Latency(_) => "latency",
            Self::Idle(_) => "idle",
            Self::Parked(_) => "parked",
            Self::Watchers(options) if options.own => "watchers, each of its own task",
            Self::Watchers(_) => "watchers",
            Self::Words(_) => "words",
            Self::Killed(_) => "killed",
            Self::Backlog(_) => "backlog",
            Self::LongTask(_) => "long task",
            Self::Restart(_) => "restart",
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

    pub(crate) fn needs(&self, provider: Option<&Provider>) -> Needs {
        match self {
            Self::Killed(options) => options.needs(),
            Self::Watchers(options) => options.needs(),
            _ => Needs { environment: provider.map(Provider::environment).unwrap_or_default(), ..Needs::default() },
        }
    }

    pub(crate) async fn measure(&self, server: &mut Server, provider: Option<&Provider>) -> Result<Vec<Figure>> {
        let measured = match self {
            Self::Throughput(options) => throughput::measure(options, server).await,
            Self::Arrivals(options) => arrivals::measure(options, server).await,
            Self::Latency(options) => latency::measure(options, server).await,
            Self::Idle(options) => idle::measure(options, server).await,
            Self::Parked(options) => parked::measure(options, server).await,
            Self::Watchers(options) => watchers::measure(options, server).await,
            Self::Words(options) => match provider {
                Some(provider) => words::measure(options, server, provider).await,
                None => bail!("there is no provider"),
            },
            Self::Killed(options) => killed::measure(options, server).await,
            Self::Backlog(options) => backlog::measure(options, server).await,
            Self::LongTask(options) => long_task::measure(options, server).await,
            Self::Restart(options) => restart::measure(options, server).await,
            Self::All => Ok(Vec::new()),
        };
        measured.with_context(|| format!("the scenario '{}' failed", self.name()))
    }
}

fn bench_task(steps: u32) -> Value {
    json!({ "flow": "bench_flow", "inputs": { "steps": steps } })
}

/// What so many tasks cost, of the server and of this generator. Nothing is told of a server whose processes are not
/// known.
fn cost_of_tasks(tasks: u64, server: &Server, used: Usage, used_here: Usage) -> Vec<Figure> {
    let thousands = tasks.max(1) as f64 / 1_000.0;
    let per_thousand = |name: &str, used: Usage| Figure::new(name, "s / 1,000 tasks", used.cpu_seconds / thousands);
    let floor = match server.system {
        System::Embedded => Some(Floor::AtMost(0.18)),
        System::Machines => Some(Floor::AtMost(0.28)),
        _ => None,
    };
    let of_server = server.is_known().then(|| per_thousand("server CPU", used).floor(floor));
    of_server.into_iter().chain([per_thousand("generator CPU", used_here)]).collect()
}
