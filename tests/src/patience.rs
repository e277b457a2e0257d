//! Waiting on a fact, with an end.

use std::future::Future;
use std::time::{Duration, Instant};

/// How long a test waits for anything at all. Generous: a machine under load is slow, not wrong.
const USUAL: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(20);

/// Counts how long something has been waited for, and fails the test when that is too long.
#[derive(Debug)]
pub struct Patience {
    what: String,
    began: Instant,
    most: Duration,
}

impl Patience {
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), began: Instant::now(), most: USUAL }
    }

    #[must_use]
    pub fn of(mut self, most: Duration) -> Self {
        self.most = most;
        self
    }

    pub fn is_over(&self) -> bool {
        self.began.elapsed() >= self.most
    }

    /// Between two looks.
    pub async fn pause(&self) {
        assert!(!self.is_over(), "waited {:?} in vain: {}", self.most, self.what);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Looks until the fact is there.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let patience = Patience::new(what);
    loop {
        if let Some(fact) = look().await {
            return fact;
        }
        patience.pause().await;
    }
}
