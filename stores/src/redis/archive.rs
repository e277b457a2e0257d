//! What an archive asks of the live part: which tasks have ended, and to let go of those that are safe with it.
//!
//! ```text
//!   ended ──▶ to_archive ──▶ (the archive stores it) ──▶ archived ──▶ forgotten after a grace time, or sooner
//!     │                              │
//!     └── stays, however long ◀──────┴──▶ set_aside: cannot be archived; stays, and stops nobody
//!     ▲                                       │
//!     └──────── tried again now and then ◀────┘
//! ```
//!
//! Each may be repeated. A task that is archived twice is the same task.

use std::time::Duration;

use caudal_engine::ports::StoreError;
use caudal_engine::task::TaskId;
use futures_util::future::{join_all, try_join_all};
use redis::{Cmd, Value};

use super::create::id_of;
use super::fault::{to_store_error, unreadable};
use super::log::details_and_log;
use super::record::{FIELDS, Fields};
use super::reply;
use super::scripts::{ARCHIVED, RETRY_ASIDE};
use super::store::{RedisStore, millis};
use crate::ended_task::EndedTask;

/// Bytes of a log that is read together with others.
pub(super) const SHORT: u64 = 32 * 1024;
/// Tasks that one script lets go: it keeps all others waiting.
const BITE: usize = 32;
/// Tasks that one script puts back.
const MOST_RETRIED: u64 = 100;

