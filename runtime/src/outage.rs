//! A line that cannot be reached: how long to wait before the next try, and one line in the log per outage.

use std::fmt::Display;
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(crate) struct Outage(Option<Failing>);

#[derive(Debug)]
struct Failing {
    since: Instant,
    failures: u32,
}

impl Outage {
    /// Another failure. Returns how long to wait.
    pub(crate) fn failed(&mut self, error: &dyn Display) -> Duration {
        let failing = self.0.get_or_insert_with(|| {
            tracing::warn!(error = %error, "claiming fails; trying again until it works");
            Failing { since: Instant::now(), failures: 0 }
        });
        let pause = FIRST_PAUSE.saturating_mul(1 << failing.failures.min(16)).min(LONGEST_PAUSE);
        failing.failures = failing.failures.saturating_add(1);
        // Full pauses would bring all workers back in step.
        pause.mul_f64(rand::random_range(0.5..=1.0))
    }

    pub(crate) fn over(&mut self) {
        if let Some(failing) = self.0.take() {
            let duration_ms = u64::try_from(failing.since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(duration_ms, failures = failing.failures, "claiming works again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: pauses grow from 50 ms to 2 s, never by more than jitter allows, and begin anew after a success.
    #[test]
    fn pauses_grow_and_begin_anew() {
        let mut outage = Outage::default();
        for expected in [50, 100, 200, 400, 800, 1600, 2000, 2000, 2000] {
            let expected = Duration::from_millis(expected);
            let pause = outage.failed(&"down");
            assert!(pause <= expected && pause >= expected / 2, "{pause:?} instead of about {expected:?}");
        }
        outage.over();
        assert!(outage.failed(&"down") <= FIRST_PAUSE);
    }
}
