//! What can be measured: one scenario per file, each a function from a running system to figures.

mod arrivals;
mod backlog;
mod idle;
mod killed;
mod latency;
mod long_task;
mod notifications;
mod parked;
mod quiet;
mod restart;
mod throughput;
mod watchers;
mod words;

use anyhow::{Context, Result, bail};
use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::{Value, json};

use crate::figures::{Figure, Floor};
use crate::mail_sink::MailSink;
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
    /// Tasks that each send a mail, beside mail servers good and bad
    Notifications(notifications::Options),
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
                Self::Notifications(notifications::Options::default()),
                Self::Notifications(notifications::Options::default().draining()),
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
            Self::Notifications(options) => Self::Notifications(options.small()),
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
            Self::Notifications(options) if options.drain => "notifications, drain",
            Self::Notifications(_) => "notifications",
            Self::Killed(_) => "killed",
            Self::Backlog(_) => "backlog",
            Self::LongTask(_) => "long task",
            Self::Restart(_) => "restart",
            Self::All => "all",
        }
    }

    /// Whether it must kill or set what it measures, and so cannot be asked of a server that runs already.
    pub(crate) fn starts_its_own(&self) -> bool {
        matches!(self, Self::Words(_) | Self::Notifications(_) | Self::Killed(_) | Self::Restart(_))
    }

    /// What the server needs beside it.
    pub(crate) async fn beside(&self) -> Result<Beside> {
        Ok(match self {
            Self::Words(_) => Beside::Provider(Provider::start().await?),
            Self::Notifications(_) => Beside::MailSink(MailSink::start().await?),
            _ => Beside::Nothing,
        })
    }

    pub(crate) fn needs(&self, beside: &Beside) -> Needs {
        match self {
            Self::Killed(options) => options.needs(),
            Self::Watchers(options) => options.needs(),
            Self::Backlog(options) => options.needs(),
            Self::Notifications(options) => {
                let environment = beside.environment().into_iter().chain(options.environment()).collect();
                Needs { environment, mails: true, ..Needs::default() }
            }
            _ => Needs { environment: beside.environment(), ..Needs::default() },
        }
    }

    pub(crate) async fn measure(&self, server: &mut Server, beside: &Beside) -> Result<Vec<Figure>> {
        let measured = match (self, beside) {
            (Self::Throughput(options), _) => throughput::measure(options, server).await,
            (Self::Arrivals(options), _) => arrivals::measure(options, server).await,
            (Self::Latency(options), _) => latency::measure(options, server).await,
            (Self::Idle(options), _) => idle::measure(options, server).await,
            (Self::Parked(options), _) => parked::measure(options, server).await,
            (Self::Watchers(options), _) => watchers::measure(options, server).await,
            (Self::Words(options), Beside::Provider(provider)) => words::measure(options, server, provider).await,
            (Self::Notifications(options), Beside::MailSink(sink)) => {
                notifications::measure(options, server, sink).await
            }
            (Self::Words(_) | Self::Notifications(_), _) => bail!("what it needs beside the server is missing"),
            (Self::Killed(options), _) => killed::measure(options, server).await,
            (Self::Backlog(options), _) => backlog::measure(options, server).await,
            (Self::LongTask(options), _) => long_task::measure(options, server).await,
            (Self::Restart(options), _) => restart::measure(options, server).await,
            (Self::All, _) => Ok(Vec::new()),
        };
        measured.with_context(|| format!("the scenario '{}' failed", self.name()))
    }
}

/// Another server that the measured one talks to.
#[derive(Debug)]
pub(crate) enum Beside {
    Nothing,
    /// It gets its words from there.
    Provider(Provider),
    /// Its mails go there.
    MailSink(MailSink),
}

impl Beside {
    fn environment(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Provider(provider) => provider.environment(),
            Self::MailSink(sink) => sink.environment(),
        }
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
