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
use super::scripts::{FORGET, FORGET_ARCHIVED};
use super::store::{RedisStore, millis};

/// Tasks that one script forgets.
const BITE: usize = 50;
/// Such bites in one go, where more is archived than may stay: meanwhile nothing is archived.
const BITES: usize = 20;

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
        let mut forgotten = self.forget_out_of_grace(now, most).await?;
        if self.most_unarchived_bytes.is_some() || forgotten >= most {
            return Ok(forgotten);
        }
        let old = self.oldest(now.saturating_sub(millis(keep_ended)), most - forgotten).await?;
        self.forget(&old).await?;
        forgotten += old.len();
        while forgotten < most {
            let much = self.unarchived_bytes().await?.saturating_sub(keep_bytes);
            if much == 0 {
                break;
            }
            let first = self.oldest(i64::MAX, BITE.min(most - forgotten)).await?;
            let done = self.forget_up_to(&first, much).await?;
            forgotten += done;
            if done < first.len() || first.is_empty() {
                break;
            }
        }
        Ok(forgotten)
    }

    /// The first to end of all partitions that nobody has archived, up to `until`.
    async fn oldest(&self, until: i64, most: usize) -> Result<Vec<TaskId>, StoreError> {
        let firsts = (0..self.layout.partitions()).map(|partition| async move {
            let mut command = Cmd::new();
            command.arg("ZRANGE").arg(format!("{}ended", self.keys.of(partition))).arg("-inf").arg(until);
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
            let call = FORGET.call(&self.keys.of(partition)).arg(self.turned()).arg("");
            let call = of_one.iter().fold(call, |call, task| call.arg(task.to_string()));
            freed += reply::count(&self.nodes.call(partition, &call).await?)?;
            done += of_one.len();
        }
        Ok(done)
    }

    /// What was archived long enough ago. Answers how many tasks are gone.
    async fn forget_out_of_grace(&self, now: i64, most: usize) -> Result<usize, StoreError> {
        let mut forgotten = 0;
        for partition in 0..self.layout.partitions() {
            while forgotten < most {
                let bite = BITE.min(most - forgotten);
                let (_, gone) = self.forget_archived_until(partition, now, u64::MAX, bite).await?;
                forgotten += gone;
                if gone < bite {
                    break;
                }
            }
        }
        Ok(forgotten)
    }

    /// About so many bytes of what is archived, of those that ended first; of much, a part.
    pub(super) async fn forget_archived(&self, partition: u16, much: u64) -> Result<(), StoreError> {
        let mut left = much;
        for _ in 0..BITES {
            if left == 0 {
                break;
            }
            let (bytes, gone) = self.forget_archived_until(partition, i64::MAX, left, BITE).await?;
            left = left.saturating_sub(bytes);
            if gone == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Answers how many bytes that made free, and how many tasks are gone.
    async fn forget_archived_until(
        &self,
        partition: u16,
        until: i64,
        much: u64,
        most: usize,
    ) -> Result<(u64, usize), StoreError> {
        let call = FORGET_ARCHIVED.call(&self.keys.of(partition)).arg(self.turned()).arg(until).arg(much).arg(most);
        let [bytes, gone] = reply::tuple(self.nodes.call(partition, &call).await?)?;
        Ok((reply::count(&bytes)?, usize::try_from(reply::count(&gone)?).unwrap_or(usize::MAX)))
    }
}
