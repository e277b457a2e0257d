//! Takes notifications that have ended from the live part to the kept one.
//!
//! They rest a while first: a sender may repeat what became of one, and people look most at what has just been sent. Any
//! number of processes may do it, in turns; with nothing to keep the kept part is asked nothing.

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::ports::StoreError;

use super::live::LiveOutbox;
use crate::postgres::PostgresStore;

/// Notifications in one transaction, and in memory at once: a mail's context may be large.
const BATCH: usize = 50;
const LEAST_PAUSE: Duration = Duration::from_secs(1);
const MOST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
pub struct OutboxArchiverSettings {
    /// How long an ended one stays in the live part.
    pub rest: Duration,
    pub look_again: Duration,
}

impl Default for OutboxArchiverSettings {
    fn default() -> Self {
        Self { rest: Duration::from_secs(60), look_again: Duration::from_secs(15) }
    }
}

pub struct OutboxArchiver {
    live: Arc<dyn LiveOutbox>,
    kept: Arc<PostgresStore>,
    settings: OutboxArchiverSettings,
}

impl OutboxArchiver {
    pub fn new(live: Arc<dyn LiveOutbox>, kept: Arc<PostgresStore>, settings: OutboxArchiverSettings) -> Self {
        Self { live, kept, settings }
    }

    /// Archives until it is dropped, which may be at any moment.
    pub async fn run(&self) {
        let mut failing: Option<Duration> = None;
        loop {
            let pause = match (self.catch_up().await, failing) {
                (Ok(()), failed) => {
                    if failed.is_some() {
                        tracing::info!("ended notifications are archived again");
                    }
                    failing = None;
                    self.settings.look_again
                }
                (Err(error), failed) => {
                    if failed.is_none() {
                        tracing::warn!(%error, "ended notifications cannot be archived now; they wait where they are");
                    }
                    let pause = failed.map_or(LEAST_PAUSE, |last| (last * 2).min(MOST_PAUSE));
                    failing = Some(pause);
                    pause
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Archives all that has rested, batch by batch, unless another process is at it.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        while !self.live.ended(self.settings.rest, 1).await?.is_empty() {
            let Some(mut turn) = self.kept.take_turn().await? else { return Ok(()) };
            // Read while the turn is held, so that one that is forgotten meanwhile does not come back.
            let batch = self.live.ended(self.settings.rest, BATCH).await?;
            turn.keep_notifications(&batch).await?;
            turn.commit().await?;
            self.live.let_go(&batch).await?;
            metrics::counter!("caudal_notifications_archived_total").increment(batch.len() as u64);
        }
        Ok(())
    }
}
