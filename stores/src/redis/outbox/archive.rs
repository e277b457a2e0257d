//! What the archiver asks of the outbox: those that have ended, letting go of them, and one back to be sent again. What
//! cannot be kept elsewhere, or not even be read, is set aside: it stays, and stops nobody.

use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::notification::{NotificationId, NotificationRecord};
use caudal_engine::ports::StoreError;

use super::super::reply;
use super::super::scripts::{OUTBOX_ASIDE, OUTBOX_RESTORE, OUTBOX_RETRY_ASIDE, channel_letter};
use super::super::store::{RedisStore, millis};
use crate::live_and_kept::LiveOutbox;

/// Notifications that one script puts back.
const MOST_RETRIED: u64 = 100;

#[async_trait]
impl LiveOutbox for RedisStore {
    async fn ended(&self, rest: Duration, most: usize) -> Result<Vec<NotificationRecord>, StoreError> {
        let until = self.store_now().await?.saturating_sub(millis(rest));
        loop {
            let ids = self.ended_notifications(until, most).await?;
            let (found, set_aside) = self.read_or_set_aside(&ids).await?;
            // One may have been put in line again between the two questions: it has not ended.
            let found: Vec<_> = found.into_iter().filter(|record| record.ended_at.is_some()).collect();
            if !found.is_empty() || set_aside == 0 {
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
    /// Those that can be read; and how many could not.
    async fn read_or_set_aside(&self, ids: &[NotificationId]) -> Result<(Vec<NotificationRecord>, usize), StoreError> {
        match self.read_all_notifications(ids).await {
            Err(StoreError::Corrupt(_)) => {}
            read => return read.map(|found| (found, 0)),
        }
        let (mut found, mut set_aside) = (Vec::with_capacity(ids.len()), 0);
        for id in ids {
            match self.read_notifications(id.partition(), &[*id]).await {
                Ok(read) => found.extend(read),
                Err(StoreError::Corrupt(why)) => {
                    tracing::error!(notification.id = %id, why, "a notification cannot be read and is set aside");
                    self.set_notification_aside(*id, &why).await?;
                    set_aside += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok((found, set_aside))
    }
}
