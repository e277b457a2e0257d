//! Figures of the outbox, from what the scripts count.

use std::collections::BTreeMap;

use caudal_engine::notification::NotificationState;
use caudal_engine::ports::{OutboxStats, StoreError};
use caudal_engine::task::Timestamp;
use futures_util::future::try_join_all;
use redis::Cmd;

use super::super::reply;
use super::super::store::RedisStore;

type Counts = BTreeMap<NotificationState, i64>;

impl RedisStore {
    pub(super) async fn read_outbox_stats(&self) -> Result<OutboxStats, StoreError> {
        let partitions = 0..self.layout.partitions();
        let mut counts = Counts::new();
        for counted in try_join_all(partitions.clone().map(|partition| self.count_notifications(partition))).await? {
            counted.into_iter().for_each(|(state, count)| *counts.entry(state).or_default() += count);
        }
        let oldest = try_join_all(partitions.map(|partition| self.oldest_notification(partition))).await?;
        let positive = |(state, count): (_, i64)| u64::try_from(count).ok().map(|count| (state, count));
        Ok(OutboxStats {
            counts: counts.into_iter().filter_map(positive).collect(),
            oldest: oldest.into_iter().flatten().min(),
        })
    }

    /// Changes of state are counted as `n <from>><to>`.
    async fn count_notifications(&self, partition: u16) -> Result<Counts, StoreError> {
        let mut command = redis::cmd("HGETALL");
        command.arg(format!("{}counts", self.keys.of(partition)));
        let mut flat = reply::list(self.nodes.send(partition, &command).await?)?.into_iter();
        let mut counts = Counts::new();
        while let (Some(name), Some(count)) = (flat.next(), flat.next()) {
            let (name, count) = (reply::text(name)?, reply::int(&count)?);
            let Some((from, to)) = name.strip_prefix("n ").and_then(|change| change.split_once('>')) else { continue };
            for (state, count) in [(from, -count), (to, count)] {
                if let Some(state) = NotificationState::parse(state) {
                    *counts.entry(state).or_default() += count;
                }
            }
        }
        Ok(counts)
    }

    async fn oldest_notification(&self, partition: u16) -> Result<Option<Timestamp>, StoreError> {
        let mut command = Cmd::new();
        command.arg("ZRANGE").arg(format!("{}no", self.keys.of(partition))).arg(0).arg(0).arg("WITHSCORES");
        let first = reply::list(self.nodes.send(partition, &command).await?)?;
        let since = first.get(1).map(reply::int).transpose()?;
        Ok(since.map(Timestamp::from_millis))
    }
}
