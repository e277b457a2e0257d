//! The newest events of a watched task, for the readers that are up to date. Who is further behind reads the store.

use std::collections::VecDeque;
use std::sync::Arc;

use caudal_engine::task::LogEntry;

use super::frames::EventFrame;

const MOST_EVENTS: usize = 512;
const MOST_BYTES: usize = 512 * 1024;

#[derive(Default)]
pub(super) struct Ring {
    /// In order, without a gap; the last is the log's head.
    frames: VecDeque<Arc<EventFrame>>,
    bytes: usize,
}

impl Ring {
    pub(super) fn push(&mut self, entry: &LogEntry) {
        self.bytes += entry.body.len();
        self.frames.push_back(EventFrame::new(entry.clone()));
        while self.frames.len() > MOST_EVENTS || (self.bytes > MOST_BYTES && self.frames.len() > 1) {
            self.bytes -= self.frames.pop_front().map_or(0, |oldest| oldest.entry.body.len());
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The event with this number, if it is still here.
    pub(super) fn get(&self, seq: u64) -> Option<&Arc<EventFrame>> {
        let first = self.frames.front()?.entry.seq;
        self.frames.get(usize::try_from(seq.checked_sub(first)?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the ring is bounded in number and bytes and finds an event by its number.
    #[test]
    fn bounded_and_found() {
        let mut ring = Ring::default();
        assert!(ring.get(1).is_none());
        for seq in 10..2_000 {
            ring.push(&LogEntry::new(seq, "{}"));
        }
        assert!(ring.get(1_999 - MOST_EVENTS as u64).is_none());
        assert!(ring.get(2_000).is_none());
        assert_eq!(ring.get(1_500).unwrap().entry.seq, 1_500);
        for seq in 2_000..2_010 {
            ring.push(&LogEntry::new(seq, "x".repeat(MOST_BYTES / 2)));
        }
        assert!(ring.frames.len() <= 2 && ring.get(2_009).is_some());
    }
}
