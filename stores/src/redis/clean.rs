//! Forgetting ended tasks: one by one when asked, or by age and size.
//!
//! Where there is an archive, a task is forgotten some time after it was archived, and not before, whatever the limits
//! say: nothing may be lost that is kept nowhere else. It is forgotten sooner where many are: each batch that is
//! archived makes room for itself.
//!
//! The bound on bytes is held against what ended tasks take, not against the server's memory: that may be full of what
//! is in flight, or of somebody else's keys, and no forgetting would help.

use std::time::Duration;

use caudal_engine::ports::{ControlRefused, StoreError};
use caudal_engine::task::{TaskId, Tenant};
use futures_util::future::try_join_all;
use redis::{Cmd, Value};

use super::control::wire_state;
use super::create::id_of;
use super::fault::down;
use super::reply;
use super::scripts::FORGET;
use super::store::{RedisStore, millis};

/// Tasks that one script forgets.
const BITE: usize = 50;

impl RedisStore {
    pub(super) async fn delete_one(&self, tenant: &Tenant, task: TaskId) -> Result<(), ControlRefused> {
        let call = FORGET.call(&self.keys.of(task.partition())).arg(self.turned()).arg(tenant.as_str());
        let answer = self.nodes.call(task.partition(), &call.arg(task.to_string())).await?;
        if let Value::Int(_) = answer {
            self.forget_notifications_of(task).await?;
            return Ok(());
        }
        let answer = reply::text(answer)?;
        if answer == "?" {
            return Err(down("its children are still being cancelled; ask again in a moment").into());
        }
        match answer.strip_prefix('!') {
            Some(shown) => Err(ControlRefused::WrongState { state: wire_state(shown)? }),
            None => Err(ControlRefused::NotFound),
        }
    }

    pub(super) async fn clean_some(
        &self,
        keep_ended: Duration,
        keep_bytes: u64,
        most: usize,
    ) -> Result<usize, StoreError> {
        let now = self.store_now().await?;
        let archived = self.oldest("archived", now, most).await?;
        let mut forgotten = archived.len();
        self.forget(&archived).await?;
        if self.most_unarchived_bytes.is_some() || forgotten >= most {
            return Ok(forgotten);
        }
        let old = self.oldest("ended", now.saturating_sub(millis(keep_ended)), most - forgotten).await?;
        self.forget(&old).await?;
        forgotten += old.len();
        while forgotten < most {
            let much = self.unarchived_bytes().await?.saturating_sub(keep_bytes);
            if much == 0 {
                break;
            }
            let first = self.oldest("ended", i64::MAX, BITE.min(most - forgotten)).await?;
            let done = self.forget_up_to(&first, much).await?;
            forgotten += done;
            if done < first.len() || first.is_empty() {
                break;
            }
        }
        Ok(forgotten)
    }

    /// Those with the lowest scores of all partitions, up to `until`.
    async fn oldest(&self, set: &str, until: i64, most: usize) -> Result<Vec<TaskId>, StoreError> {
        let firsts = (0..self.layout.partitions()).map(|partition| self.oldest_in(partition, set, until, most));
        let mut found = try_join_all(firsts).await?.concat();
        found.sort_unstable();
        Ok(found.into_iter().take(most).map(|(_, id)| id).collect())
    }

    /// With their scores.
    async fn oldest_in(
        &self,
        partition: u16,
        set: &str,
        until: i64,
        most: usize,
    ) -> Result<Vec<(i64, TaskId)>, StoreError> {
        let mut command = Cmd::new();
        command.arg("ZRANGE").arg(format!("{}{set}", self.keys.of(partition))).arg("-inf").arg(until);
        command.arg("BYSCORE").arg("LIMIT").arg(0).arg(most).arg("WITHSCORES");
        let mut first = reply::list(self.nodes.send(partition, &command).await?)?.into_iter();
        let mut found = Vec::new();
        while let (Some(id), Some(score)) = (first.next(), first.next()) {
            found.push((reply::int(&score)?, id_of(id)?));
        }
        Ok(found)
    }

    async fn forget(&self, tasks: &[TaskId]) -> Result<(), StoreError> {
        for bite in tasks.chunks(BITE) {
            self.forget_up_to(bite, u64::MAX).await?;
        }
        Ok(())
    }

    /// In order, until so many bytes are free. Answers how many tasks are gone.
    async fn forget_up_to(&self, tasks: &[TaskId], much: u64) -> Result<usize, StoreError> {
        let (mut freed, mut done) = (0, 0);
        // One by one where it may be enough after each.
        let together = |one: &TaskId, next: &TaskId| much == u64::MAX && one.partition() == next.partition();
        for of_one in tasks.chunk_by(together) {
            if freed >= much {
                break;
            }
            let Some(partition) = of_one.first().map(|task| task.partition()) else { continue };
            freed += self.forget_in(partition, of_one).await?;
            done += of_one.len();
        }
        Ok(done)
    }

    /// About so many bytes of what is archived, of those that may go first.
    pub(super) async fn forget_archived(&self, partition: u16, much: u64) -> Result<(), StoreError> {
        let mut freed = 0;
        while freed < much {
            let first = self.oldest_in(partition, "archived", i64::MAX, BITE).await?;
            let first: Vec<_> = first.into_iter().map(|(_, id)| id).collect();
            let of_these = self.forget_in(partition, &first).await?;
            if of_these == 0 {
                // Those that are left have children to be cancelled: they go later.
                break;
            }
            freed += of_these;
        }
        Ok(())
    }

    /// Answers how many bytes that made free.
    async fn forget_in(&self, partition: u16, tasks: &[TaskId]) -> Result<u64, StoreError> {
        let call = FORGET.call(&self.keys.of(partition)).arg(self.turned()).arg("");
        let call = tasks.iter().fold(call, |call, task| call.arg(task.to_string()));
        reply::count(&self.nodes.call(partition, &call).await?)
    }
}
