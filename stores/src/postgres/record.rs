//! A task's row: how it is written, and how it is read back.

use caudal_engine::task::{
    Json, Parent, Priority, Summary, TaskId, TaskOptions, TaskRecord, TaskState, Tenant, Timestamp,
};
use serde::Serialize;
use sqlx_core::row::Row;
use sqlx_postgres::PgRow;
use uuid::Uuid;

use super::fault::Fault;
use super::pages::{self, Page};
use super::text::{escaped, unescaped};
use crate::ended_task::EndedTask;

/// Of a larger input, a search sees the beginning.
const MOST_SEARCHED_BYTES: usize = 64 * 1024;
/// About what a task takes beside its texts.
const ROW_BYTES: usize = 512;

/// The columns of a record, in the order in which [`record_of`] reads them.
pub(super) const COLUMNS: &str = "t.id, t.tenant, t.flow, t.state, t.version, t.ran_version, t.priority, t.created_at, \
    t.started_at, t.ended_at, t.takeovers, t.head, t.progress, t.status, t.parent, t.parent_step, t.retry_of, \
    t.unique_key, t.tags, t.options, t.input";

/// A task as the tables hold it.
pub(super) struct NewRow {
    pub(super) id: Uuid,
    pub(super) tenant: String,
    pub(super) flow: String,
    pub(super) state: i16,
    pub(super) version: i64,
    pub(super) ran_version: i64,
    pub(super) priority: i16,
    pub(super) created_at: i64,
    pub(super) started_at: Option<i64>,
    pub(super) ended_at: i64,
    pub(super) takeovers: i64,
    pub(super) head: i64,
    pub(super) progress: i16,
    pub(super) status: String,
    pub(super) parent: Option<Uuid>,
    pub(super) parent_step: Option<String>,
    pub(super) retry_of: Option<Uuid>,
    pub(super) unique_key: Option<String>,
    pub(super) tags: Option<Vec<u8>>,
    pub(super) options: Option<Vec<u8>>,
    pub(super) input: Vec<u8>,
    pub(super) search: String,
    pub(super) bytes: i64,
    pub(super) tag_rows: Vec<String>,
    pub(super) pages: Vec<Page>,
}

