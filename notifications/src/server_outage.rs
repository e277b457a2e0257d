//! A mail server that cannot be reached: how long nobody is sent there, and one line in the log per outage.
//!
//! Without it each notification in line would find out for itself, as fast as they can be claimed. Meanwhile nothing is
//! claimed; then one goes first.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(crate) struct ServerOutage {
    down: Mutex<Option<Down>>,
    /// The next one may be sent there.
    pub(crate) over: Notify,
}

/// How many may be sent to the server now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admits {
    All,
    OneFirst,
    None,
}

#[derive(Debug, Clone, Copy)]
struct Down {
    since: Instant,
    pauses: u32,
    until: Instant,
}

impl ServerOutage {
    /// None during a pause, one after it.
    pub(crate) fn admits(&self) -> Admits {
        match *self.lock() {
            Some(down) if Instant::now() < down.until => Admits::None,
            Some(_) => Admits::OneFirst,
            None => Admits::All,
        }
    }

    /// Returns when a pause is over; at once without one.
    pub(crate) async fn pause(&self) {
        let until = self.lock().map(|down| down.until);
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }

    /// It could not be reached. Answers how long nobody will try; those that were on their way count as one.
    pub(crate) fn failed(&self, words: &str) -> Duration {
        let now = Instant::now();
        let mut down = self.lock();
        let pauses = match *down {
            Some(down) if now < down.until => return down.until - now,
            Some(down) => down.pauses.saturating_add(1),
            None => {
                tracing::warn!(error = words, "the mail server cannot be reached; trying again until it can");
                0
            }
        };
        let pause = FIRST_PAUSE.saturating_mul(1 << pauses.min(10)).min(LONGEST_PAUSE);
        *down = Some(Down { since: down.map_or(now, |down| down.since), pauses, until: now + pause });
        pause
    }

    /// Whatever became of it: one that went first need not have come to the server.
    pub(crate) fn one_is_done(&self) {
        if self.lock().is_some() {
            self.over.notify_one();
        }
    }

    pub(crate) fn reached(&self) {
        if let Some(down) = self.lock().take() {
            let duration_ms = u64::try_from(down.since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(duration_ms, "the mail server is reached again");
            self.over.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Down>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: nobody goes during a pause, one goes after it, all go once that one came through.
    #[tokio::test(start_paused = true)]
    async fn one_goes_first() {
        let outage = ServerOutage::default();
        assert_eq!(outage.admits(), Admits::All);
        assert_eq!(outage.failed("refused"), FIRST_PAUSE);
        assert_eq!(
            (outage.admits(), outage.failed("refused")),
            (Admits::None, FIRST_PAUSE),
            "all that were on their way are one"
        );
        outage.pause().await;
        assert_eq!(outage.admits(), Admits::OneFirst);
        assert_eq!(outage.failed("refused"), FIRST_PAUSE * 2);
        for _ in 0..10 {
            outage.pause().await;
            assert!(outage.failed("refused") <= LONGEST_PAUSE);
        }
        outage.pause().await;
        outage.reached();
        assert_eq!(outage.admits(), Admits::All);
        outage.over.notified().await;
        assert_eq!(outage.failed("refused"), FIRST_PAUSE, "the next outage begins anew");
    }
}
