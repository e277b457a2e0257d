//! Where the bell rang for notifications: as [`Rounds`] for tasks, once for each channel.

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::notification::Channel;
use caudal_engine::ports::Clock;

use super::super::rounds::Rounds;
use super::super::settings::StoreTime;

pub(in super::super) struct OutboxRounds([Rounds; Channel::ALL.len()]);

impl OutboxRounds {
    pub(in super::super) fn new(lease: Duration, time: StoreTime, clock: &Arc<dyn Clock>) -> Self {
        Self(Channel::ALL.map(|_| Rounds::new(lease, time, clock.clone())))
    }

    pub(in super::super) fn of(&self, channel: Channel) -> &Rounds {
        &self.0[channel as usize]
    }

    pub(in super::super) fn forget(&self) {
        self.0.iter().for_each(Rounds::forget);
    }
}
