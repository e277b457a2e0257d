//! Whole tasks with short logs, read by plain commands: a script makes a text of Lua's of each text that it hands on, which
//! costs more than all the rest of such a read.

use caudal_engine::ports::StoreError;
use caudal_engine::task::{LogEntry, TaskId, TaskRecord, Tenant};
use redis::{Pipeline, Value};

use super::fault::{to_store_error, unreadable};
use super::record::{Fields, READ};
use super::reply;
use super::store::RedisStore;
use crate::ended_task::{EndedTask, LogPage};

/// Elements that are asked for where nobody knows yet how many there are: what never changes of the task, then its log.
const FIRST_ELEMENTS: isize = 9;
/// Bytes of what is read together with many others.
const SHORT: u64 = 32 * 1024;

impl RedisStore {
    /// The task, and its log if that is of few elements: both of one moment, in one question.
    pub(super) async fn read_task_and_log(
        &self,
        tenant: &Tenant,
        task: TaskId,
    ) -> Result<Option<(TaskRecord, Vec<LogEntry>)>, StoreError> {
        let mut together = redis::pipe();
        together.cmd("MULTI");
        self.ask_for_fields(&mut together, task);
        together.cmd("GET").arg(self.keys.of_task("w", task));
        self.ask_for_elements(&mut together, task, FIRST_ELEMENTS - 1);
        together.cmd("EXEC");
        let mut answers = self.nodes.read_all(task.partition(), &together).await?;
        let of_all = answers.pop().unwrap_or(Value::Nil);
        // What was refused before is why nothing was done in the end.
        answers.into_iter().try_for_each(|answer| right(answer).map(drop))?;
        let [fields, waits, elements] = reply::tuple(right(of_all)?)?;
        let Some(fields) = Fields::read_all(fields)? else { return Ok(None) };
        let (details, pages) = parted(elements)?;
        let waits = if waits == Value::Nil { Vec::new() } else { reply::bytes(waits)? };
        let record = fields.into_record(task, &details, &waits)?;
        if record.tenant != *tenant {
            return Ok(None);
        }
        let is_whole = pages.last().map_or(0, LogPage::head) == record.head;
        let entries = if is_whole { pages.iter().flat_map(LogPage::entries).collect() } else { Vec::new() };
        Ok(Some((record, entries)))
    }

    /// Each of these ended tasks, which nobody changes any more; none where the log is long; or why it cannot be read. At
    /// least one, and no more than have about so many bytes.
    pub(super) async fn read_ended(
        &self,
        partition: u16,
        ids: &[TaskId],
        most_bytes: usize,
    ) -> Result<Vec<Result<Option<EndedTask>, StoreError>>, StoreError> {
        let mut asked = redis::pipe();
        ids.iter().for_each(|id| self.ask_for_fields(&mut asked, *id));
        let answers = self.nodes.read_all(partition, &asked).await?;
        let read = |answer| Fields::read_all(right(answer)?)?.ok_or_else(|| unreadable("its record is gone"));
        let fields = answers.into_iter().map(read);

        let (mut ended, mut asked, mut bytes) = (Vec::with_capacity(ids.len()), redis::pipe(), 0);
        for (id, fields) in ids.iter().zip(fields) {
            let is_short = matches!(fields, Ok(Fields { bytes: Some(..=SHORT), .. }));
            bytes += fields.as_ref().ok().and_then(|fields| fields.bytes).unwrap_or(0);
            if bytes > most_bytes as u64 && !ended.is_empty() {
                break;
            }
            if is_short {
                self.ask_for_elements(&mut asked, *id, -1);
            }
            ended.push((*id, fields, is_short));
        }
        let mut logs = self.nodes.read_all(partition, &asked).await?.into_iter();
        let ended = ended.into_iter().map(|(id, fields, is_short)| {
            if !is_short {
                return fields.map(|_| None);
            }
            let (details, log) = parted(right(logs.next().unwrap_or(Value::Nil))?)?;
            Ok(Some(EndedTask { record: fields?.into_record(id, &details, &[])?, log }))
        });
        Ok(ended.collect())
    }

    fn ask_for_fields(&self, asked: &mut Pipeline, task: TaskId) {
        asked.cmd("HMGET").arg(self.keys.of_task("t", task)).arg(&READ);
    }

    fn ask_for_elements(&self, asked: &mut Pipeline, task: TaskId, last: isize) {
        asked.cmd("LRANGE").arg(self.keys.of_task("l", task)).arg(0).arg(last);
    }
}

/// What never changes of a task, and its log.
fn parted(elements: Value) -> Result<(Vec<u8>, Vec<LogPage>), StoreError> {
    let mut elements = reply::list(elements)?.into_iter();
    let details = elements.next().ok_or_else(|| unreadable("it has no log"))?;
    let pages = elements.map(|element| LogPage::read(reply::bytes(element)?));
    Ok((reply::bytes(details)?, pages.collect::<Result<_, _>>()?))
}

/// The answer to one of several commands.
fn right(answer: Value) -> Result<Value, StoreError> {
    answer.extract_error().map_err(|error| to_store_error(&error))
}
