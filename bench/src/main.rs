//! `caudal-bench`: measures a Caudal server from outside, over its HTTP contract alone.
//!
//! ```text
//! scenario → (start the binary, wait until it is ready) → load → figures → (end it) → medians → table, JSON
//! ```
//! Each round has a server and a data folder of its own. `--check` runs the same code, small, and fails when
//! something does not work; it judges no time.

mod client;
mod figures;
mod latencies;
mod machine;
mod mail_sink;
mod output;
mod provider;
mod scenarios;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::client::Target;
use crate::figures::rows;
use crate::machine::Machine;
use crate::output::Report;
use crate::scenarios::Scenario;
use crate::server::{Launch, Server};

/// Measures a Caudal server.
///
/// Without --url it starts the binary itself, with the environment's settings and a new data folder each time.
#[derive(Debug, Parser)]
#[command(name = "caudal-bench", max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    scenario: Scenario,
    /// Measure a server that runs already
    #[arg(long, global = true, conflicts_with = "binary")]
    url: Option<String>,
    /// The process of that server, to tell its CPU time and memory
    #[arg(long, global = true, requires = "url")]
    pid: Option<u32>,
    /// The binary to start [default: `caudal` beside this one]
    #[arg(long, global = true)]
    binary: Option<PathBuf>,
    /// With which durability it is started
    #[arg(long, global = true, default_value = "full")]
    durability: String,
    /// Where its data folders are made [default: where temporary files go]
    #[arg(long, global = true)]
    folder: Option<PathBuf>,
    /// Measure so often, and tell the medians
    #[arg(long, global = true, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Also write what was found to this file
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only see whether it works: small, and fast
    #[arg(long, global = true)]
    check: bool,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn complain(error: &anyhow::Error) {
    use std::io::Write as _;
    // When nobody can hear it, the exit code says it.
    let _ = writeln!(std::io::stderr(), "caudal-bench: {error:#}");
}

fn run(cli: Cli) -> Result<()> {
    // One thread: what the generator takes of a small machine is missing to the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure_all(cli))
}

async fn measure_all(cli: Cli) -> Result<()> {
    let machine = Machine::here();
    let mut reports = Vec::new();
    for scenario in cli.scenario.clone().each() {
        let scenario = if cli.check { scenario.small() } else { scenario };
        let mut rounds = Vec::new();
        for _ in 0..cli.rounds {
            rounds.push(measure_once(&cli, &scenario).await?);
        }
        let options = serde_json::to_value(&scenario)?;
        let report = Report { scenario: scenario.name(), options, rows: rows(&rounds)? };
        output::print(&report, &machine);
        reports.push(report);
    }
    match &cli.json {
        Some(path) => output::write_json(path, &machine, &reports),
        None => Ok(()),
    }
}

async fn measure_once(cli: &Cli, scenario: &Scenario) -> Result<Vec<figures::Figure>> {
    let beside = scenario.beside().await?;
    let environment = scenario.environment(&beside);
    let server = match &cli.url {
        Some(_) if !beside.is_nothing() => bail!("'{}' starts its own server: leave out --url", scenario.name()),
        Some(url) => Server::running(Target::parse(url)?, cli.pid),
        None => Server::launch(&launch(cli, environment)?).await?,
    };
    match scenario.measure(&server, &beside).await {
        Ok(figures) => {
            server.stop().await?;
            Ok(figures)
        }
        Err(error) => Err(error.context(format!("the server's last words:\n{}", server.last_words()))),
    }
}

fn launch(cli: &Cli, environment: Vec<(&'static str, String)>) -> Result<Launch> {
    let binary = match &cli.binary {
        Some(binary) => binary.clone(),
        None => std::env::current_exe()?.with_file_name("caudal"),
    };
    // The server is started in another folder.
    let binary = std::path::absolute(binary)?;
    if !binary.is_file() {
        bail!("{} is not there: build it with `cargo build --release -p caudal`, or name it", binary.display());
    }
    let folder = cli.folder.as_ref().map(std::path::absolute).transpose().context("--folder cannot be found")?;
    Ok(Launch { binary, durability: cli.durability.clone(), folder, environment })
}
