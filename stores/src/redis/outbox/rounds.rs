//! Where the bell rang for notifications: as [`Rounds`] for tasks, once for each channel; and when the next of each channel
//! is due, as far as it was seen lately, by whichever question.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caudal_engine::notification::Channel;
use caudal_engine::ports::Clock;

use super::super::rounds::Rounds;
use super::super::settings::StoreTime;

/// How long a look is believed, in milliseconds, if no bell rings. A little more than the second in which everybody
/// looks again: of those that look in turn the first looks for all.
const BELIEVED: i64 = 1_100;

/// One claim in so many begins with the partition whose turn it is, whatever has rung: where a burst rings without end it
/// would be the only one that is asked, and those elsewhere whose time has come ring no bell.
const FAIR: usize = 8;

/// When the next of each channel is due, as offsets from the moment of the question.
pub(in super::super) type Dues = [Option<i64>; Channel::ALL.len()];

struct Look {
    asked: i64,
    dues: Dues,
}

pub(in super::super) struct OutboxRounds {
    rounds: [Rounds; Channel::ALL.len()],
    claims: [AtomicUsize; Channel::ALL.len()],
    looks: Mutex<HashMap<u16, Look>>,
}

impl OutboxRounds {
    pub(in super::super) fn new(lease: Duration, time: StoreTime, clock: &Arc<dyn Clock>) -> Self {
        let rounds = Channel::ALL.map(|_| Rounds::new(lease, time, clock.clone()));
        Self { rounds, claims: Default::default(), looks: Mutex::default() }
    }

    pub(in super::super) fn of(&self, channel: Channel) -> &Rounds {
        &self.rounds[channel as usize]
    }

    /// In which order to claim from the partitions of a channel.
    pub(super) fn order(&self, channel: Channel, count: u16) -> Vec<u16> {
        let claims = self.claims[channel as usize].fetch_add(1, Ordering::Relaxed);
        match claims % FAIR {
            0 => {
                let start = u16::try_from(claims / FAIR % usize::from(count.max(1))).unwrap_or(0);
                (start..count).chain(0..start).collect()
            }
            _ => self.of(channel).order(count),
        }
    }

    /// In any channel.
    pub(in super::super) fn ring(&self, partition: u16) {
        self.rounds.iter().for_each(|rounds| rounds.ring(partition));
    }

    pub(in super::super) fn saw(&self, partition: u16, asked: i64, dues: Dues) {
        let mut looks = self.looks();
        // Answers may overtake each other.
        if looks.get(&partition).is_none_or(|known| known.asked <= asked) {
            looks.insert(partition, Look { asked, dues });
        }
    }

    /// From now on, if that is known.
    pub(super) fn next_due(&self, partition: u16, channel: Channel) -> Option<Option<i64>> {
        let now = self.of(channel).moment();
        if self.of(channel).has_rung(partition) {
            return None;
        }
        let looks = self.looks();
        let look = looks.get(&partition).filter(|look| now - look.asked < BELIEVED)?;
        Some(look.dues[channel as usize].map(|due| look.asked + due - now))
    }

    pub(in super::super) fn forget(&self) {
        self.rounds.iter().for_each(Rounds::forget);
        self.looks().clear();
    }

    fn looks(&self) -> MutexGuard<'_, HashMap<u16, Look>> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use caudal_engine::testing::clock::TestClock;

    use super::*;

    /// Goal: where the bell rings is first, but not always: everybody's turn comes.
    #[test]
    fn nobody_rings_so_loud_that_others_are_never_first() {
        let clock: Arc<dyn Clock> = Arc::new(TestClock::default());
        let rounds = OutboxRounds::new(Duration::from_secs(2), StoreTime::Process, &clock);
        rounds.ring(2);
        let mut first = [0; 4];
        for _ in 0..4 * FAIR {
            let mut order = rounds.order(Channel::Mail, 4);
            first[usize::from(order[0])] += 1;
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2, 3]);
        }
        assert_eq!(first, [1, 1, 4 * FAIR - 3, 1]);
    }

    /// Goal: one look serves all channels for a second; a ring, and time, make it worth nothing.
    #[test]
    fn one_look_serves_all_channels() {
        let clock = Arc::new(TestClock::default());
        let as_port: Arc<dyn Clock> = clock.clone();
        let rounds = OutboxRounds::new(Duration::from_secs(2), StoreTime::Process, &as_port);
        let asked = rounds.of(Channel::Mail).moment();
        assert_eq!(rounds.next_due(0, Channel::Mail), None);
        rounds.saw(0, asked, [Some(700), None]);
        clock.advance(Duration::from_millis(900));
        assert_eq!(rounds.next_due(0, Channel::Mail), Some(Some(-200)));
        assert_eq!(rounds.next_due(0, Channel::Webhook), Some(None));
        rounds.of(Channel::Webhook).ring(0);
        assert_eq!(rounds.next_due(0, Channel::Webhook), None);
        assert_eq!(rounds.next_due(0, Channel::Mail), Some(Some(-200)));
        // An answer that comes late tells of an earlier time.
        rounds.saw(0, asked - 1, [None, None]);
        assert_eq!(rounds.next_due(0, Channel::Mail), Some(Some(-200)));
        clock.advance(Duration::from_millis(300));
        assert_eq!(rounds.next_due(0, Channel::Mail), None);
    }
}
