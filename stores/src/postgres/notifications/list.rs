//! Lists, newest first, along the index that fits: of a task, of a person, of a state, or of all.

use caudal_engine::notification::{NotificationRecord, NotificationState};
use caudal_engine::ports::{NotificationFilter, NotificationPage};
use sqlx_core::query_builder::QueryBuilder;
use sqlx_postgres::{PgConnection, Postgres};

use super::super::fault::Fault;
use super::super::record::uuid;
use super::super::text::escaped;
use super::row::{COLUMNS, recipient_key, record_of, uuid_of};

pub(super) async fn page(
    connection: &mut PgConnection,
    filter: &NotificationFilter,
) -> Result<NotificationPage, Fault> {
    let mut items: Vec<NotificationRecord> = Vec::new();
    for state in states_of(&filter.states) {
        for row in page_query(filter, state).build().fetch_all(&mut *connection).await? {
            items.push(record_of(&row)?);
        }
    }
    items.sort_unstable_by_key(|record| std::cmp::Reverse(record.id));
    let more = items.len() > filter.limit;
    items.truncate(filter.limit);
    Ok(NotificationPage { next: items.last().map(|last| last.id).filter(|_| more), items, partial: false })
}

/// What is walked: each final state that is asked for, or all at once.
fn states_of(asked: &[NotificationState]) -> Vec<Option<NotificationState>> {
    let mut states: Vec<_> = asked.iter().copied().filter(|state| state.is_final()).map(Some).collect();
    states.sort_unstable();
    states.dedup();
    if asked.is_empty() { vec![None] } else { states }
}

fn page_query(filter: &NotificationFilter, state: Option<NotificationState>) -> QueryBuilder<Postgres> {
    let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut query = QueryBuilder::new(format!("SELECT {COLUMNS} FROM notifications n WHERE n.tenant = "));
    query.push_bind(escaped(filter.tenant.as_str()).into_owned());
    if let Some(task) = filter.task {
        query.push(" AND n.task = ").push_bind(uuid(task));
    }
    if let Some(recipient) = &filter.recipient {
        let key = recipient_key(recipient);
        query.push(" AND md5(n.recipient_key) = md5(").push_bind(key.clone());
        query.push(") AND n.recipient_key = ").push_bind(key);
    }
    if let Some(state) = state {
        // Written out, for the planner to know which index holds it.
        query.push(" AND n.state = ").push(state as i16);
    }
    if let Some(channel) = filter.channel {
        query.push(" AND n.channel = ").push(channel as i16);
    }
    if let Some(cursor) = filter.cursor {
        query.push(" AND n.id < ").push_bind(uuid_of(cursor));
    }
    query.push(" ORDER BY n.id DESC LIMIT ").push_bind(limit);
    query
}
