//! What a scenario found: named figures, and their medians over several rounds.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::latencies::Latencies;

/// One thing that was measured once.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    name: String,
    unit: &'static str,
    value: f64,
    floor: Option<Floor>,
}

/// What the project wants at least; told beside the figure, never a reason to fail.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Floor {
    AtLeast(f64),
    AtMost(f64),
}

impl Floor {
    pub(crate) fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(floor) => value >= floor,
            Self::AtMost(floor) => value <= floor,
        }
    }
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, value: f64) -> Self {
        Self { name: name.into(), unit, value, floor: None }
    }

    /// None where the project wants nothing, as of a peer.
    pub(crate) fn floor(self, floor: impl Into<Option<Floor>>) -> Self {
        Self { floor: floor.into(), ..self }
    }

    /// Median and 99th percentile.
    pub(crate) fn of_latencies(name: &str, latencies: &mut Latencies) -> [Self; 2] {
        [(0.5, "p50"), (0.99, "p99")]
            .map(|(share, word)| Self::new(format!("{name} {word}"), "ms", latencies.quantile_ms(share)))
    }
}

/// One thing that was measured in every round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) median: f64,
    pub(crate) rounds: Vec<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) floor: Option<Floor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) floor_holds: Option<bool>,
}

impl Row {
    pub(crate) fn lowest(&self) -> f64 {
        self.rounds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn highest(&self) -> f64 {
        self.rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// Puts the rounds side by side; each must have measured the same things.
pub(crate) fn rows(rounds: &[Vec<Figure>]) -> Result<Vec<Row>> {
    let Some(first) = rounds.first() else { return Ok(Vec::new()) };
    let row = |place: usize, figure: &Figure| {
        let mut values = Vec::with_capacity(rounds.len());
        for round in rounds {
            match round.get(place) {
                Some(same) if same.name == figure.name => values.push(same.value),
                _ => bail!("'{}' was not measured in every round", figure.name),
            }
        }
        let median = median(&values);
        Ok(Row {
            name: figure.name.clone(),
            unit: figure.unit.to_owned(),
            median,
            rounds: values,
            floor: figure.floor,
            floor_holds: figure.floor.map(|floor| floor.holds(median)),
        })
    };
    first.iter().enumerate().map(|(place, figure)| row(place, figure)).collect()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let upper = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[upper],
        _ => f64::midpoint(sorted[upper - 1], sorted[upper]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(values: &[f64]) -> Vec<Vec<Figure>> {
        values.iter().map(|value| vec![Figure::new("rate", "/s", *value).floor(Floor::AtLeast(15.0))]).collect()
    }

    /// Goal: the median over the rounds is what is told and held against the floor.
    #[test]
    fn medians() {
        let odd = rows(&rates(&[30.0, 10.0, 20.0])).unwrap();
        assert_eq!((odd[0].median, odd[0].floor_holds), (20.0, Some(true)));
        let even = rows(&rates(&[30.0, 10.0, 14.0, 11.0])).unwrap();
        assert_eq!((even[0].median, even[0].floor_holds), (12.5, Some(false)));
    }

    /// Goal: rounds that measured different things are not mixed.
    #[test]
    fn rounds_must_agree() {
        let mut rounds = rates(&[1.0, 2.0]);
        rounds[1] = vec![Figure::new("other", "/s", 2.0)];
        assert!(rows(&rounds).is_err());
    }
}