impl NewRow {
    /// Refuses, with the reason, what is not an ended task with a whole log.
    pub(super) fn of(task: &EndedTask) -> Result<Self, String> {
        let record = &task.record;
        let ended_at = record.ended_at.filter(|_| record.state.is_ended()).ok_or("it has not ended")?;
        let pages = pages::pages_of(&task.log, record.head)?;
        let search = search_of(record);
        let in_pages: usize = pages.iter().map(|page| page.bodies.len()).sum();
        let bytes = ROW_BYTES + in_pages + record.input.len() + search.len();
        let text = |text: &str| escaped(text).into_owned();
        Ok(Self {
            id: uuid(record.id),
            tenant: text(record.tenant.as_str()),
            flow: text(&record.flow),
            state: record.state as i16,
            version: record.version.into(),
            ran_version: record.ran_version.into(),
            priority: record.priority as i16,
            created_at: record.created_at.as_millis(),
            started_at: record.started_at.map(Timestamp::as_millis),
            ended_at: ended_at.as_millis(),
            takeovers: record.takeovers.into(),
            head: i64::try_from(record.head).map_err(|_| "its log is too long")?,
            progress: record.summary.progress.into(),
            status: text(&record.summary.status),
            parent: record.parent.as_ref().map(|parent| uuid(parent.task)),
            parent_step: record.parent.as_ref().map(|parent| text(&parent.step)),
            retry_of: record.retry_of.map(uuid),
            unique_key: record.unique_key.as_deref().map(text),
            tags: (!record.tags.is_empty()).then(|| json(&record.tags)).transpose()?,
            options: (record.options != TaskOptions::default()).then(|| json(&record.options)).transpose()?,
            input: record.input.text().as_bytes().to_vec(),
            search,
            bytes: i64::try_from(bytes).map_err(|_| "it is too large")?,
            tag_rows: tags_of(record),
            pages,
        })
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, String> {
    serde_json::to_vec(value).map_err(|error| error.to_string())
}

/// Each once, however often it was given.
fn tags_of(record: &TaskRecord) -> Vec<String> {
    let mut tags: Vec<String> = record.tags.iter().map(|tag| escaped(tag).into_owned()).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// What a list's search for text looks at, in lower case as [`needle_of`] makes it.
fn search_of(record: &TaskRecord) -> String {
    let input = record.options.searchable(&record.input);
    let end = (0..=input.len().min(MOST_SEARCHED_BYTES)).rev().find(|at| input.is_char_boundary(*at));
    let input = input.get(..end.unwrap_or(0)).unwrap_or_default();
    // U+001E between them, so that nothing is found across.
    let all = format!("{}\u{1e}{}\u{1e}{}\u{1e}{input}", record.id, record.flow, record.summary.status);
    needle_of(&all)
}

/// A text to be looked for, written as it stands in what is searched.
pub(super) fn needle_of(text: &str) -> String {
    escaped(&text.to_lowercase()).into_owned()
}

pub(super) fn record_of(row: &PgRow) -> Result<TaskRecord, Fault> {
    let text = |at: usize| row.try_get::<String, _>(at).map(unescaped);
    let maybe_text = |at: usize| row.try_get::<Option<String>, _>(at).map(|text| text.map(unescaped));
    let time = |at: usize| row.try_get::<Option<i64>, _>(at).map(|at| at.map(Timestamp::from_millis));
    let maybe_id = |at: usize| row.try_get::<Option<Uuid>, _>(at).map(|id| id.map(id_of));
    let number = |at: usize| u32::try_from(row.try_get::<i64, _>(at)?).map_err(Fault::unreadable);
    let parent = maybe_id(14)?.zip(maybe_text(15)?);
    Ok(TaskRecord {
        id: id_of(row.try_get(0)?),
        tenant: Tenant::new(text(1)?),
        flow: text(2)?.into(),
        state: state_of(row.try_get(3)?)?,
        version: number(4)?,
        ran_version: number(5)?,
        cancelling: false,
        pausing: false,
        priority: priority_of(row.try_get(6)?)?,
        created_at: Timestamp::from_millis(row.try_get(7)?),
        due_at: None,
        started_at: time(8)?,
        ended_at: time(9)?,
        input: Json::from_text(utf8(row.try_get(20)?)?).map_err(Fault::unreadable)?,
        tags: of_json(row.try_get(18)?)?,
        unique_key: maybe_text(17)?,
        parent: parent.map(|(task, step)| Parent { task, step: step.into() }),
        retry_of: maybe_id(16)?,
        options: of_json(row.try_get(19)?)?,
        claim: None,
        takeovers: number(10)?,
        head: row.try_get::<i64, _>(11)?.cast_unsigned(),
        waits: Vec::new(),
        summary: Summary {
            progress: u8::try_from(row.try_get::<i16, _>(12)?).map_err(Fault::unreadable)?,
            status: text(13)?.into(),
        },
    })
}

fn of_json<T: serde::de::DeserializeOwned + Default>(bytes: Option<&[u8]>) -> Result<T, Fault> {
    bytes.map_or_else(|| Ok(T::default()), |bytes| serde_json::from_slice(bytes).map_err(Fault::unreadable))
}

fn utf8(bytes: Vec<u8>) -> Result<String, Fault> {
    String::from_utf8(bytes).map_err(Fault::unreadable)
}

pub(super) fn state_of(number: i16) -> Result<TaskState, Fault> {
    TaskState::ALL
        .into_iter()
        .find(|state| *state as i16 == number)
        .ok_or_else(|| Fault::unreadable(format_args!("no state has the number {number}")))
}

fn priority_of(number: i16) -> Result<Priority, Fault> {
    Priority::ALL
        .into_iter()
        .find(|priority| *priority as i16 == number)
        .ok_or_else(|| Fault::unreadable(format_args!("no priority has the number {number}")))
}

pub(super) fn uuid(id: TaskId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

pub(super) fn id_of(id: Uuid) -> TaskId {
    TaskId::from_bytes(id.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the numbers in the database keep their meaning, whatever is added to the engine.
    #[test]
    fn numbers_stay() {
        assert_eq!(
            [TaskState::Succeeded, TaskState::Failed, TaskState::Cancelled].map(|state| state as i16),
            [4, 5, 6]
        );
        assert_eq!(Priority::ALL.map(|priority| priority as i16), [0, 1, 2]);
    }
}
