//! Archiving: a batch of ended tasks in one transaction, and one bad task does not stop the others.
//!
//! All rows of a table go in one statement. When that fails because of a task, the tasks are stored one by one to find
//! which; when it fails because of the server, nothing is stored and the batch is sent again later. A task that is
//! there already is left as it is, so that sending a batch twice is the same as once.

use std::collections::HashSet;
use std::time::Duration;

use caudal_engine::ports::StoreError;
use caudal_engine::task::TaskId;
use sqlx_core::query::query;
use sqlx_core::query_scalar::query_scalar;
use sqlx_core::raw_sql::raw_sql;
use sqlx_postgres::{PgConnection, Postgres};
use uuid::Uuid;

use super::counts::Counts;
use super::fault::Fault;
use super::record::{NewRow, id_of};
use super::turn::Turn;
use crate::ended_task::EndedTask;

/// Bodies that go in one statement.
const STATEMENT_BYTES: usize = 4 * 1024 * 1024;
/// One log may be large, and is not given up because of that.
const SLOWEST_BYTES_PER_SECOND: u64 = 1024 * 1024;

const INSERT_TASKS: &str = "INSERT INTO tasks (id, tenant, flow, state, version, ran_version, priority, created_at, \
    started_at, ended_at, takeovers, head, progress, status, parent, parent_step, retry_of, unique_key, tags, options, \
    input, search, bytes) \
    SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::int2[], $5::int8[], $6::int8[], $7::int2[], \
    $8::int8[], $9::int8[], $10::int8[], $11::int8[], $12::int8[], $13::int2[], $14::text[], $15::uuid[], $16::text[], \
    $17::uuid[], $18::text[], $19::bytea[], $20::bytea[], $21::bytea[], $22::text[], $23::int8[]) \
    ON CONFLICT (id) DO NOTHING RETURNING id";
const INSERT_TAGS: &str =
    "INSERT INTO task_tags (id, tenant, tag) SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::text[])";
const INSERT_PAGES: &str =
    "INSERT INTO log_pages (id, first_seq, bodies) SELECT * FROM UNNEST($1::uuid[], $2::int8[], $3::bytea[])";

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Archived {
    /// Those that are kept when the turn is committed, by this batch or an earlier one.
    pub kept: Vec<TaskId>,
    /// Those that cannot be, and why.
    pub refused: Vec<(TaskId, String)>,
}

impl Turn<'_> {
    pub async fn archive(&mut self, tasks: &[EndedTask]) -> Result<Archived, StoreError> {
        let mut archived = Archived::default();
        let mut rows = Vec::with_capacity(tasks.len());
        for task in tasks {
            match NewRow::of(task) {
                Ok(row) => rows.push(row),
                Err(reason) => archived.refused.push((task.record.id, reason)),
            }
        }
        if !rows.is_empty() {
            let bytes: u64 = rows.iter().map(|row| row.bytes.unsigned_abs()).sum();
            let longer = Duration::from_secs(bytes / SLOWEST_BYTES_PER_SECOND);
            self.long_step(longer, async |connection| insert_batch(connection, &rows, &mut archived).await).await?;
        }
        Ok(archived)
    }
}

async fn insert_batch(connection: &mut PgConnection, rows: &[NewRow], archived: &mut Archived) -> Result<(), Fault> {
    let mut counts = Counts::default();
    match insert_alone(connection, rows).await {
        Ok(new) => note(rows, &new, &mut counts, archived),
        Err(fault) if fault.is_of_the_store() => return Err(fault),
        Err(_) => {
            for row in rows {
                let row = std::slice::from_ref(row);
                match insert_alone(connection, row).await {
                    Ok(new) => note(row, &new, &mut counts, archived),
                    Err(fault) if fault.is_of_the_store() => return Err(fault),
                    Err(fault) => archived.refused.extend(row.iter().map(|row| (id_of(row.id), fault.to_string()))),
                }
            }
        }
    }
    counts.save(connection).await
}

fn note(rows: &[NewRow], new: &HashSet<Uuid>, counts: &mut Counts, archived: &mut Archived) {
    for row in rows {
        archived.kept.push(id_of(row.id));
        if new.contains(&row.id) {
            counts.add(&row.flow, row.state, 1, row.bytes);
        }
    }
}

