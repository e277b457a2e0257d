//! Takes ended tasks from the live part to the kept one.
//!
//! Any number of processes may do it: they take turns, and what two of them do twice is the same as once. A task is
//! read while the turn is held, so that one that is deleted meanwhile does not come back. With nothing to archive
//! the kept part is asked nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use caudal_engine::ports::{Clock, Feed, StoreError, ToldChange};
use tokio::sync::broadcast::{self, error::RecvError};

use super::live::{LivePart, Unarchived};
use crate::postgres::{Archived, PostgresStore};

#[derive(Debug, Clone)]
pub struct ArchiverSettings {
    /// Tasks in one transaction.
    pub most_tasks: usize,
    /// Their inputs and logs, about.
    pub most_bytes: usize,
    /// As long as less than this waits and others are busy, a batch is followed by a rest: tasks go first.
    pub unhurried_bytes: u64,
    /// How many times as long as the batch the rest is …
    pub rest: u32,
    /// … up to here: meanwhile nobody sees how much waits, and a slow batch is no sign that others are busy with this store.
    pub longest_rest: Duration,
    /// How long ended tasks may wait for others to go with them.
    pub gather: Duration,
    /// How often the live part is asked though no news came: news can be lost.
    pub look_again: Duration,
    /// How often those that could not be archived are tried again, and once at the beginning.
    pub retry_set_aside: Duration,
    /// How long the turn is left to another process that has it.
    pub leave_turn: Duration,
    /// After a failure, doubled with each further one …
    pub least_pause: Duration,
    /// … up to here.
    pub most_pause: Duration,
}

