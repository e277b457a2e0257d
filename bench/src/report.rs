//! `report`: a page of what measurements wrote down. What stands outside of its two marks is written by people and stays.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::compare::Comparison;
use crate::output::{Document, Report, floor, ratio_title, spread};

const BEGIN: &str = "<!-- figures: written by `caudal-bench report`, not by hand -->";
const END: &str = "<!-- end of figures -->";

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// What --json wrote
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The page whose figures are replaced
    #[arg(long, default_value = "docs/performance.md")]
    page: PathBuf,
}

pub(crate) fn write(options: &Options) -> Result<()> {
    let mut figures = String::new();
    for file in &options.files {
        let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let document: Document =
            serde_json::from_slice(&bytes).with_context(|| format!("{} is not what --json wrote", file.display()))?;
        tell_document(&mut figures, &document)?;
    }
    let page = std::fs::read_to_string(&options.page).unwrap_or_default();
    std::fs::write(&options.page, replaced(&page, &figures))
        .with_context(|| format!("{} cannot be written", options.page.display()))
}

/// The page with other figures between its marks; a page without marks gets them at its end.
fn replaced(page: &str, figures: &str) -> String {
    let (before, rest) = page.split_once(BEGIN).unwrap_or((page, ""));
    let after = rest.split_once(END).map_or("\n", |(_, after)| after);
    format!("{before}{BEGIN}\n\n{figures}{END}{after}")
}

fn tell_document(page: &mut String, document: &Document) -> Result<()> {
    let Document { machine, command, commit, .. } = document;
    writeln!(page, "## `{command}`\n\n{}; commit {commit}.\n", machine.sentence())?;
    let mut versions: Vec<String> = Vec::new();
    for contender in document.comparisons.iter().flat_map(|comparison| &comparison.contenders) {
        if !contender.version.is_empty() && !versions.contains(&contender.version) {
            versions.push(contender.version.clone());
        }
    }
    if !versions.is_empty() {
        writeln!(page, "Versions: {}.\n", versions.join("; "))?;
    }
    document.comparisons.iter().try_for_each(|comparison| tell_comparison(page, comparison))?;
    document.reports.iter().try_for_each(|report| tell_report(page, report))
}

fn tell_comparison(page: &mut String, comparison: &Comparison) -> Result<()> {
    let names = comparison.contenders.iter().map(|one| one.name.clone());
    let ratios = comparison.ratios.iter().map(|ratio| ratio_title(comparison, ratio));
    let head = ["what".to_owned(), "unit".to_owned()].into_iter().chain(names).chain(ratios);
    let mut lines = vec![head.chain(["our floor".to_owned()]).collect()];
    for (name, unit) in comparison.figures() {
        let medians = comparison.contenders.iter().map(|one| one.row(name).map_or_else(|| "–".to_owned(), spread));
        let ratios =
            comparison.ratios.iter().map(|ratio| comparison.told_ratio(ratio, name).unwrap_or_else(|| "–".to_owned()));
        let line = [name.to_owned(), unit.to_owned()].into_iter().chain(medians).chain(ratios);
        lines.push(line.chain([comparison.floor(name)]).collect());
    }
    tell_table(page, &comparison.scenario, &lines)?;
    for contender in comparison.contenders.iter().filter(|contender| !contender.failures.is_empty()) {
        let first = contender.failures.first().map(|failure| in_short(failure)).unwrap_or_default();
        writeln!(page, "{} failed in {} rounds: {first}\n", contender.name, contender.failures.len())?;
    }
    Ok(())
}

/// What failed, and the last words of whatever did: these name the error.
fn in_short(failure: &str) -> String {
    let mut lines = failure.lines().map(str::trim).filter(|line| !line.is_empty());
    match (lines.next().unwrap_or_default(), lines.next_back()) {
        (first, Some(last)) => format!("{first} … {last}"),
        (first, None) => first.to_owned(),
    }
}

fn tell_report(page: &mut String, report: &Report) -> Result<()> {
    let mut lines: Vec<Vec<String>> = vec![["what", "unit", "median", "floor"].map(str::to_owned).into()];
    for row in &report.rows {
        lines.push(vec![row.name.clone(), row.unit.clone(), spread(row), floor(row)]);
    }
    tell_table(page, &format!("{} of {}", report.scenario, report.system), &lines)
}

fn tell_table(page: &mut String, title: &str, lines: &[Vec<String>]) -> Result<()> {
    writeln!(page, "### {title}\n")?;
    for (number, line) in lines.iter().enumerate() {
        writeln!(page, "| {} |", line.join(" | "))?;
        if number == 0 {
            writeln!(page, "|{}", "---|".repeat(line.len()))?;
        }
    }
    Ok(writeln!(page)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a failure is told with the error at its end, once.
    #[test]
    fn failures_name_their_error() {
        assert_eq!(in_short("it ended badly:\nready\n  Error: in use \n\n"), "it ended badly: … Error: in use");
        assert_eq!((in_short("no answer\n"), in_short("")), ("no answer".to_owned(), String::new()));
    }

    /// Goal: only the figures are replaced, and a page without marks gets some.
    #[test]
    fn figures_are_replaced() {
        let first = replaced("# Page\n", "old\n");
        assert_eq!(first, format!("# Page\n{BEGIN}\n\nold\n{END}\n"));
        let page = format!("{first}Written by people.\n");
        assert_eq!(replaced(&page, "new\n"), page.replace("old", "new"));
    }
}
