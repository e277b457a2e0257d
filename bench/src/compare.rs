//! `compare`: ours and a peer, each scenario in turn, round after round, so that both meet the same machine and hour.
//!
//! ```text
//! scenario → round → each contender, the order turned by one each round → medians side by side → ratios
//! ```
//! What a contender cannot do is told in its words and stops nobody.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::contenders::{Start, install};
use crate::figures::{Figure, Floor, Row, rows};
use crate::output;
use crate::scenarios::{Compared, Scenario};
use crate::server::{Fsync, System};
use crate::yardstick::floor_beside;

const TRIES: usize = 2;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// With whom
    #[arg(long, value_enum, default_value = "bullmq")]
    peer: System,
    /// Compare Redis + Postgres mode, and not the one process with its data folder
    #[arg(long)]
    redis: bool,
    /// When Redis flushes, on both sides
    #[arg(long, value_enum, value_delimiter = ',', default_value = "everysec,always")]
    appendfsync: Vec<Fsync>,
    /// What is compared
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "latency,throughput,posts,killed,watchers,own-tasks"
    )]
    rows: Vec<Compared>,
}

#[derive(Debug, Clone, Copy)]
struct Contender {
    system: System,
    fsync: Fsync,
}

/// What one scenario found of all contenders.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Comparison {
    pub(crate) scenario: String,
    pub(crate) options: serde_json::Value,
    /// Ours first.
    pub(crate) contenders: Vec<Compete>,
    /// Which of ours against which of theirs.
    pub(crate) ratios: Vec<Ratio>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Compete {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) rows: Vec<Row>,
    /// Why there are fewer rounds than were tried.
    pub(crate) failures: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ratio {
    pub(crate) ours: usize,
    pub(crate) theirs: usize,
    /// What the project wants of ours divided by theirs, by the figure's name.
    #[serde(default)]
    pub(crate) floors: BTreeMap<String, Floor>,
}

pub(crate) async fn run(options: &Options, start: &Start, rounds: u32, check: bool) -> Result<Vec<Comparison>> {
    install(options.peer).await?;
    let contenders = contenders(options);
    let mut comparisons = Vec::new();
    for compared in &options.rows {
        let scenario = compared.scenario();
        let scenario = if check { scenario.small() } else { scenario };
        let comparison = compare(&contenders, start, &scenario, rounds).await?;
        output::print_comparison(&comparison);
        comparisons.push(comparison);
    }
    Ok(comparisons)
}

fn contenders(options: &Options) -> Vec<Contender> {
    let of = |system: System| options.appendfsync.iter().map(move |fsync| Contender { system, fsync: *fsync });
    let ours: Vec<Contender> = match options.redis {
        true => of(System::Machines).collect(),
        false => vec![Contender { system: System::Embedded, fsync: Fsync::Always }],
    };
    ours.into_iter().chain(of(options.peer)).collect()
}

async fn compare(contenders: &[Contender], start: &Start, scenario: &Scenario, rounds: u32) -> Result<Comparison> {
    let mut found: Vec<(Vec<Vec<Figure>>, Vec<String>)> = contenders.iter().map(|_| Default::default()).collect();
    for round in 0..rounds as usize {
        for turn in 0..contenders.len() {
            let place = (round + turn) % contenders.len();
            let Contender { system, fsync } = contenders[place];
            // Once more after a failure: somebody may have stopped all this for a while.
            for _ in 0..TRIES {
                match start.measure(system, fsync, scenario).await {
                    Ok(figures) => {
                        found[place].0.push(figures);
                        break;
                    }
                    Err(error) => found[place].1.push(format!("{error:#}")),
                }
            }
        }
    }
    let mut competes = Vec::new();
    for (contender, (measured, failures)) in contenders.iter().zip(found) {
        competes.push(Compete {
            name: start.title(contender.system, contender.fsync),
            version: start.version(contender.system).await?,
            rows: rows(&measured)?,
            failures,
        });
    }
    let name = scenario.name().to_owned();
    let options = serde_json::to_value(scenario)?;
    let mut comparison = Comparison { scenario: name, options, contenders: competes, ratios: ratios(contenders) };
    comparison.ask_floors(contenders);
    Ok(comparison)
}