impl Default for ArchiverSettings {
    fn default() -> Self {
        Self {
            most_tasks: 200,
            most_bytes: 4 * 1024 * 1024,
            unhurried_bytes: 128 * 1024 * 1024,
            rest: 3,
            longest_rest: Duration::from_secs(1),
            gather: Duration::from_millis(250),
            look_again: Duration::from_secs(15),
            retry_set_aside: Duration::from_secs(3600),
            leave_turn: Duration::from_secs(2),
            least_pause: Duration::from_millis(500),
            most_pause: Duration::from_secs(15),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaughtUp {
    /// Nothing waits any more.
    All,
    /// Another process is at it.
    OthersTurn,
}

pub struct Archiver {
    live: Arc<dyn LivePart>,
    kept: Arc<PostgresStore>,
    feed: Arc<Feed>,
    clock: Arc<dyn Clock>,
    settings: ArchiverSettings,
}

impl Archiver {
    pub fn new(
        live: Arc<dyn LivePart>,
        kept: Arc<PostgresStore>,
        feed: Arc<Feed>,
        clock: Arc<dyn Clock>,
        settings: ArchiverSettings,
    ) -> Self {
        Self { live, kept, feed, clock, settings }
    }

    /// Archives until it is dropped, which may be at any moment.
    pub async fn run(&self) {
        let mut changes = self.feed.changes();
        let (mut pause, mut retried) = (None, None::<Instant>);
        loop {
            let is_time = retried.is_none_or(|at| at.elapsed() >= self.settings.retry_set_aside);
            if is_time && self.retry_set_aside().await {
                retried = Some(Instant::now());
            }
            match self.catch_up().await {
                Ok(caught_up) => {
                    if pause.take().is_some() {
                        tracing::info!("ended tasks are archived again");
                    }
                    match caught_up {
                        CaughtUp::All => self.wait_for_ended(&mut changes).await,
                        CaughtUp::OthersTurn => tokio::time::sleep(self.settings.leave_turn).await,
                    }
                }
                Err(error) => {
                    metrics::counter!("caudal_archive_errors_total").increment(1);
                    let next = self.next_pause(pause, &error);
                    pause = Some(next);
                    tokio::time::sleep(next).await;
                }
            }
        }
    }

    /// False when that is to be done soon.
    async fn retry_set_aside(&self) -> bool {
        match self.live.retry_set_aside().await {
            Ok(0) => true,
            Ok(tasks) => {
                tracing::warn!(tasks, "tasks that could not be archived are tried again");
                true
            }
            Err(error) => {
                tracing::debug!(%error, "tasks that could not be archived cannot be tried again now");
                false
            }
        }
    }

    /// Archives all that waits, batch by batch.
    pub async fn catch_up(&self) -> Result<CaughtUp, StoreError> {
        let mut changes = self.feed.changes();
        loop {
            let waiting = self.look().await?;
            if waiting.tasks == 0 {
                return Ok(CaughtUp::All);
            }
            let Some((archived, took)) = self.archive_batch().await? else { return Ok(CaughtUp::OthersTurn) };
            if archived.kept.is_empty() && archived.refused.is_empty() {
                return Ok(CaughtUp::All);
            }
            let is_busy = !changes.is_empty();
            changes = changes.resubscribe();
            let is_more = waiting.tasks > self.settings.most_tasks as u64;
            let is_urgent = waiting.presses || waiting.bytes >= self.settings.unhurried_bytes;
            if is_more && is_busy && !is_urgent {
                tokio::time::sleep(took.saturating_mul(self.settings.rest).min(self.settings.longest_rest)).await;
            }
        }
    }

    /// How much waits.
    async fn look(&self) -> Result<Unarchived, StoreError> {
        let waiting = self.live.unarchived().await?;
        let lag = waiting.oldest.map_or(Duration::ZERO, |oldest| self.clock.now().since(oldest));
        metrics::gauge!("caudal_archive_lag_seconds").set(lag.as_secs_f64());
        metrics::gauge!("caudal_tasks_unarchived").set(waiting.tasks as f64);
        metrics::gauge!("caudal_unarchived_bytes").set(waiting.bytes as f64);
        metrics::gauge!("caudal_tasks_set_aside").set(waiting.set_aside as f64);
        Ok(waiting)
    }

    /// What was archived, in which time. None when another process has the turn.
    async fn archive_batch(&self) -> Result<Option<(Archived, Duration)>, StoreError> {
        let Some(mut turn) = self.kept.take_turn().await? else { return Ok(None) };
        let began = Instant::now();
        let batch = self.live.to_archive(self.settings.most_tasks, self.settings.most_bytes).await?;
        let archived = turn.archive(&batch).await?;
        turn.commit().await?;
        // The live part lets go of nothing before this.
        if !archived.kept.is_empty() {
            self.live.archived(&archived.kept).await?;
        }
        for (task, reason) in &archived.refused {
            tracing::error!(task.id = %task, reason, "a task cannot be archived and is set aside");
            self.live.set_aside(*task, reason).await?;
        }
        let took = began.elapsed();
        metrics::histogram!("caudal_archive_seconds").record(took.as_secs_f64());
        metrics::counter!("caudal_tasks_archived_total").increment(archived.kept.len() as u64);
        Ok(Some((archived, took)))
    }

    fn next_pause(&self, last: Option<Duration>, error: &StoreError) -> Duration {
        match last {
            None => {
                tracing::warn!(error = %error, "ended tasks cannot be archived now; they wait where they are");
                self.settings.least_pause
            }
            Some(last) => {
                tracing::debug!(error = %error, "ended tasks still cannot be archived");
                (last * 2).min(self.settings.most_pause)
            }
        }
    }

    async fn wait_for_ended(&self, changes: &mut broadcast::Receiver<ToldChange>) {
        // In time is with the next news, too late is now.
        let _ = tokio::time::timeout(self.settings.look_again, ended(changes)).await;
        tokio::time::sleep(self.settings.gather).await;
        // One look sees all that ended before it.
        *changes = changes.resubscribe();
    }
}

/// Returns when a task has ended, or may have.
async fn ended(changes: &mut broadcast::Receiver<ToldChange>) {
    loop {
        match changes.recv().await {
            Ok(told) if told.change.state.is_ended() => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
