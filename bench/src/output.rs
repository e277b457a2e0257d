//! What people and programs get: a table, and JSON in a file.

use std::path::Path;

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use crate::figures::{Floor, Row};
use crate::machine::Machine;

/// All that one scenario found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) scenario: &'static str,
    /// With what it was called.
    pub(crate) options: serde_json::Value,
    pub(crate) rows: Vec<Row>,
}

#[derive(Serialize)]
struct Document<'a> {
    machine: &'a Machine,
    reports: &'a [Report],
}

#[expect(clippy::print_stdout, reason = "the one place that prints")]
pub(crate) fn print(report: &Report, machine: &Machine) {
    let rounds = report.rows.first().map_or(0, |row| row.rounds.len());
    println!("\n{}: medians of {rounds} (on {})\n{}", report.scenario, machine.sentence(), table(&report.rows));
}

pub(crate) fn write_json(path: &Path, machine: &Machine, reports: &[Report]) -> Result<()> {
    let json = serde_json::to_vec_pretty(&Document { machine, reports })?;
    std::fs::write(path, json).with_context(|| format!("{} cannot be written", path.display()))
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.set_header(["what", "median", "unit", "lowest", "highest", "floor"]);
    for row in rows {
        let lowest = row.rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = row.rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        table.add_row([
            row.name.clone(),
            number(row.median),
            row.unit.to_owned(),
            number(lowest),
            number(highest),
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

fn floor(row: &Row) -> String {
    let word = if row.floor_holds == Some(true) { "yes" } else { "NO" };
    match row.floor {
        None => String::new(),
        Some(Floor::AtLeast(floor)) => format!(">= {}: {word}", number(floor)),
        Some(Floor::AtMost(floor)) => format!("<= {}: {word}", number(floor)),
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
            unit: "/s",
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
