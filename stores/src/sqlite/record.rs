//! A stored task as the port shows it: the row, with names for numbers, and the details that never change.

use caudal_engine::task::{Json, TaskId, TaskOptions, TaskRecord, TaskState};
use rusqlite::{Connection, OptionalExtension};

use super::columns::Columns;
use super::fault::Fault;
use super::names::Names;
use super::row::TaskRow;

/// A row's columns, then those of the details.
macro_rules! record_columns {
    () => {
        concat!($crate::sqlite::row::row_columns!(), ", d.retry_of, d.tags, d.options, d.input")
    };
}
pub(super) use record_columns;

#[derive(Debug)]
pub(super) struct Details {
    retry_of: Option<TaskId>,
    pub(super) tags: Vec<String>,
    pub(super) options: TaskOptions,
    pub(super) input: Json,
}

impl Details {
    pub(super) fn from_columns(at: &mut Columns<'_>) -> Result<Self, Fault> {
        let (retry_of, tags, options) = (at.maybe_id()?, at.value::<Option<String>>()?, at.value::<Option<String>>()?);
        let input = Json::from_text(at.value::<String>()?).map_err(Fault::unreadable)?;
        let tags = tags.map_or(Ok(Vec::new()), |tags| serde_json::from_str(&tags));
        let options = options.map_or(Ok(TaskOptions::default()), |options| serde_json::from_str(&options));
        Ok(Self {
            retry_of,
            tags: tags.map_err(Fault::unreadable)?,
            options: options.map_err(Fault::unreadable)?,
            input,
        })
    }
}

/// Row and details by the task's number or id: `sql` ends with the condition on it.
pub(super) fn find(
    connection: &Connection,
    by: impl rusqlite::ToSql,
    sql: &'static str,
) -> Result<Option<(TaskRow, Details)>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([by])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut at = Columns::of(row);
    let row = TaskRow::from_columns(&mut at)?;
    Ok(Some((row.freshened(connection)?, Details::from_columns(&mut at)?)))
}

pub(super) const BY_ID: &str =
    concat!("SELECT ", record_columns!(), " FROM tasks t JOIN task_details d ON d.task = t.task WHERE t.id = ?1");
pub(super) const BY_KEY: &str =
    concat!("SELECT ", record_columns!(), " FROM tasks t JOIN task_details d ON d.task = t.task WHERE t.task = ?1");

pub(super) fn record_of(row: &TaskRow, details: Details, names: &Names) -> Result<TaskRecord, Fault> {
    let claim = (row.state == TaskState::Running).then_some(row.claim).zip(row.worker.clone());
    Ok(TaskRecord {
        id: row.id,
        tenant: names.tenant(row.tenant)?,
        flow: names.flow(row.flow)?,
        version: row.version,
        ran_version: row.ran_version,
        state: row.state,
        cancelling: row.cancelling,
        pausing: row.pausing,
        priority: row.priority,
        created_at: row.created_at,
        due_at: row.due_at,
        started_at: row.started_at,
        ended_at: row.ended_at,
        input: details.input,
        tags: details.tags,
        unique_key: row.unique_key.as_deref().map(str::to_owned),
        parent: row.parent.clone(),
        retry_of: details.retry_of,
        options: details.options,
        claim,
        takeovers: row.takeovers,
        head: row.head,
        waits: row.waits()?,
        summary: row.summary.clone(),
    })
}

pub(super) fn tags(connection: &Connection, task: i64) -> Result<Vec<String>, Fault> {
    let mut statement = connection.prepare_cached("SELECT tags FROM task_details WHERE task = ?1")?;
    let tags: Option<String> = statement.query_row([task], |row| row.get(0)).optional()?.flatten();
    tags.map_or(Ok(Vec::new()), |tags| serde_json::from_str(&tags).map_err(Fault::unreadable))
}
