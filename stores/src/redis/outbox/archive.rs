//! What the archiver asks of the outbox: those that have ended, letting go of them, and one back to be sent again. What
//! cannot be kept elsewhere, or not even be read, is set aside: it stays, and stops nobody.

use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::notification::{NotificationId, NotificationRecord};
use caudal_engine::ports::StoreError;
use caudal_engine::task::Timestamp;

use super::super::fault::unreadable;
use super::super::reply;
use super::super::scripts::{OUTBOX_ASIDE, OUTBOX_RESTORE, OUTBOX_RETRY_ASIDE, channel_letter};
use super::super::store::{RedisStore, millis};
use crate::live_and_kept::LiveOutbox;

/// Notifications that one script puts back.
const MOST_RETRIED: u64 = 100;
/// Nothing has ended then: what has ended stays.
const NEVER: Timestamp = Timestamp::from_millis(-1);

#[async_trait]
impl LiveOutbox for RedisStore {
    async fn ended(&self, rest: Duration, most: usize) -> Result<Vec<NotificationRecord>, StoreError> {
        let until = self.store_now().await?.saturating_sub(millis(rest));
        loop {
            let ids = self.ended_notifications(until, most).await?;
            let found = self.ended_among(&ids).await?;
            // Those that are listed and have not ended are listed no more: none stands in the way of the next ones.
            if !found.is_empty() || ids.is_empty() {
                return Ok(found);
            }
        }
    }

    async fn let_go(&self, kept: &[NotificationRecord]) -> Result<(), StoreError> {
        let ended = kept.iter().filter_map(|record| Some((record.id, Some(record.ended_at?)))).collect();
        self.forget_ended(ended).await.map(drop)
    }

    async fn set_notification_aside(&self, id: NotificationId, why: &str) -> Result<(), StoreError> {
        let call = OUTBOX_ASIDE.call(&self.keys.of(id.partition())).arg(self.turned()).arg(why).arg(id.to_string());
        self.nodes.call(id.partition(), &call).await.map(drop)
    }

    async fn retry_notifications_set_aside(&self) -> Result<u64, StoreError> {
        let mut retried = 0;
        for partition in 0..self.layout.partitions() {
            let mut waiting = redis::cmd("HLEN");
            waiting.arg(format!("{}nb", self.keys.of(partition)));
            let mut left = reply::count(&self.nodes.send(partition, &waiting).await?)?;
            while left > 0 {
                let most = left.min(MOST_RETRIED);
                let call = OUTBOX_RETRY_ASIDE.call(&self.keys.of(partition)).arg(self.turned()).arg(most);
                let moved = reply::count(&self.nodes.call(partition, &call).await?)?;
                retried += moved;
                left = if moved == 0 { 0 } else { left.saturating_sub(moved) };
            }
        }
        Ok(retried)
    }

    async fn restore(&self, record: &NotificationRecord) -> Result<(), StoreError> {
        let partition = record.id.partition();
        let task = record.task.map(|task| task.to_string()).unwrap_or_default();
        let call = OUTBOX_RESTORE
            .call(&self.keys.of(partition))
            .arg(self.turned())
            .arg(record.id.to_string())
            .arg(channel_letter(record.channel))
            .arg(record.tenant.as_str())
            .arg(task)
            .arg(&*record.recipient)
            .arg(record.body.text())
            .arg(record.created_at.as_millis())
            .arg(record.attempts)
            .arg(record.error.as_deref().unwrap_or_default());
        if reply::int(&self.nodes.call(partition, &call).await?)? == 1 {
            self.outbox_rounds.of(record.channel).ring(partition);
        }
        Ok(())
    }
}

impl RedisStore {
    /// Takes off the list what has not ended: one may have been put in line again between the two questions, and what is
    /// there may be gone, or not to be read.
    async fn ended_among(&self, ids: &[NotificationId]) -> Result<Vec<NotificationRecord>, StoreError> {
        let (mut found, mut others) = (Vec::new(), Vec::new());
        for of_one in ids.chunk_by(|one, next| one.partition() == next.partition()) {
            let Some(partition) = of_one.first().map(|id| id.partition()) else { continue };
            for (id, read) in self.read_each(partition, of_one).await? {
                match read {
                    Ok(Some(record)) if record.ended_at.is_some() => found.push(record),
                    Ok(Some(record)) if record.state.is_final() => {
                        let error = unreadable("it has ended, and nobody knows when");
                        self.set_unreadable_aside(partition, id, &error).await?;
                    }
                    Ok(_) => others.push((id, Some(NEVER))),
                    Err(error) => self.set_unreadable_aside(partition, id, &error).await?,
                }
            }
        }
        self.forget_ended(others).await?;
        Ok(found)
    }
}
