//! Lists, newest first: each filter walks the index that narrows it most, from the cursor on.
//!
//! Several states are walked one by one and merged, because one walk over them could not be in the order of age. A
//! search for text looks at a bounded number of tasks per page: a page may then be short, and its cursor goes on
//! where it stopped.

use std::time::Duration;

use caudal_engine::ports::{TaskFilter, TaskPage};
use caudal_engine::task::{TaskId, TaskRecord, TaskState, Timestamp, WireState};
use sqlx_core::query_builder::QueryBuilder;
use sqlx_postgres::{PgConnection, Postgres};
use uuid::Uuid;

use super::fault::Fault;
use super::record::{COLUMNS, id_of, needle_of, record_of, uuid};
use super::text::escaped;

/// Tasks that one page's search for text looks at.
pub(super) const MOST_SEARCHED: i64 = 20_000;
/// An id begins with the moment at which it was made, which is that of its task's creation or near it.
const NEAR: Duration = Duration::from_secs(3600);

/// Whether a list can find anything here at all: only ended tasks are kept.
pub(super) fn may_find(filter: &TaskFilter) -> bool {
    filter.states.is_empty() || filter.states.iter().any(|state| state.is_ended())
}

pub(super) async fn list(connection: &mut PgConnection, filter: &TaskFilter) -> Result<TaskPage, Fault> {
    let mut items = Vec::new();
    // Below this id, one of the walks has not looked.
    let mut searched_to: Option<TaskId> = None;
    for state in states_of(&filter.states) {
        searched_to = searched_to.max(walk(connection, filter, state, &mut items).await?);
    }
    Ok(page_of(items, filter.limit, searched_to))
}

/// The newest of these, as a page that goes down to `searched_to` at most.
fn page_of(mut items: Vec<TaskRecord>, limit: usize, searched_to: Option<TaskId>) -> TaskPage {
    items.sort_unstable_by_key(|record| std::cmp::Reverse(record.id));
    items.retain(|record| searched_to.is_none_or(|searched_to| record.id >= searched_to));
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().map(|record| record.id);
    TaskPage { next: if more { last } else { searched_to }, items, partial: false }
}

/// What is walked: each ended state that is asked for, or all at once.
fn states_of(asked: &[WireState]) -> Vec<Option<TaskState>> {
    let of_wire = [
        (WireState::Success, TaskState::Succeeded),
        (WireState::Failure, TaskState::Failed),
        (WireState::Cancelled, TaskState::Cancelled),
    ];
    let states: Vec<_> =
        of_wire.iter().filter(|(wire, _)| asked.contains(wire)).map(|(_, state)| Some(*state)).collect();
    if asked.is_empty() || states.len() == of_wire.len() { vec![None] } else { states }
}

/// Collects up to one more than a page holds. Answers where it stopped looking, if it did before the end.
async fn walk(
    connection: &mut PgConnection,
    filter: &TaskFilter,
    state: Option<TaskState>,
    found: &mut Vec<TaskRecord>,
) -> Result<Option<TaskId>, Fault> {
    let rows = page_query(filter, state).build().fetch_all(&mut *connection).await?;
    for row in &rows {
        found.push(record_of(row)?);
    }
    if filter.text.is_none() || rows.len() > filter.limit {
        return Ok(None);
    }
    let mut end = QueryBuilder::new("SELECT t.id");
    push_walk(&mut end, filter, state);
    end.push(" OFFSET ").push_bind(MOST_SEARCHED - 1).push(" LIMIT 1");
    let last: Option<Uuid> = end.build_query_scalar().fetch_optional(connection).await?;
    Ok(last.map(id_of))
}

pub(super) fn page_query(filter: &TaskFilter, state: Option<TaskState>) -> QueryBuilder<Postgres> {
    let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut query = QueryBuilder::new(format!("SELECT {COLUMNS}"));
    match &filter.text {
        None => {
            push_walk(&mut query, filter, state);
        }
        Some(text) => {
            query.push(" FROM (SELECT t.*");
            push_walk(&mut query, filter, state);
            query.push(" LIMIT ").push_bind(MOST_SEARCHED);
            query.push(") t WHERE strpos(t.search, ").push_bind(needle_of(text)).push(") > 0 ORDER BY t.id DESC");
        }
    }
    query.push(" LIMIT ").push_bind(limit);
    query
}

/// From where, under which conditions, in which order; states are written out, for the planner to know which indexes
/// hold them.
fn push_walk(query: &mut QueryBuilder<Postgres>, filter: &TaskFilter, state: Option<TaskState>) {
    // By the id that stands in the index that is walked.
    let order = if filter.tag.is_some() { "g.id" } else { "t.id" };
    query.push(if filter.tag.is_some() { " FROM task_tags g JOIN tasks t ON t.id = g.id" } else { " FROM tasks t" });
    query.push(" WHERE t.tenant = ").push_bind(text(filter.tenant.as_str()));
    if let Some(tag) = &filter.tag {
        query.push(" AND g.tenant = ").push_bind(text(filter.tenant.as_str()));
        query.push(" AND g.tag = ").push_bind(text(tag));
    }
    if let Some(flow) = &filter.flow {
        query.push(" AND t.flow = ").push_bind(text(flow));
    }
    if let Some(parent) = filter.parent {
        query.push(" AND t.parent = ").push_bind(uuid(parent));
    }
    if let Some(state) = state {
        query.push(" AND t.state = ").push(state as i16);
    }
    if let Some(after) = filter.created_after {
        query.push(" AND t.created_at > ").push_bind(after.as_millis());
        query.push(format_args!(" AND {order} > ")).push_bind(id_at(after - NEAR));
    }
    if let Some(before) = filter.created_before {
        query.push(" AND t.created_at < ").push_bind(before.as_millis());
        query.push(format_args!(" AND {order} < ")).push_bind(id_at(before + NEAR));
    }
    if let Some(cursor) = filter.cursor {
        query.push(format_args!(" AND {order} < ")).push_bind(uuid(cursor));
    }
    query.push(format_args!(" ORDER BY {order} DESC"));
}

fn text(text: &str) -> String {
    escaped(text).into_owned()
}

/// Lies between the ids that were made before this moment and those made from it on.
fn id_at(at: Timestamp) -> Uuid {
    uuid(TaskId::from_parts(at, 0, 0))
}
