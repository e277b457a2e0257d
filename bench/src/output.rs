//! What people and programs get: a table, and JSON in a file.

use std::path::Path;

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table};
use serde::{Deserialize, Serialize};

use crate::compare::{Comparison, Ratio};
use crate::figures::{Floor, Row};
use crate::machine::Machine;
use crate::provider::unix_micros;

/// All that one scenario found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) scenario: String,
    pub(crate) system: String,
    /// With what it was called.
    pub(crate) options: serde_json::Value,
    pub(crate) rows: Vec<Row>,
}

/// What one call of this program found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) machine: Machine,
    /// As it was typed, without where things lie here.
    pub(crate) command: String,
    /// Of this program; the binary that was measured may be another's.
    pub(crate) commit: String,
    /// Seconds of Unix time.
    pub(crate) at: u64,
    pub(crate) reports: Vec<Report>,
    pub(crate) comparisons: Vec<Comparison>,
}

impl Document {
    pub(crate) fn of(machine: Machine) -> Self {
        let mut words: Vec<String> = Vec::new();
        for word in std::env::args().skip(1) {
            // A path goes, and the flag before it.
            match word.contains('/') {
                true => drop(words.pop_if(|flag| flag.starts_with("--"))),
                false => words.push(word),
            }
        }
        let git = std::process::Command::new("git")
            .args(["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "--short", "HEAD"])
            .output();
        let commit = git.map(|git| String::from_utf8_lossy(&git.stdout).trim().to_owned()).unwrap_or_default();
        Self {
            machine,
            command: format!("caudal-bench {}", words.join(" ")),
            commit,
            at: unix_micros() / 1_000_000,
            reports: Vec::new(),
            comparisons: Vec::new(),
        }
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self)?;
        std::fs::write(path, json).with_context(|| format!("{} cannot be written", path.display()))
    }
}

#[expect(clippy::print_stdout, reason = "a table is what people get")]
pub(crate) fn print(report: &Report, machine: &Machine) {
    let rounds = report.rows.first().map_or(0, |row| row.rounds.len());
    let word = if rounds == 1 { "round" } else { "rounds" };
    let Report { scenario, system, rows, .. } = report;
    println!("\n{scenario} of {system}: medians of {rounds} {word} ({})\n{}", machine.sentence(), table(rows));
}

#[expect(clippy::print_stdout, reason = "a table is what people get")]
pub(crate) fn print_comparison(comparison: &Comparison) {
    let mut table = Table::new();
    let names = comparison.contenders.iter().map(|one| one.name.clone());
    let ratios = comparison.ratios.iter().map(|ratio| ratio_title(comparison, ratio));
    let head = ["what".to_owned(), "unit".to_owned()].into_iter().chain(names).chain(ratios);
    table.set_header(head.chain(["our floor".to_owned()]));
    for (name, unit) in comparison.figures() {
        let medians = comparison.contenders.iter().map(|one| one.row(name).map_or_else(String::new, spread));
        let ratios = comparison.ratios.iter().map(|ratio| comparison.told_ratio(ratio, name).unwrap_or_default());
        let line = [name.to_owned(), unit.to_owned()].into_iter().chain(medians).chain(ratios);
        table.add_row(line.chain([comparison.floor(name)]));
    }
    println!("\n{}: medians (lowest – highest)\n{table}", comparison.scenario);
    for contender in &comparison.contenders {
        for failure in &contender.failures {
            println!("{} could not: {failure}", contender.name);
        }
    }
}

pub(crate) fn ratio_title(comparison: &Comparison, ratio: &Ratio) -> String {
    let name = |place: usize| comparison.contenders.get(place).map_or("", |one| one.name.as_str());
    format!("{} / {}", name(ratio.ours), name(ratio.theirs))
}

pub(crate) fn times(ratio: f64) -> String {
    format!("{} ×", number(ratio))
}

/// The median, and from where to where the rounds went.
pub(crate) fn spread(row: &Row) -> String {
    match row.rounds.len() {
        0 | 1 => number(row.median),
        _ => format!("{} ({} – {})", number(row.median), number(row.lowest()), number(row.highest())),
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.set_header(["what", "median", "unit", "lowest", "highest", "floor"]);
    for row in rows {
        table.add_row([
            row.name.clone(),
            number(row.median),
            row.unit.clone(),
            number(row.lowest()),
            number(row.highest()),
            floor(row),
        ]);
    }
    for column in [1, 3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

pub(crate) fn floor(row: &Row) -> String {
    row.floor.map(|floor| told_floor(floor, row.floor_holds == Some(true))).unwrap_or_default()
}

pub(crate) fn told_floor(floor: Floor, holds: bool) -> String {
    let word = if holds { "yes" } else { "NO" };
    match floor {
        Floor::AtLeast(floor) => format!(">= {}: {word}", number(floor)),
        Floor::AtMost(floor) => format!("<= {}: {word}", number(floor)),
    }
}

/// As many digits as can be trusted: three, or all before the point.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        middle if middle >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a row says what was measured, how far apart the rounds were, and whether the floor holds.
    #[test]
    fn rows_of_the_table() {
        let row = Row {
            name: "tasks".into(),
            unit: "/s".into(),
            median: 1234.5,
            rounds: vec![1200.0, 1234.5, 9.876],
            floor: Some(Floor::AtLeast(1500.0)),
            floor_holds: Some(false),
        };
        let text = table(&[row]).to_string();
        let words: Vec<&str> = text.lines().find(|line| line.contains("tasks")).unwrap().split_whitespace().collect();
        assert_eq!(words.join(" "), "| tasks | 1234 | /s | 9.88 | 1234 | >= 1500: NO |");
    }
}
