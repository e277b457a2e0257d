//! Planned trouble: at one write of a running task the process dies, just before it is applied or just after; or the
//! store is away for some writes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(super) struct CrashPlan {
    writes: AtomicU64,
    /// Which write; 0 is none.
    at: AtomicU64,
    applied: AtomicBool,
    crashed: AtomicBool,
    outage: AtomicU64,
    refused_lists: AtomicU64,
    no_room: AtomicBool,
}

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Answered,
    /// Applied, but nobody hears of it.
    AppliedUnheard,
    /// Never arrived.
    Lost,
    /// Refused with a store error, applied or not.
    Refused {
        applied: bool,
    },
}

impl CrashPlan {
    pub(super) fn set(&self, at: u64, applied: bool) {
        self.at.store(at, Ordering::SeqCst);
        self.applied.store(applied, Ordering::SeqCst);
    }

    /// The next writes are answered with a store error, in turn after and before they are applied.
    pub(super) fn set_outage(&self, writes: u64) {
        self.outage.store(writes, Ordering::SeqCst);
    }

    pub(super) fn set_refused_lists(&self, lists: u64) {
        self.refused_lists.store(lists, Ordering::SeqCst);
    }

    pub(super) fn refuses_list(&self) -> bool {
        let next = |left: u64| left.checked_sub(1);
        self.refused_lists.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_ok()
    }

    pub(super) fn set_no_room(&self, no_room: bool) {
        self.no_room.store(no_room, Ordering::SeqCst);
    }

    pub(super) fn has_room(&self) -> bool {
        !self.no_room.load(Ordering::SeqCst)
    }

    pub(super) fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    pub(super) fn has_crashed(&self) -> bool {
        self.crashed.load(Ordering::SeqCst)
    }

    /// True once, after the crash.
    pub(super) fn take_crashed(&self) -> bool {
        self.crashed.swap(false, Ordering::SeqCst)
    }

    pub(super) fn next(&self) -> Fate {
        if self.crashed.load(Ordering::SeqCst) {
            return Fate::Lost;
        }
        let left = self.outage.load(Ordering::SeqCst);
        if left > 0 {
            self.outage.store(left - 1, Ordering::SeqCst);
            return Fate::Refused { applied: left.is_multiple_of(2) };
        }
        let number = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        if number != self.at.load(Ordering::SeqCst) {
            return Fate::Answered;
        }
        self.crashed.store(true, Ordering::SeqCst);
        if self.applied.load(Ordering::SeqCst) { Fate::AppliedUnheard } else { Fate::Lost }
    }
}