/// Stores all of them or none, and answers which were new.
async fn insert_alone(connection: &mut PgConnection, rows: &[NewRow]) -> Result<HashSet<Uuid>, Fault> {
    raw_sql("SAVEPOINT alone").execute(&mut *connection).await?;
    let inserted = insert(connection, rows).await;
    let then = if inserted.is_ok() { "RELEASE SAVEPOINT alone" } else { "ROLLBACK TO SAVEPOINT alone" };
    if inserted.as_ref().err().is_none_or(|fault| !fault.is_of_the_store()) {
        raw_sql(then).execute(connection).await?;
    }
    inserted
}

async fn insert(connection: &mut PgConnection, rows: &[NewRow]) -> Result<HashSet<Uuid>, Fault> {
    let new: HashSet<Uuid> = insert_tasks(connection, rows).await?.into_iter().collect();
    let rows: Vec<&NewRow> = rows.iter().filter(|row| new.contains(&row.id)).collect();
    let tags = TagRows::of(&rows);
    if !tags.ids.is_empty() {
        query::<Postgres>(INSERT_TAGS)
            .bind(tags.ids)
            .bind(tags.tenants)
            .bind(tags.tags)
            .execute(&mut *connection)
            .await?;
    }
    for pages in page_rows(&rows) {
        query::<Postgres>(INSERT_PAGES)
            .bind(pages.ids)
            .bind(pages.firsts)
            .bind(pages.bodies)
            .execute(&mut *connection)
            .await?;
    }
    Ok(new)
}

/// Columns of `task_tags`.
#[derive(Default)]
struct TagRows<'a> {
    ids: Vec<Uuid>,
    tenants: Vec<&'a str>,
    tags: Vec<&'a str>,
}

impl<'a> TagRows<'a> {
    fn of(rows: &[&'a NewRow]) -> Self {
        let mut all = Self::default();
        for (row, tag) in rows.iter().flat_map(|row| row.tag_rows.iter().map(move |tag| (row, tag))) {
            all.ids.push(row.id);
            all.tenants.push(&row.tenant);
            all.tags.push(tag);
        }
        all
    }
}

/// Columns of `log_pages`, as much as goes in one statement.
#[derive(Default)]
struct PageRows<'a> {
    bytes: usize,
    ids: Vec<Uuid>,
    firsts: Vec<i64>,
    bodies: Vec<&'a [u8]>,
}

fn page_rows<'a>(rows: &[&'a NewRow]) -> Vec<PageRows<'a>> {
    let mut statements: Vec<PageRows<'a>> = Vec::new();
    for (row, page) in rows.iter().flat_map(|row| row.pages.iter().map(move |page| (row, page))) {
        if statements.last().is_none_or(|open| open.bytes + page.bodies.len() > STATEMENT_BYTES) {
            statements.push(PageRows::default());
        }
        let Some(open) = statements.last_mut() else { continue };
        open.bytes += page.bodies.len();
        open.ids.push(row.id);
        open.firsts.push(page.first.cast_signed());
        open.bodies.push(&page.bodies);
    }
    statements
}

async fn insert_tasks(connection: &mut PgConnection, rows: &[NewRow]) -> Result<Vec<Uuid>, Fault> {
    fn column<'r, T>(rows: &'r [NewRow], value: impl Fn(&'r NewRow) -> T) -> Vec<T> {
        rows.iter().map(value).collect()
    }
    let new = query_scalar::<Postgres, Uuid>(INSERT_TASKS)
        .bind(column(rows, |row| row.id))
        .bind(column(rows, |row| row.tenant.as_str()))
        .bind(column(rows, |row| row.flow.as_str()))
        .bind(column(rows, |row| row.state))
        .bind(column(rows, |row| row.version))
        .bind(column(rows, |row| row.ran_version))
        .bind(column(rows, |row| row.priority))
        .bind(column(rows, |row| row.created_at))
        .bind(column(rows, |row| row.started_at))
        .bind(column(rows, |row| row.ended_at))
        .bind(column(rows, |row| row.takeovers))
        .bind(column(rows, |row| row.head))
        .bind(column(rows, |row| row.progress))
        .bind(column(rows, |row| row.status.as_str()))
        .bind(column(rows, |row| row.parent))
        .bind(column(rows, |row| row.parent_step.as_deref()))
        .bind(column(rows, |row| row.retry_of))
        .bind(column(rows, |row| row.unique_key.as_deref()))
        .bind(column(rows, |row| row.tags.as_deref()))
        .bind(column(rows, |row| row.options.as_deref()))
        .bind(column(rows, |row| row.input.as_slice()))
        .bind(column(rows, |row| row.search.as_str()))
        .bind(column(rows, |row| row.bytes));
    Ok(new.fetch_all(connection).await?)
}
