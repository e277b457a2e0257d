//! Redis as the live part of a store made of two: what the archiver asks of it.

use async_trait::async_trait;
use caudal_engine::ports::StoreError;
use caudal_engine::task::{TaskId, Timestamp};
use futures_util::future::try_join_all;

use super::reply;
use super::scripts::UNARCHIVED;
use super::store::RedisStore;
use crate::ended_task::EndedTask;
use crate::live_and_kept::{LivePart, Unarchived};

#[async_trait]
impl LivePart for RedisStore {
    async fn unarchived(&self) -> Result<Unarchived, StoreError> {
        let mut all = Unarchived::default();
        let counted = (0..self.layout.partitions()).map(|partition| self.unarchived_in(partition));
        for part in try_join_all(counted).await? {
            all.tasks += part.tasks;
            all.bytes += part.bytes;
            all.set_aside += part.set_aside;
            all.oldest = all.oldest.into_iter().chain(part.oldest).min();
            all.presses |= part.presses;
        }
        Ok(all)
    }

    async fn to_archive(&self, most: usize, most_bytes: usize) -> Result<Vec<EndedTask>, StoreError> {
        let (mut tasks, mut bytes) = (Vec::new(), 0);
        // From anywhere on, so that a partition where much ends keeps no other from being archived.
        let count = self.layout.partitions();
        let first = rand::random::<u16>() % count.max(1);
        for partition in (first..count).chain(0..first) {
            if tasks.len() >= most || bytes >= most_bytes {
                break;
            }
            let ended = RedisStore::to_archive(self, partition, most - tasks.len(), most_bytes - bytes).await?;
            bytes += ended.iter().map(EndedTask::bytes).sum::<usize>();
            tasks.extend(ended);
        }
        Ok(tasks)
    }

    async fn archived(&self, tasks: &[TaskId]) -> Result<(), StoreError> {
        RedisStore::archived(self, tasks, self.archived_grace).await
    }

    async fn set_aside(&self, task: TaskId, error: &str) -> Result<(), StoreError> {
        RedisStore::set_aside(self, task, error).await
    }

    async fn retry_set_aside(&self) -> Result<u64, StoreError> {
        self.retry_aside().await
    }
}

impl RedisStore {
    /// Bytes that may wait in each partition before starts in it are refused.
    pub(super) fn most_unarchived_of_a_partition(&self) -> Option<u64> {
        self.most_unarchived_bytes.map(|most| most / u64::from(self.layout.partitions().max(1)))
    }

    /// Bytes of what is archived that stay in each partition.
    pub(super) fn most_archived_of_a_partition(&self) -> u64 {
        self.most_archived_bytes / u64::from(self.layout.partitions().max(1))
    }

    async fn unarchived_in(&self, partition: u16) -> Result<Unarchived, StoreError> {
        let answer = self.nodes.call(partition, &UNARCHIVED.call(&self.keys.of(partition))).await?;
        let [tasks, first, aside, bytes] = reply::tuple(answer)?;
        let bytes = reply::maybe_int(&bytes)?.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
        Ok(Unarchived {
            tasks: reply::count(&tasks)?,
            set_aside: reply::count(&aside)?,
            oldest: reply::maybe_int(&first)?.map(Timestamp::from_millis),
            bytes,
            presses: self.most_unarchived_of_a_partition().is_some_and(|most| bytes > most / 2),
        })
    }
}