impl RedisStore {
    /// The first to end in this partition of those that are not archived yet, oldest first, `most` of them and no more
    /// than `most_bytes` of inputs and logs (but at least one, if there is one). What cannot be read is set aside.
    pub async fn to_archive(
        &self,
        partition: u16,
        most: usize,
        most_bytes: usize,
    ) -> Result<Vec<EndedTask>, StoreError> {
        let mut command = Cmd::new();
        command.arg("ZRANGE").arg(format!("{}ended", self.keys.of(partition))).arg(0).arg(most.saturating_sub(1));
        if most == 0 {
            return Ok(Vec::new());
        }
        let ids = reply::list(self.nodes.send(partition, &command).await?)?;
        let ids = ids.into_iter().map(id_of).collect::<Result<Vec<_>, _>>()?;
        let (mut ended, mut bytes) = (Vec::with_capacity(ids.len()), 0);
        let mut rest = &ids[..];
        while !rest.is_empty() {
            let read = self.read_ended(partition, rest, most_bytes.saturating_sub(bytes)).await?;
            let (read_ids, behind) = rest.split_at(read.len().clamp(1, rest.len()));
            rest = behind;
            for (id, read) in read_ids.iter().copied().zip(read) {
                let read = match read {
                    Ok(Some(task)) => Ok(task),
                    Ok(None) => self.read_long(id).await,
                    Err(error) => Err(error),
                };
                let task = match read {
                    Ok(task) => task,
                    Err(StoreError::Corrupt(reason)) => {
                        tracing::error!(task.id = %id, reason, "a task that has ended cannot be read and is set aside");
                        self.set_aside(id, &reason).await?;
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                bytes += task.bytes();
                if bytes > most_bytes && !ended.is_empty() {
                    return Ok(ended);
                }
                ended.push(task);
            }
        }
        Ok(ended)
    }

    /// Each of these ended tasks, which nobody changes any more; none where the log is long; or why it cannot be read. At
    /// least one, and no more than have about so many bytes. By plain commands: a script makes a text of Lua's of each text that
    /// it hands on, which costs more than all the rest.
    async fn read_ended(
        &self,
        partition: u16,
        ids: &[TaskId],
        most_bytes: usize,
    ) -> Result<Vec<Result<Option<EndedTask>, StoreError>>, StoreError> {
        let mut asked = redis::pipe();
        for id in ids {
            asked.cmd("HMGET").arg(self.keys.of_task("t", *id)).arg(&FIELDS);
        }
        let answers = self.nodes.read_all(partition, &asked).await?;
        let read = |answer| Fields::of_values(right(answer)?)?.ok_or_else(|| unreadable("its record is gone"));
        let fields = answers.into_iter().map(read);

        let (mut ended, mut asked, mut bytes) = (Vec::with_capacity(ids.len()), redis::pipe(), 0);
        for (id, fields) in ids.iter().zip(fields) {
            let is_short = matches!(fields, Ok(Fields { bytes: Some(..=SHORT), .. }));
            bytes += fields.as_ref().ok().and_then(|fields| fields.bytes).unwrap_or(0);
            if bytes > most_bytes as u64 && !ended.is_empty() {
                break;
            }
            if is_short {
                asked.cmd("LRANGE").arg(self.keys.of_task("l", *id)).arg(0).arg(-1);
            }
            ended.push((*id, fields, is_short));
        }
        let mut logs = self.nodes.read_all(partition, &asked).await?.into_iter();
        let ended = ended.into_iter().map(|(id, fields, is_short)| {
            if !is_short {
                return fields.map(|_| None);
            }
            let (details, log) = details_and_log(right(logs.next().unwrap_or(Value::Nil))?)?;
            Ok(Some(EndedTask { record: fields?.into_record(id, &details, &[])?, log }))
        });
        Ok(ended.collect())
    }

    /// One with a long log. These are read one after the other: they would be much at once.
    async fn read_long(&self, id: TaskId) -> Result<EndedTask, StoreError> {
        let record = self.read_some(id.partition(), &[id]).await?.pop();
        let record = record.ok_or_else(|| StoreError::Corrupt("its record is gone".to_owned()))?;
        Ok(EndedTask { record, log: self.read_pages(id).await? })
    }

    /// These are safe: they are forgotten after `grace`, or when more ended later than may stay.
    pub async fn archived(&self, tasks: &[TaskId], grace: Duration) -> Result<(), StoreError> {
        let calls = by_partition(tasks).into_iter().map(|(partition, tasks)| async move {
            let mut stays = 0;
            for bite in tasks.chunks(BITE) {
                let call = ARCHIVED.call(&self.keys.of(partition)).arg(self.turned()).arg(millis(grace)).arg("");
                let call = bite.iter().fold(call, |call, task| call.arg(task.to_string()));
                stays = reply::count(&self.nodes.call(partition, &call).await?)?;
            }
            let too_much = stays.saturating_sub(self.most_archived_of_a_partition());
            if let Err(error) = self.forget_archived(partition, too_much).await {
                // What is safe is safe, and more can be archived.
                tracing::warn!(%error, "archived tasks cannot be forgotten to make room in Redis; trying again soon");
            }
            Ok(())
        });
        join_all(calls).await.into_iter().collect()
    }

    /// This one cannot be archived. It is kept with the error, and not offered again.
    pub async fn set_aside(&self, task: TaskId, error: &str) -> Result<(), StoreError> {
        let partition = task.partition();
        let call = ARCHIVED.call(&self.keys.of(partition)).arg(self.turned()).arg("").arg(error);
        self.nodes.call(partition, &call.arg(task.to_string())).await.map(drop)
    }

    /// What was set aside is offered again. Answers how many tasks. Those that lacked what nobody could tell, and were
    /// repaired by hand since, go on.
    pub async fn retry_aside(&self) -> Result<u64, StoreError> {
        let mut retried = 0;
        for partition in 0..self.layout.partitions() {
            // No more than there are at first: one may be set aside again at once.
            let mut waiting = redis::cmd("HLEN");
            waiting.arg(format!("{}aside", self.keys.of(partition)));
            let mut left = reply::count(&self.nodes.send(partition, &waiting).await?)?;
            let mut cursor = "0".to_owned();
            while left > 0 || !cursor.is_empty() {
                let call = RETRY_ASIDE.call(&self.keys.of(partition)).arg(self.turned());
                let call = call.arg(left.min(MOST_RETRIED)).arg(&cursor);
                let asked = self.rounds.moment();
                let [moved, repaired, next] = reply::tuple(self.nodes.call(partition, &call).await?)?;
                let (moved, repaired) = (reply::count(&moved)?, reply::count(&repaired)?);
                if repaired > 0 {
                    tracing::warn!(tasks = repaired, "tasks that could not go on were repaired and are rescued");
                    self.rounds.saw_leases(partition, asked, Some(0));
                }
                retried += moved;
                left = if moved == 0 { 0 } else { left.saturating_sub(moved) };
                cursor = reply::text(next)?;
            }
        }
        Ok(retried)
    }

    /// What was set aside, with its errors.
    pub async fn aside(&self) -> Result<Vec<(TaskId, String)>, StoreError> {
        let mut aside = Vec::new();
        for partition in 0..self.layout.partitions() {
            let mut command = redis::cmd("HGETALL");
            command.arg(format!("{}aside", self.keys.of(partition)));
            let mut flat = reply::list(self.nodes.send(partition, &command).await?)?.into_iter();
            while let (Some(id), Some(error)) = (flat.next(), flat.next()) {
                aside.push((id_of(id)?, reply::text(error)?));
            }
        }
        Ok(aside)
    }

    /// How much has ended and waits to be archived.
    pub async fn unarchived_bytes(&self) -> Result<u64, StoreError> {
        let counts = (0..self.layout.partitions()).map(|partition| async move {
            let mut command = redis::cmd("HGET");
            command.arg(format!("{}counts", self.keys.of(partition))).arg("unarchived");
            reply::maybe_int(&self.nodes.send(partition, &command).await?)
        });
        let counts = try_join_all(counts).await?;
        Ok(counts.into_iter().flatten().filter_map(|bytes| u64::try_from(bytes).ok()).sum())
    }
}

fn by_partition(tasks: &[TaskId]) -> Vec<(u16, Vec<TaskId>)> {
    let mut sorted = tasks.to_vec();
    sorted.sort_unstable_by_key(|task| task.partition());
    let groups = sorted.chunk_by(|one, next| one.partition() == next.partition());
    groups.filter_map(|group| Some((group.first()?.partition(), group.to_vec()))).collect()
}

/// The answer to one of several commands.
fn right(answer: Value) -> Result<Value, StoreError> {
    answer.extract_error().map_err(|error| to_store_error(&error))
}
