//! The newest events of a watched task, for the readers that are up to date. Who is further behind reads the store.

use std::collections::VecDeque;
use std::sync::Arc;

use caudal_engine::task::LogEntry;

use super::frames::Burst;

const MOST_EVENTS: usize = 512;
const MOST_BYTES: usize = 512 * 1024;

#[derive(Default)]
pub(super) struct Ring {
    /// In order, without a gap; the last one's last event is the log's head.
    bursts: VecDeque<Arc<Burst>>,
    events: usize,
    bytes: usize,
}

impl Ring {
    pub(super) fn push(&mut self, entries: Vec<LogEntry>) {
        if entries.is_empty() {
            return;
        }
        self.events += entries.len();
        self.bytes += bytes_of(&entries);
        self.bursts.push_back(Arc::new(Burst::new(entries)));
        while self.bursts.len() > 1 && (self.events > MOST_EVENTS || self.bytes > MOST_BYTES) {
            let Some(oldest) = self.bursts.pop_front() else { break };
            self.events -= oldest.entries().len();
            self.bytes -= bytes_of(oldest.entries());
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The event with this number, if it is still here: its burst, and its place in it.
    pub(super) fn get(&self, seq: u64) -> Option<(&Arc<Burst>, usize)> {
        // Who is up to date wants what came last.
        let burst = self.bursts.iter().rev().find(|burst| first_of(burst) <= seq)?;
        let place = usize::try_from(seq - first_of(burst)).ok()?;
        (place < burst.entries().len()).then_some((burst, place))
    }
}

fn first_of(burst: &Burst) -> u64 {
    burst.entries().first().map_or(u64::MAX, |entry| entry.seq)
}

fn bytes_of(entries: &[LogEntry]) -> usize {
    entries.iter().map(|entry| entry.body.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the ring is bounded in number and bytes and finds an event by its number.
    #[test]
    fn bounded_and_found() {
        let mut ring = Ring::default();
        let burst = |first: u64, body: &str| (first..first + 2).map(|seq| LogEntry::new(seq, body)).collect();
        assert!(ring.get(1).is_none());
        for first in (10..2_000).step_by(2) {
            ring.push(burst(first, "{}"));
        }
        assert!(ring.get(1_999 - MOST_EVENTS as u64).is_none());
        assert!(ring.get(2_000).is_none());
        for seq in [1_500, 1_501, 1_999] {
            let (burst, place) = ring.get(seq).unwrap();
            assert_eq!(burst.entries()[place].seq, seq);
        }
        for first in (2_000..2_010).step_by(2) {
            ring.push(burst(first, &"x".repeat(MOST_BYTES / 4)));
        }
        assert!(ring.bursts.len() <= 2 && ring.get(2_009).is_some());
    }
}
