//! How fast one watcher may be sent snapshots: 512 KiB a second, counted so that a snapshot is never cut and never
//! kept: after one of n bytes the next, whichever is the newest then, may go n / 512 KiB seconds later.

use std::time::{Duration, Instant};

const BYTES_PER_SECOND: u64 = 512 * 1024;

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Pace {
    not_before: Option<Instant>,
}

impl Pace {
    pub(super) fn spend(&mut self, bytes: usize) {
        self.spend_at(bytes, Instant::now());
    }

    /// When the next may go, if that is not now.
    pub(super) fn wait_until(&self) -> Option<Instant> {
        self.not_before.filter(|at| *at > Instant::now())
    }

    fn spend_at(&mut self, bytes: usize, now: Instant) {
        let micros = (bytes as u64).saturating_mul(1_000_000) / BYTES_PER_SECOND;
        let from = self.not_before.map_or(now, |at| at.max(now));
        self.not_before = Some(from + Duration::from_micros(micros));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: whatever the sizes, no more than 512 KiB go in a second, besides the one that is being sent.
    #[test]
    fn never_faster() {
        let start = Instant::now();
        let mut pace = Pace::default();
        let mut now = start;
        let mut sent = 0u64;
        for bytes in [1, 300_000, 524_288, 7, 90_000, 400_000, 524_288] {
            pace.spend_at(bytes, now);
            sent += bytes as u64;
            now = pace.not_before.unwrap();
            let allowed = (now - start).as_micros() as u64 * BYTES_PER_SECOND / 1_000_000;
            assert!(sent <= allowed + 16, "{sent} bytes, {allowed} allowed");
        }
    }
}