/// One process is held against each of the peer's; over Redis only what flushes alike is compared.
fn ratios(contenders: &[Contender]) -> Vec<Ratio> {
    let mut ratios = Vec::new();
    for (ours, one) in contenders.iter().enumerate().filter(|(_, one)| one.system.is_ours()) {
        for (theirs, other) in contenders.iter().enumerate().filter(|(_, other)| !other.system.is_ours()) {
            if one.system == System::Embedded || one.fsync == other.fsync {
                ratios.push(Ratio { ours, theirs, floors: BTreeMap::new() });
            }
        }
    }
    ratios
}

impl Comparison {
    fn ask_floors(&mut self, contenders: &[Contender]) {
        let names: Vec<String> = self.figures().into_iter().map(|(name, _)| name.to_owned()).collect();
        for ratio in &mut self.ratios {
            let (ours, theirs) = (contenders[ratio.ours].system, contenders[ratio.theirs].system);
            let floor = |name: &String| Some((name.clone(), floor_beside(theirs, ours, &self.scenario, name)?));
            ratio.floors = names.iter().filter_map(floor).collect();
        }
    }

    /// Ours divided by theirs, and whether that is what the project wants. None where one of them has no such figure.
    pub(crate) fn told_ratio(&self, ratio: &Ratio, name: &str) -> Option<String> {
        let value = self.ratio(ratio, name)?;
        let told = output::times(value);
        Some(match ratio.floors.get(name) {
            Some(floor) => format!("{told} ({})", output::told_floor(*floor, floor.holds(value))),
            None => told,
        })
    }

    /// What the project wants of this figure, and whether each of ours has it.
    pub(crate) fn floor(&self, name: &str) -> String {
        let told = self.contenders.iter().filter_map(|one| one.row(name)).map(output::floor);
        told.filter(|floor| !floor.is_empty()).collect::<Vec<_>>().join("; ")
    }

    /// The figures that somebody has, in the order in which they are first met.
    pub(crate) fn figures(&self) -> Vec<(&str, &str)> {
        let mut names: Vec<(&str, &str)> = Vec::new();
        for row in self.contenders.iter().flat_map(|contender| &contender.rows) {
            if !names.iter().any(|(name, _)| *name == row.name) {
                names.push((&row.name, &row.unit));
            }
        }
        names
    }

    /// Ours divided by theirs.
    pub(crate) fn ratio(&self, ratio: &Ratio, name: &str) -> Option<f64> {
        let median = |place: usize| Some(self.contenders.get(place)?.row(name)?.median);
        let (ours, theirs) = (median(ratio.ours)?, median(ratio.theirs)?);
        (theirs != 0.0).then(|| ours / theirs)
    }
}

impl Compete {
    pub(crate) fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what is wanted beside a peer is held against the ratio, and is another for each of ours.
    #[test]
    fn ratios_are_held_against_floors() {
        let contenders = [System::Embedded, System::Machines, System::Bullmq]
            .map(|system| Contender { system, fsync: Fsync::Always });
        let compete = |rate: f64| Compete {
            name: String::new(),
            version: String::new(),
            rows: rows(&[vec![Figure::new("tasks", "/s", rate)]]).unwrap(),
            failures: Vec::new(),
        };
        let competes = [150.0, 150.0, 100.0].map(compete).into();
        let mut comparison = Comparison {
            scenario: "throughput".to_owned(),
            options: serde_json::Value::Null,
            contenders: competes,
            ratios: ratios(&contenders),
        };
        comparison.ask_floors(&contenders);
        let told: Vec<_> = comparison.ratios.iter().filter_map(|ratio| comparison.told_ratio(ratio, "tasks")).collect();
        assert_eq!(told, ["1.50 × (>= 2.00: NO)", "1.50 × (>= 1.30: yes)"]);
    }
}
