//! No more mails a second than the mail server should be sent.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Pace {
    step: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { step: Duration::from_secs(1) / per_second.max(1), next: Mutex::default() }
    }

    /// Returns when it is this one's turn.
    pub(crate) async fn turn(&self) {
        let now = Instant::now();
        let mine = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let mine = next.map_or(now, |next| next.max(now));
            *next = Some(mine + self.step);
            mine
        };
        if mine > now {
            tokio::time::sleep_until(mine).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: turns keep their distance; who comes late has no claim to the turns that nobody took.
    #[tokio::test(start_paused = true)]
    async fn turns_keep_their_distance() {
        let pace = Pace::new(10);
        let began = Instant::now();
        for _ in 0..11 {
            pace.turn().await;
        }
        assert_eq!(began.elapsed().as_millis(), 1_000);
        tokio::time::advance(Duration::from_secs(60)).await;
        let late = Instant::now();
        for _ in 0..3 {
            pace.turn().await;
        }
        assert_eq!(late.elapsed().as_millis(), 200);
    }
}
