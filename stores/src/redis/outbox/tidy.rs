//! Notifications that have ended: finding the oldest, and letting go of them.

use caudal_engine::notification::NotificationId;
use caudal_engine::ports::StoreError;
use caudal_engine::task::{TaskId, Timestamp};
use futures_util::future::try_join_all;
use redis::Cmd;

use super::super::reply;
use super::super::scripts::OUTBOX_FORGET;
use super::super::store::RedisStore;
use super::record::id_of;

/// Notifications that one script forgets.
const BITE: usize = 100;

impl RedisStore {
    /// Those that ended first, up to this time, over all partitions.
    pub(in super::super) async fn ended_notifications(
        &self,
        until: i64,
        most: usize,
    ) -> Result<Vec<NotificationId>, StoreError> {
        let firsts = (0..self.layout.partitions()).map(|partition| async move {
            let mut command = Cmd::new();
            command.arg("ZRANGE").arg(format!("{}ne", self.keys.of(partition))).arg("-inf").arg(until);
            command.arg("BYSCORE").arg("LIMIT").arg(0).arg(most).arg("WITHSCORES");
            reply::list(self.nodes.send(partition, &command).await?)
        });
        let mut found = Vec::new();
        for first in try_join_all(firsts).await? {
            let mut first = first.into_iter();
            while let (Some(id), Some(score)) = (first.next(), first.next()) {
                found.push((reply::int(&score)?, id_of(id)?));
            }
        }
        found.sort_unstable();
        Ok(found.into_iter().take(most).map(|(_, id)| id).collect())
    }

    /// Answers how many are gone.
    pub(in super::super) async fn forget_notifications(&self, ids: &[NotificationId]) -> Result<usize, StoreError> {
        self.forget_ended(ids.iter().map(|id| (*id, None)).collect()).await
    }

    /// Those that ended at this time and not later, where one is given.
    pub(super) async fn forget_ended(
        &self,
        mut sorted: Vec<(NotificationId, Option<Timestamp>)>,
    ) -> Result<usize, StoreError> {
        sorted.sort_unstable_by_key(|(id, _)| id.partition());
        let mut gone = 0;
        for of_one in sorted.chunk_by(|(one, _), (next, _)| one.partition() == next.partition()) {
            for bite in of_one.chunks(BITE) {
                let Some(partition) = bite.first().map(|(id, _)| id.partition()) else { continue };
                let call = OUTBOX_FORGET.call(&self.keys.of(partition)).arg(self.turned());
                let ended = |at: &Option<Timestamp>| at.map(|at| at.as_millis().to_string()).unwrap_or_default();
                let call = bite.iter().fold(call, |call, (id, at)| call.arg(id.to_string()).arg(ended(at)));
                gone += reply::count(&self.nodes.call(partition, &call).await?)?;
            }
        }
        Ok(usize::try_from(gone).unwrap_or(usize::MAX))
    }

    /// Those about a task that is forgotten; what is still to be sent stays.
    pub(in super::super) async fn forget_notifications_of(&self, task: TaskId) -> Result<(), StoreError> {
        let mut command = redis::cmd("ZRANGE");
        command.arg(self.keys.of_task("nt", task)).arg(0).arg(-1);
        let ids = reply::list(self.nodes.send(task.partition(), &command).await?)?;
        let ids = ids.into_iter().map(id_of).collect::<Result<Vec<_>, _>>()?;
        self.forget_notifications(&ids).await.map(drop)
    }
}
