//! Latencies: all are kept, and sorted once when somebody asks.
//!
//! Those of a closed loop tell how fast the server answers so many clients: one that waits for a slow answer sends
//! nothing meanwhile, so that a stall is counted once per client and not once per task that would have come
//! (coordinated omission). How long strangers wait who come at a rate of their own is told by `arrivals`, where each
//! latency begins when the task was due to start and not when somebody was free to start it.

use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Latencies {
    micros: Vec<u32>,
    is_sorted: bool,
}

impl Latencies {
    pub(crate) fn record(&mut self, latency: Duration) {
        self.micros.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
        self.is_sorted = false;
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.micros.extend(other.micros);
        self.is_sorted = false;
    }

    pub(crate) fn len(&self) -> usize {
        self.micros.len()
    }

    /// In milliseconds. The smallest latency that at least this share of all does not exceed; 0 of nothing.
    pub(crate) fn quantile_ms(&mut self, share: f64) -> f64 {
        if !self.is_sorted {
            self.micros.sort_unstable();
            self.is_sorted = true;
        }
        let rank = (self.micros.len() as f64 * share).ceil() as usize;
        self.micros.get(rank.saturating_sub(1)).map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: quantiles are values that were measured, by rank.
    #[test]
    fn quantiles_by_rank() {
        let mut latencies = Latencies::default();
        assert!(latencies.quantile_ms(0.5).abs() < f64::EPSILON);
        for ms in (1..=100).rev() {
            latencies.record(Duration::from_millis(ms));
        }
        let found = [0.0, 0.5, 0.99, 1.0].map(|share| latencies.quantile_ms(share).round() as u64);
        assert_eq!(found, [1, 50, 99, 100]);
    }
}
