//! `caudal-bench`: measures Caudal, and peers beside it, from outside, over HTTP alone.
//!
//! ```text
//! scenario → (start the processes, wait until they are ready) → load → figures → (end them) → medians → table, JSON
//! ```
//! Each round has processes and a data folder of its own. `--check` runs the same code, small, and fails when
//! something does not work; it judges no time. `report` makes a page of what the others wrote down.

mod client;
mod compare;
mod contenders;
mod figures;
mod latencies;
mod machine;
mod mail_sink;
mod open_files;
mod output;
mod provider;
mod report;
mod scenarios;
mod server;
mod yardstick;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

use crate::client::Target;
use crate::contenders::Start;
use crate::figures::{Figure, rows};
use crate::machine::Machine;
use crate::output::{Document, Report};
use crate::scenarios::{Beside, Scenario};
use crate::server::{Fsync, Server, System};

/// Measures Caudal, and peers beside it.
///
/// Without --url it starts the binary itself, with the environment's settings and a new data folder each time.
#[derive(Debug, Parser)]
#[command(name = "caudal-bench", max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    what: What,
    /// Measure a server that runs already
    #[arg(long, global = true, conflicts_with = "binary")]
    url: Option<String>,
    /// The process of that server, to tell its CPU time and memory
    #[arg(long, global = true, requires = "url")]
    pid: Option<u32>,
    /// What is measured: Caudal as one process, or as several over Redis and Postgres, or a peer that is installed
    #[arg(long, global = true, value_enum, default_value = "embedded")]
    system: System,
    /// When Redis flushes, where there is one
    #[arg(long, global = true, value_enum, default_value = "always")]
    fsync: Fsync,
    #[command(flatten)]
    start: Start,
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

#[derive(Debug, Subcommand)]
enum What {
    #[command(flatten)]
    Scenario(Scenario),
    /// Ours and a peer in turn: medians and ratios
    Compare(compare::Options),
    /// Make a page of files that --json wrote
    Report(report::Options),
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
    open_files::raise_limit()?;
    // One thread: what the generator takes of a small machine is missing to the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(cli))
}

async fn measure(cli: Cli) -> Result<()> {
    let mut document = Document::of(Machine::here());
    match &cli.what {
        What::Report(options) => return report::write(options),
        What::Compare(options) => {
            document.comparisons = compare::run(options, &cli.start, cli.rounds, cli.check).await?;
        }
        What::Scenario(scenario) => document.reports = measure_all(&cli, scenario, &document.machine).await?,
    }
    match &cli.json {
        Some(path) => document.write(path),
        None => Ok(()),
    }
}

async fn measure_all(cli: &Cli, scenario: &Scenario, machine: &Machine) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    let system = cli.start.title(cli.system, cli.fsync);
    for scenario in scenario.clone().each() {
        let scenario = if cli.check { scenario.small() } else { scenario };
        let mut rounds = Vec::new();
        for _ in 0..cli.rounds {
            rounds.push(measure_once(cli, &scenario).await?);
        }
        let options = serde_json::to_value(&scenario)?;
        let scenario = scenario.name().to_owned();
        let report = Report { scenario, system: system.clone(), options, rows: rows(&rounds)? };
        output::print(&report, machine);
        reports.push(report);
    }
    Ok(reports)
}

async fn measure_once(cli: &Cli, scenario: &Scenario) -> Result<Vec<Figure>> {
    let Some(url) = &cli.url else {
        return cli.start.measure(cli.system, cli.fsync, scenario).await;
    };
    if scenario.starts_its_own() {
        bail!("'{}' starts its own server: leave out --url", scenario.name());
    }
    let mut server = Server::running(Target::parse(url)?, cli.system, cli.pid);
    scenario.measure(&mut server, &Beside::Nothing).await
}
