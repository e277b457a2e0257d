//! No more mails a second than the mail server should be sent.
//!
//! Turns come one after the other; those that nobody could take at once are taken together, as many as there are
//! conversations, or as come in a tenth of a second. Ten mails at a time cost a busy machine, and a store that flushes what it is told, far less than one mail
//! ten times as often.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Nobody waits longer for others to go with.
const LONGEST_BEAT: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Pace {
    step: Duration,
    beat: Duration,
    began: Instant,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    pub(crate) fn new(per_second: u32, conversations: usize) -> Self {
        let step = Duration::from_secs(1) / per_second.max(1);
        let together = u32::try_from(conversations).unwrap_or(u32::MAX);
        let beat = step.saturating_mul(together).min(LONGEST_BEAT);
        Self { step, beat, began: Instant::now(), next: Mutex::default() }
    }

    /// Returns when it is this one's turn, or a little later.
    pub(crate) async fn turn(&self) {
        let now = Instant::now();
        let mine = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let mine = next.map_or(now, |next| next.max(now));
            *next = Some(mine + self.step);
            mine
        };
        if mine > now {
            tokio::time::sleep_until(self.with_others(mine)).await;
        }
    }

    /// The first beat from this moment on.
    fn with_others(&self, mine: Instant) -> Instant {
        if self.beat <= self.step {
            return mine;
        }
        let over = mine.duration_since(self.began).as_nanos() % self.beat.as_nanos();
        let over = Duration::from_nanos(u64::try_from(over).unwrap_or_default());
        if over.is_zero() { mine } else { mine + (self.beat - over) }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    /// When each of so many turns came, in milliseconds from now.
    async fn turns(pace: &Pace, count: usize) -> Vec<u128> {
        let began = Instant::now();
        let waiting = (0..count).map(|_| async {
            pace.turn().await;
            began.elapsed().as_millis()
        });
        join_all(waiting).await
    }

    /// Goal: turns keep their distance; who comes late has no claim to the turns that nobody took.
    #[tokio::test(start_paused = true)]
    async fn turns_keep_their_distance() {
        let pace = Pace::new(10, 10);
        assert_eq!(turns(&pace, 11).await, (0..11).map(|place| place * 100).collect::<Vec<_>>());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(turns(&pace, 3).await, [0, 100, 200]);
    }

    /// Goal: who has to wait goes with others, as many as there are conversations, and the pace is the same.
    #[tokio::test(start_paused = true)]
    async fn those_who_wait_go_together() {
        let pace = Pace::new(100, 4);
        let came = turns(&pace, 101).await;
        assert_eq!(came[..10], [0, 40, 40, 40, 40, 80, 80, 80, 80, 120]);
        assert_eq!(came[100], 1_000);
        tokio::time::advance(Duration::from_millis(5_001)).await;
        let late = turns(&pace, 3).await;
        assert!(late[0] == 0 && late[1] == late[2] && late[1] <= 50, "{late:?}");
        let many = Pace::new(1_000, 1_000);
        assert_eq!(turns(&many, 1_000).await.last(), Some(&1_000), "nobody waits for more than a beat");
    }
}
