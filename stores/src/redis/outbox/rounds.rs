//! Where the bell rang for notifications: as [`Rounds`] for tasks, once for each channel; and when the next of each channel
//! is due, as far as it was seen lately, by whichever question.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caudal_engine::notification::Channel;
use caudal_engine::ports::Clock;

use super::super::rounds::Rounds;
use super::super::settings::StoreTime;

/// How long a look is believed, in milliseconds, if no bell rings. A little more than the second in which everybody
/// looks again: of those that look in turn the first looks for all.
const BELIEVED: i64 = 1_100;

/// When the next of each channel is due, as offsets from the moment of the question.
pub(in super::super) type Dues = [Option<i64>; Channel::ALL.len()];

struct Look {
    asked: i64,
    dues: Dues,
}

pub(in super::super) struct OutboxRounds {
    rounds: [Rounds; Channel::ALL.len()],
    looks: Mutex<HashMap<u16, Look>>,
}

impl OutboxRounds {
    pub(in super::super) fn new(lease: Duration, time: StoreTime, clock: &Arc<dyn Clock>) -> Self {
        let rounds = Channel::ALL.map(|_| Rounds::new(lease, time, clock.clone()));
        Self { rounds, looks: Mutex::default() }
    }

    pub(in super::super) fn of(&self, channel: Channel) -> &Rounds {
        &self.rounds[channel as usize]
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
