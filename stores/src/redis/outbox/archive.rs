//! What the archiver asks of the outbox: those that have ended, letting go of them, and one back to be sent again.

use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::notification::NotificationRecord;
use caudal_engine::ports::StoreError;

use super::super::reply;
use super::super::scripts::{OUTBOX_RESTORE, channel_letter};
use super::super::store::{RedisStore, millis};
use crate::live_and_kept::LiveOutbox;

#[async_trait]
impl LiveOutbox for RedisStore {
    async fn ended(&self, rest: Duration, most: usize) -> Result<Vec<NotificationRecord>, StoreError> {
        let until = self.store_now().await?.saturating_sub(millis(rest));
        let ids = self.ended_notifications(until, most).await?;
        let found = self.read_all_notifications(&ids).await?;
        // One may have been put in line again between the two questions: it has not ended.
        Ok(found.into_iter().filter(|record| record.ended_at.is_some()).collect())
    }

    async fn let_go(&self, kept: &[NotificationRecord]) -> Result<(), StoreError> {
        let ended = kept.iter().filter_map(|record| Some((record.id, Some(record.ended_at?)))).collect();
        self.forget_ended(ended).await.map(drop)
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
