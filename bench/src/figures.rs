//! Figures: what was measured in each round, its median, and what was promised.

use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Report {
    scenario: String,
    figures: Vec<Figure>,
}

#[derive(Serialize)]
pub(crate) struct Figure {
    name: &'static str,
    unit: &'static str,
    median: f64,
    rounds: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promise: Option<Promise>,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Promise {
    AtLeast(f64),
    AtMost(f64),
}

impl Promise {
    fn is_kept(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

impl Report {
    pub(crate) fn new(scenario: Option<String>) -> Self {
        Self { scenario: scenario.unwrap_or_default(), figures: Vec::new() }
    }

    /// Nothing is said where nothing was measured.
    pub(crate) fn add(&mut self, name: &'static str, unit: &'static str, rounds: Vec<f64>, promise: Option<Promise>) {
        if let Some(median) = percentile(&rounds, 50.0) {
            self.figures.push(Figure { name, unit, median, rounds, promise });
        }
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.figures.iter().all(|figure| figure.promise.is_none_or(|promise| promise.is_kept(figure.median)))
    }

    pub(crate) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    #[expect(clippy::print_stdout, reason = "the result of a command is written here")]
    pub(crate) fn print(&self) {
        println!("{}", self.scenario);
        for figure in &self.figures {
            let promise = match figure.promise {
                None => String::new(),
                Some(promise) => {
                    let (sign, bound) = match promise {
                        Promise::AtLeast(least) => ("≥", least),
                        Promise::AtMost(most) => ("≤", most),
                    };
                    let word = if promise.is_kept(figure.median) { "kept" } else { "MISSED" };
                    format!("   promised {sign} {bound}: {word}")
                }
            };
            println!("  {:<34}{:>12.2} {:<10}{promise}", figure.name, figure.median, figure.unit);
        }
    }
}

/// The value below which so many percent lie: the nearest one that was measured.
pub(crate) fn percentile(values: &[f64], percent: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let place = (percent / 100.0 * last as f64).round() as usize;
    sorted.get(place.min(last)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: percentiles are values that were measured, at the right place.
    #[test]
    fn percentiles_are_measured_values() {
        let values: Vec<f64> = (1..=101).rev().map(f64::from).collect();
        assert_eq!((percentile(&values, 50.0), percentile(&values, 99.0)), (Some(51.0), Some(100.0)));
        assert_eq!((percentile(&[], 50.0), percentile(&[7.0], 99.0)), (None, Some(7.0)));
    }

    /// Goal: one missed promise is enough, and what was not measured promises nothing.
    #[test]
    fn promises_are_held_against_medians() {
        let mut report = Report::new(None);
        report.add("rate", "1/s", vec![1.0, 5.0, 9.0], Some(Promise::AtLeast(5.0)));
        report.add("nothing", "s", Vec::new(), Some(Promise::AtMost(0.0)));
        assert!(report.is_kept());
        report.add("time", "ms", vec![3.1], Some(Promise::AtMost(3.0)));
        assert!(!report.is_kept());
    }
}
