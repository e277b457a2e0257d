//! What can be measured: one scenario per file, each a function from a running server to figures.

mod idle;
mod latency;
mod notifications;
mod parked;
mod throughput;
mod watchers;
mod words;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde::Serialize;
use serde_json::{Value, json};

use crate::figures::Figure;
use crate::mail_sink::MailSink;
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
    /// Tasks that each send a mail, beside mail servers good and bad
    Notifications(notifications::Options),
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
                Self::Notifications(notifications::Options::default()),
                Self::Notifications(notifications::Options::default().draining()),
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
            Self::Notifications(options) => Self::Notifications(options.small()),
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
            Self::Notifications(options) if options.drain => "notifications, drain",
            Self::Notifications(_) => "notifications",
            Self::All => "all",
        }
    }

    /// What the server needs beside it.
    pub(crate) async fn beside(&self) -> Result<Beside> {
        Ok(match self {
            Self::Words(_) => Beside::Provider(Provider::start().await?),
            Self::Notifications(_) => Beside::MailSink(MailSink::start().await?),
            _ => Beside::Nothing,
        })
    }

    /// The settings that a server needs for it.
    pub(crate) fn environment(&self, beside: &Beside) -> Vec<(&'static str, String)> {
        let own = match self {
            Self::Notifications(options) => options.environment(),
            _ => Vec::new(),
        };
        beside.environment().into_iter().chain(own).collect()
    }

    pub(crate) async fn measure(&self, server: &Server, beside: &Beside) -> Result<Vec<Figure>> {
        let measured = match (self, beside) {
            (Self::Throughput(options), _) => throughput::measure(options, server).await,
            (Self::Latency(options), _) => latency::measure(options, server).await,
            (Self::Idle(options), _) => idle::measure(options, server).await,
            (Self::Parked(options), _) => parked::measure(options, server).await,
            (Self::Watchers(options), _) => watchers::measure(options, server).await,
            (Self::Words(options), Beside::Provider(provider)) => words::measure(options, server, provider).await,
            (Self::Notifications(options), Beside::MailSink(sink)) => {
                notifications::measure(options, server, sink).await
            }
            (Self::Words(_) | Self::Notifications(_), _) => bail!("what it needs beside the server is missing"),
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

    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
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
