//! Lists, newest first, each along the index that narrows it most; and one by its id.
//!
//! Several states are walked one by one and merged, as in the list of tasks. A search for a recipient looks at a bounded
//! number per page: a page may then be short, and its cursor goes on where it stopped.

use caudal_engine::notification::mailbox::key_of;
use caudal_engine::notification::{NotificationId, NotificationRecord, NotificationState};
use caudal_engine::ports::{NotificationFilter, NotificationPage};
use caudal_engine::task::Tenant;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::super::columns::{Columns, signed};
use super::super::fault::Fault;
use super::super::names::Names;
use super::row::{record_columns, record_of};

/// Notifications that one page's search for a recipient looks at.
const MOST_SEARCHED: usize = 20_000;
const BY_ID: &str = concat!("SELECT ", record_columns!(), " FROM notifications n WHERE n.id = ?1 AND n.tenant = ?2");

pub(super) fn one(
    connection: &Connection,
    names: &Names,
    tenant: &Tenant,
    id: NotificationId,
) -> Result<Option<NotificationRecord>, Fault> {
    let Some(tenant) = names.find_tenant(tenant) else { return Ok(None) };
    let mut statement = connection.prepare_cached(BY_ID)?;
    let mut rows = statement.query(rusqlite::params![id.as_bytes(), tenant])?;
    rows.next()?.map(|row| record_of(&mut Columns::of(row), names)).transpose()
}

pub(super) fn page(
    connection: &Connection,
    names: &Names,
    filter: &NotificationFilter,
) -> Result<NotificationPage, Fault> {
    let Some(tenant) = names.find_tenant(&filter.tenant) else { return Ok(NotificationPage::default()) };
    let mut states: Vec<Option<NotificationState>> = filter.states.iter().copied().map(Some).collect();
    states.sort_unstable();
    states.dedup();
    if states.is_empty() {
        states.push(None);
    }
    let mut found = Vec::new();
    // Below this id, one of the walks has not looked.
    let mut searched_to: Option<NotificationId> = None;
    for state in states {
        searched_to = searched_to.max(walk(connection, names, filter, tenant, state, &mut found)?);
    }
    found.sort_by_key(|record| std::cmp::Reverse(record.id));
    if let Some(searched_to) = searched_to {
        found.retain(|record| record.id >= searched_to);
    }
    let more = found.len() > filter.limit;
    found.truncate(filter.limit);
    let last = found.last().map(|record| record.id);
    Ok(NotificationPage { items: found, next: if more { last } else { searched_to }, partial: false })
}

/// Collects up to one more than a page holds. Answers where it stopped looking, if it did before the end.
fn walk(
    connection: &Connection,
    names: &Names,
    filter: &NotificationFilter,
    tenant: i64,
    state: Option<NotificationState>,
    found: &mut Vec<NotificationRecord>,
) -> Result<Option<NotificationId>, Fault> {
    let (sql, values) = query(filter, tenant, state);
    let recipient = filter.recipient.as_deref().map(key_of);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(&values))?;
    let (mut searched, mut fitting, mut last) = (0, 0, None);
    while let Some(row) = rows.next()? {
        searched += 1;
        let record = match record_of(&mut Columns::of(row), names) {
            Ok(record) => record,
            // It must not hide the others.
            Err(fault) if fault.is_of_a_row() => {
                tracing::warn!(error = %fault, "a notification cannot be read");
                last = row.get(0).map(NotificationId::from_bytes).ok().or(last);
                continue;
            }
            Err(fault) => return Err(fault),
        };
        last = Some(record.id);
        if recipient.as_ref().is_none_or(|recipient| key_of(&record.recipient) == *recipient) {
            found.push(record);
            fitting += 1;
            if fitting > filter.limit {
                return Ok(None);
            }
        }
    }
    Ok(last.filter(|_| searched >= most_searched(filter)))
}

fn query(filter: &NotificationFilter, tenant: i64, state: Option<NotificationState>) -> (String, Vec<Value>) {
    let rare = state.filter(|state| *state != NotificationState::Sent);
    let index = match (filter.task, rare) {
        (Some(_), _) => "notifications_by_task",
        (None, Some(_)) => "notifications_by_state",
        (None, None) => "notifications_by_tenant",
    };
    let mut sql = format!("SELECT {} FROM notifications n INDEXED BY {index} WHERE n.tenant = ?", record_columns!());
    let mut values = vec![Value::Integer(tenant)];
    let mut and = |condition: &str, value: Value| {
        sql.push_str(" AND ");
        sql.push_str(condition);
        values.push(value);
    };
    if let Some(task) = filter.task {
        and("n.task IS NOT NULL AND n.task = ?", Value::Blob(task.as_bytes().to_vec()));
    }
    match (state, rare) {
        // Says to SQLite that the index without the sent ones will do.
        (Some(state), Some(_)) => and("n.state <> 3 AND n.state = ?", Value::Integer(state as i64)),
        (Some(state), None) => and("n.state = ?", Value::Integer(state as i64)),
        (None, _) => {}
    }
    if let Some(channel) = filter.channel {
        and("n.channel = ?", Value::Integer(channel as i64));
    }
    if let Some(cursor) = filter.cursor {
        and("n.id < ?", Value::Blob(cursor.as_bytes().to_vec()));
    }
    sql.push_str(" ORDER BY n.id DESC LIMIT ?");
    values.push(Value::Integer(signed(most_searched(filter) as u64)));
    (sql, values)
}

/// Rows that one walk reads.
fn most_searched(filter: &NotificationFilter) -> usize {
    if filter.recipient.is_some() { MOST_SEARCHED } else { filter.limit.saturating_add(1) }
}

#[cfg(test)]
mod tests {
    use caudal_engine::task::TaskId;

    use super::super::super::plans;
    use super::*;

    /// Goal: every list walks an index in its own order, so that a page costs a page.
    #[test]
    fn lists_walk_an_index() {
        let cursor = Some(NotificationId::from_bytes([7; 16]));
        let task = Some(TaskId::from_bytes([7; 16]));
        let filters = [
            NotificationFilter { cursor, ..NotificationFilter::default() },
            NotificationFilter { cursor, task, ..NotificationFilter::default() },
        ];
        let states = NotificationState::ALL.into_iter().map(Some).chain([None]);
        for (filter, state) in filters.iter().flat_map(|filter| states.clone().map(move |state| (filter, state))) {
            let (sql, _) = query(filter, 1, state);
            plans::assert_seeks(&sql, &plans::plan_of(&sql));
        }
        plans::assert_seeks(BY_ID, &plans::plan_of(BY_ID));
    }
}
