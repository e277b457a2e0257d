//! Takes notifications that have ended from the live part to the kept one.
//!
//! They rest a while first: a sender may repeat what became of one, and people look most at what has just been sent. Any
//! number of processes may do it, in turns; with nothing to keep the kept part is asked nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use caudal_engine::ports::StoreError;

use super::archiver::CaughtUp;
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
    /// How long the turn is left to another process that has it.
    pub leave_turn: Duration,
    /// How often those that could not be kept are tried again, and once at the beginning.
    pub retry_set_aside: Duration,
}

impl Default for OutboxArchiverSettings {
    fn default() -> Self {
        Self {
            rest: Duration::from_secs(60),
            look_again: Duration::from_secs(30),
            leave_turn: Duration::from_secs(2),
            retry_set_aside: Duration::from_secs(3600),
        }
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
        let (mut failing, mut retried) = (None::<Duration>, None::<Instant>);
        loop {
            let is_time = retried.is_none_or(|at| at.elapsed() >= self.settings.retry_set_aside);
            if is_time && self.live.retry_notifications_set_aside().await.is_ok() {
                retried = Some(Instant::now());
            }
            let pause = match (self.catch_up().await, failing) {
                (Ok(caught_up), failed) => {
                    if failed.is_some() {
                        tracing::info!("ended notifications are archived again");
                    }
                    failing = None;
                    match caught_up {
                        CaughtUp::All => self.settings.look_again,
                        CaughtUp::OthersTurn => self.settings.leave_turn,
                    }
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

    /// Archives all that has rested, batch by batch, unless another process is at it. One that cannot be kept stops no
    /// other.
    pub async fn catch_up(&self) -> Result<CaughtUp, StoreError> {
        while !self.live.ended(self.settings.rest, 1).await?.is_empty() {
            let Some(mut turn) = self.kept.take_outbox_turn().await? else { return Ok(CaughtUp::OthersTurn) };
            // Read while the turn is held, so that one that is forgotten meanwhile does not come back.
            let mut batch = self.live.ended(self.settings.rest, BATCH).await?;
            let refused = turn.keep_notifications(&batch).await?;
            turn.commit().await?;
            batch.retain(|record| refused.iter().all(|(id, _)| *id != record.id));
            self.live.let_go(&batch).await?;
            for (id, why) in refused {
                tracing::error!(notification.id = %id, why, "a notification cannot be archived and is set aside");
                self.live.set_notification_aside(id, &why).await?;
            }
            metrics::counter!("caudal_notifications_archived_total").increment(batch.len() as u64);
        }
        Ok(CaughtUp::All)
    }
}
