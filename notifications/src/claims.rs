//! A channel's side of the outbox: what to ask for, and when to ask again.
//!
//! Where the outbox is of this process, it is asked when the bell rings or the next time comes that it named; where rings
//! can be lost between processes, every second too. While the mail server is away nothing is claimed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use caudal_engine::notification::Channel;
use caudal_engine::ports::{ClaimedNotification, StoreError};
use caudal_engine::task::Timestamp;
use caudal_runtime::{Batch, Claims};

use crate::sender::Shared;
use crate::sending::{Hold, Key};
use crate::server_outage::Admits;

/// How long a lost ring can delay a notification.
const RING_MAY_BE_LOST: Duration = Duration::from_secs(1);
/// The pause after an answer that said more was due and brought nothing.
const HOLLOW_PAUSE: Duration = Duration::from_millis(50);

/// A claimed notification, written down as being sent.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) claimed: ClaimedNotification,
    pub(crate) hold: Hold,
}

pub(crate) struct OutboxClaims {
    shared: Arc<Shared>,
    channel: Channel,
    last: Mutex<LastAnswer>,
}

/// What the last answer means for when to ask again.
#[derive(Debug, Clone, Copy, Default)]
struct LastAnswer {
    next_due: Option<Timestamp>,
    hollow: bool,
    /// The server is away: nothing was asked, or one was claimed that goes first.
    held_back: bool,
    /// The one that goes first to a server that was away. As long as it is on its way no other is claimed.
    first: Option<Key>,
}

impl OutboxClaims {
    pub(crate) fn new(shared: Arc<Shared>, channel: Channel) -> Self {
        Self { shared, channel, last: Mutex::default() }
    }

    /// How many may be claimed, and whether one of them goes first.
    fn admits(&self, free: usize) -> (usize, bool) {
        match (self.channel, self.shared.outage.admits()) {
            (Channel::Webhook, _) => (free, false),
            (Channel::Mail, Admits::All) => (free, false),
            (Channel::Mail, Admits::None) => (0, false),
            (Channel::Mail, Admits::OneFirst) => (free.min(1), true),
        }
    }

    async fn time_comes(&self) {
        let last = *self.last();
        if last.held_back {
            // How the first one fares is said by the outage's end, or seen here.
            if last.first.is_some() {
                tokio::time::sleep(RING_MAY_BE_LOST).await;
            }
            return self.shared.outage.pause().await;
        }
        if last.hollow {
            return tokio::time::sleep(HOLLOW_PAUSE).await;
        }
        let ring_lost = async {
            match self.shared.outbox().outbox_lease() {
                Some(_) => tokio::time::sleep(RING_MAY_BE_LOST).await,
                None => std::future::pending().await,
            }
        };
        let due = async {
            match last.next_due {
                Some(due) => self.shared.engine.clock.sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = ring_lost => {}
            () = due => {}
        }
    }

    fn last(&self) -> MutexGuard<'_, LastAnswer> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Claims for OutboxClaims {
    type Item = Work;
    type Error = StoreError;

    async fn next(&self, free: usize) -> Result<Batch<Work>, StoreError> {
        let (most, goes_first) = self.admits(free);
        let first = self.last().first.filter(|first| goes_first && self.shared.sending.is_sent(*first));
        if most == 0 || first.is_some() {
            *self.last() = LastAnswer { held_back: true, first, ..LastAnswer::default() };
            return Ok(Batch { items: Vec::new(), more: false });
        }
        let asked = Instant::now();
        let outbox = self.shared.outbox();
        let answer = outbox.claim_notifications(&self.shared.id, self.channel, most).await?;
        let lease = outbox.outbox_lease();
        let begin = |claimed: ClaimedNotification| {
            let hold = self.shared.sending.begin((claimed.record.id, claimed.claim), asked, lease);
            Work { claimed, hold }
        };
        let items: Vec<Work> = answer.items.into_iter().map(begin).collect();
        let due_now = answer.next_due.is_some_and(|due| due <= self.shared.engine.clock.now());
        let hollow = items.is_empty() && due_now;
        let first = items.first().filter(|_| goes_first).map(|work| (work.claimed.record.id, work.claimed.claim));
        *self.last() = LastAnswer { next_due: answer.next_due, hollow, held_back: first.is_some(), first };
        Ok(Batch { more: due_now && !items.is_empty() && first.is_none(), items })
    }

    async fn due(&self) {
        let held_back = self.last().held_back;
        tokio::select! {
            // A ring changes nothing about a server that is away.
            () = self.shared.engine.bell.outbox_rung(self.channel), if !held_back => {}
            () = self.shared.outage.over.notified(), if held_back => {}
            () = self.time_comes() => {}
        }
    }
}

#[cfg(test)]
mod tests;
