//! Entries that are taken in but not folded: while nobody looks at the view it need not be known.

use caudal_engine::task::LogEntry;

use super::pump::PAGE_BYTES;

/// More than this is folded although nobody looks.
const MOST_ENTRIES: usize = 256;
const MOST_BYTES: usize = PAGE_BYTES;

#[derive(Debug, Default)]
pub(super) struct Unfolded {
    entries: Vec<LogEntry>,
    bytes: usize,
}

impl Unfolded {
    pub(super) fn add(&mut self, entries: impl Iterator<Item = LogEntry>) {
        let from = self.entries.len();
        self.entries.extend(entries);
        self.bytes += self.entries[from..].iter().map(|entry| entry.body.len()).sum::<usize>();
    }

    pub(super) fn take(&mut self) -> Vec<LogEntry> {
        self.bytes = 0;
        std::mem::take(&mut self.entries)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn is_too_much(&self) -> bool {
        self.entries.len() > MOST_ENTRIES || self.bytes > MOST_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: neither many small entries nor a few large ones are held back for long.
    #[test]
    fn bounded_by_number_and_size() {
        for (bytes, most) in [(2, MOST_ENTRIES), (MOST_BYTES / 4, 4)] {
            let mut unfolded = Unfolded::default();
            let entries = |from: usize, to: usize| (from..to).map(|seq| LogEntry::new(seq as u64, "x".repeat(bytes)));
            unfolded.add(entries(0, most));
            assert!(!unfolded.is_too_much());
            unfolded.add(entries(most, most + 1));
            assert!(unfolded.is_too_much());
            assert_eq!(unfolded.take().len(), most + 1);
            assert!(unfolded.is_empty() && !unfolded.is_too_much());
        }
    }
}
