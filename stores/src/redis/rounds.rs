//! What a process knows of the partitions between two questions: where the bell rang, and until when no claim can die.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use caudal_engine::ports::Clock;

use super::layout::MOST_PARTITIONS;
use super::settings::StoreTime;
use super::store::millis;

#[derive(Debug, Default)]
struct Partition {
    rung: AtomicBool,
    /// No lease runs out before this moment.
    safe_until: AtomicI64,
}

pub(super) struct Rounds {
    partitions: Vec<Partition>,
    /// Where the next claim begins.
    turn: AtomicUsize,
    lease: i64,
    began: Instant,
    /// A test's clock.
    turned: Option<Arc<dyn Clock>>,
}

impl Rounds {
    pub(super) fn new(lease: Duration, time: StoreTime, clock: Arc<dyn Clock>) -> Self {
        let mut partitions = Vec::new();
        partitions.resize_with(usize::from(MOST_PARTITIONS), Partition::default);
        let turn = AtomicUsize::new(usize::from(rand::random::<u16>()));
        let turned = (time == StoreTime::Process).then_some(clock);
        Self { partitions, turn, lease: millis(lease), began: Instant::now(), turned }
    }

    /// A point in time that only this process compares.
    pub(super) fn moment(&self) -> i64 {
        match &self.turned {
            Some(clock) => clock.now().as_millis(),
            None => millis(self.began.elapsed()),
        }
    }

    /// Something may be due there.
    pub(super) fn ring(&self, partition: u16) {
        if let Some(partition) = self.partitions.get(usize::from(partition)) {
            partition.rung.store(true, Ordering::Release);
        }
    }

    pub(super) fn has_rung(&self, partition: u16) -> bool {
        self.partitions.get(usize::from(partition)).is_none_or(|known| known.rung.load(Ordering::Acquire))
    }

    /// It is being asked.
    pub(super) fn quiet(&self, partition: u16) {
        if let Some(partition) = self.partitions.get(usize::from(partition)) {
            partition.rung.store(false, Ordering::Release);
        }
    }

    /// In which order to ask: where the bell rang, then the others in turn.
    pub(super) fn order(&self, count: u16) -> Vec<u16> {
        let start = self.turn.fetch_add(1, Ordering::Relaxed) % usize::from(count.max(1));
        let start = u16::try_from(start).unwrap_or(0);
        let mut order: Vec<u16> = (start..count).chain(0..start).collect();
        if count > 1 {
            order.sort_by_key(|partition| !self.has_rung(*partition));
        }
        order
    }

    /// A partition was asked at this moment, and its first lease had so long to go. One given later lives longer.
    pub(super) fn saw_leases(&self, partition: u16, asked: i64, first: Option<i64>) {
        if let Some(partition) = self.partitions.get(usize::from(partition)) {
            let safe = first.unwrap_or(self.lease).min(self.lease);
            partition.safe_until.store(asked.saturating_add(safe), Ordering::Release);
        }
    }

    /// Whether a claim may have died there.
    pub(super) fn may_need_rescue(&self, partition: u16) -> bool {
        let safe_until = self.partitions.get(usize::from(partition)).map(|known| &known.safe_until);
        safe_until.is_none_or(|until| until.load(Ordering::Acquire) <= self.moment())
    }

    /// The server was away: nothing that was known holds.
    pub(super) fn forget(&self) {
        for partition in &self.partitions {
            partition.safe_until.store(i64::MIN, Ordering::Release);
            partition.rung.store(true, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use caudal_engine::testing::clock::TestClock;

    use super::*;

    /// Goal: who rang is asked first, everybody is asked, and each begins once.
    #[test]
    fn the_bell_names_who_is_first() {
        let clock = Arc::new(TestClock::default());
        let rounds = Rounds::new(Duration::from_secs(2), StoreTime::Process, clock.clone());
        let firsts: std::collections::BTreeSet<u16> = (0..4).map(|_| rounds.order(4)[0]).collect();
        assert_eq!(firsts.len(), 4);
        rounds.ring(2);
        for _ in 0..4 {
            let mut order = rounds.order(4);
            assert_eq!(order[0], 2);
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2, 3]);
        }
        rounds.quiet(2);
        assert!((0..4).any(|_| rounds.order(4)[0] != 2));
    }

    /// Goal: nobody asks for dead claims before one can have died.
    #[test]
    fn leases_say_when_to_look() {
        let clock = Arc::new(TestClock::default());
        let rounds = Rounds::new(Duration::from_secs(2), StoreTime::Process, clock.clone());
        assert!(rounds.may_need_rescue(0));
        rounds.saw_leases(0, rounds.moment(), Some(500));
        rounds.saw_leases(1, rounds.moment(), None);
        assert!(!rounds.may_need_rescue(0) && !rounds.may_need_rescue(1));
        clock.advance(Duration::from_millis(500));
        assert!(rounds.may_need_rescue(0) && !rounds.may_need_rescue(1));
        clock.advance(Duration::from_millis(1_500));
        assert!(rounds.may_need_rescue(1), "a claim may have been given right after");
        rounds.saw_leases(1, rounds.moment(), None);
        rounds.forget();
        assert!(rounds.may_need_rescue(1));
    }
}
