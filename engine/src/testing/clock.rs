//! A clock that stands still until a test turns it, so that three days of sleep take no time.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::ports::Clock;
use crate::task::Timestamp;

/// 2026-01-01T00:00:00Z: a moment that reads well in snapshots.
pub const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

#[derive(Debug)]
pub struct TestClock {
    now: watch::Sender<Timestamp>,
    sleepers: Mutex<Sleepers>,
}

#[derive(Debug, Default)]
struct Sleepers {
    until: BTreeSet<(Timestamp, u64)>,
    next: u64,
}

impl Default for TestClock {
    fn default() -> Self {
        Self::at(START)
    }
}

impl TestClock {
    pub fn at(now: Timestamp) -> Self {
        Self { now: watch::Sender::new(now), sleepers: Mutex::default() }
    }

    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now = *now + by);
    }

    /// Turns the clock to this time; it never goes back.
    pub fn advance_to(&self, until: Timestamp) {
        self.now.send_modify(|now| *now = until.max(*now));
    }

    /// The earliest time, later than now, until which somebody sleeps.
    pub fn next_sleeper(&self) -> Option<Timestamp> {
        let now = self.now();
        // One whose time has come is there until it is polled again; nobody waits for that.
        self.sleepers().until.iter().map(|(until, _)| *until).find(|until| *until > now)
    }

    fn sleepers(&self) -> MutexGuard<'_, Sleepers> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lie_down(&self, until: Timestamp) -> Sleeper<'_> {
        let mut sleepers = self.sleepers();
        let key = (until, sleepers.next);
        sleepers.next += 1;
        sleepers.until.insert(key);
        Sleeper { clock: self, key }
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep_until(&self, until: Timestamp) {
        let mut now = self.now.subscribe();
        let _sleeper = self.lie_down(until);
        // It cannot fail: the sender is `self`.
        let _ = now.wait_for(|now| *now >= until).await;
    }
}

/// Takes its entry out when the sleep is over or dropped.
struct Sleeper<'a> {
    clock: &'a TestClock,
    key: (Timestamp, u64),
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.clock.sleepers().until.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;

    use super::*;

    /// Goal: a sleeper wakes when its time has come, not before, and is named while it sleeps.
    #[tokio::test]
    async fn sleepers_wake_in_time() {
        let clock = Arc::new(TestClock::default());
        let (short, long) = (START + Duration::from_secs(1), START + Duration::from_secs(3 * 24 * 3600));
        let mut sleeping = Box::pin(clock.sleep_until(long));
        let mut dropped = Box::pin(clock.sleep_until(short));
        assert!(sleeping.as_mut().now_or_never().is_none());
        assert!(dropped.as_mut().now_or_never().is_none());
        assert_eq!(clock.next_sleeper(), Some(short));
        drop(dropped);
        assert_eq!(clock.next_sleeper(), Some(long));
        clock.advance(Duration::from_secs(60));
        assert!(sleeping.as_mut().now_or_never().is_none());
        clock.advance_to(long);
        assert_eq!(clock.next_sleeper(), None);
        sleeping.await;
        clock.advance_to(START);
        assert_eq!(clock.now(), long, "time never goes back");
    }
}
