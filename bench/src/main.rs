//! Measures a server from outside, over HTTP, as its clients meet it.
//!
//! ```text
//! cargo run -p caudal-bench --release -- throughput --binary target/release/caudal
//! cargo run -p caudal-bench --release -- latency --url http://127.0.0.1:8000 --pid 4711
//! ```
//!
//! With `--binary` it starts the server itself, in a temporary folder, and ends it. Each scenario is done a few times
//! and the medians count; they are printed and, with `--json`, written to a file. `--check` holds them against the
//! floors that the project promises and ends with 1 where one is missed. What is measured are the flows marked
//! `diagnostics`, so a server given by `--url` must run with `CAUDAL_DIAGNOSTICS=1`.

mod figures;
mod http;
mod process;
mod scenarios;
mod server;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, ValueEnum};

use crate::figures::Report;
use crate::server::Server;

#[derive(Parser)]
#[command(version, about = "Measures a Caudal server over HTTP")]
struct Arguments {
    /// What to measure.
    scenario: Scenario,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    load: Load,
    /// Writes the figures to this file as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Ends with 1 where a figure misses what the project promises.
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scenario {
    /// Many clients, each starting a task and watching it to its end: tasks per second, CPU per 1,000 tasks.
    Throughput,
    /// One client on an idle server: from the POST to the terminal event.
    Latency,
    /// A server that does nothing: time until it is ready, memory, CPU.
    Idle,
    /// Many parked tasks: how much memory they cost.
    Parked,
}

#[derive(Args)]
#[group(required = true, multiple = false, id = "server")]
struct TargetChoice {
    /// A server that is running already, such as http://127.0.0.1:8000.
    #[arg(long)]
    url: Option<String>,
    /// The binary of a server to start in a temporary folder.
    #[arg(long)]
    binary: Option<PathBuf>,
}

#[derive(Args)]
struct Target {
    #[command(flatten)]
    choice: TargetChoice,
    /// The server's process id, for memory and CPU of a server given by its URL.
    #[arg(long, requires = "url")]
    pid: Option<u32>,
}

/// How much of it.
#[derive(Args)]
struct Load {
    /// Clients at once.
    #[arg(long, default_value_t = 50)]
    clients: usize,
    /// How long a round lasts.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// How many rounds; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Steps of each task.
    #[arg(long, default_value_t = 5)]
    steps: u32,
    /// Tasks to park, or to time one after the other.
    #[arg(long)]
    tasks: Option<usize>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("caudal-bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether all that was promised was kept.
async fn measure(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { scenario, target, load, json, check } = arguments;
    let mut server = Server::of(target.choice.url, target.choice.binary, target.pid).await?;
    let mut report = Report::new(scenario.to_possible_value().map(|value| value.get_name().to_owned()));
    let measured = match scenario {
        Scenario::Throughput => scenarios::throughput(&server, &load, &mut report).await,
        Scenario::Latency => scenarios::latency(&server, &load, &mut report).await,
        Scenario::Idle => scenarios::idle(&mut server, &load, &mut report).await,
        Scenario::Parked => scenarios::parked(&server, &load, &mut report).await,
    };
    server.stop().await;
    measured?;
    report.print();
    if let Some(path) = json {
        std::fs::write(&path, report.json()?).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(!check || report.is_kept())
}
