//! Reading the log of a kept task.

use caudal_engine::task::{LogEntry, TaskId};
use sqlx_core::query_as::query_as;
use sqlx_postgres::PgConnection;

use super::fault::Fault;
use super::pages::entries_of;
use super::record::uuid;

/// The pages from the one that holds an event on, until they are together as large as asked.
pub(super) const FROM_PAGE: &str = "SELECT first_seq, bodies FROM ( \
    SELECT first_seq, bodies, sum(octet_length(bodies)) OVER (ORDER BY first_seq) - octet_length(bodies) AS before \
    FROM log_pages WHERE id = $1 AND first_seq >= coalesce( \
    (SELECT max(first_seq) FROM log_pages WHERE id = $1 AND first_seq <= $2), 0)) p \
    WHERE before <= $3 ORDER BY first_seq";
pub(super) const LAST_PAGE: &str =
    "SELECT first_seq, bodies FROM log_pages WHERE id = $1 ORDER BY first_seq DESC LIMIT 1";

pub(super) async fn events(
    connection: &mut PgConnection,
    task: TaskId,
    after: u64,
    most_bytes: usize,
) -> Result<Vec<LogEntry>, Fault> {
    let first = i64::try_from(after.saturating_add(1)).unwrap_or(i64::MAX);
    let most = i64::try_from(most_bytes).unwrap_or(i64::MAX);
    let pages: Vec<(i64, Vec<u8>)> =
        query_as(FROM_PAGE).bind(uuid(task)).bind(first).bind(most).fetch_all(connection).await?;
    let mut entries: Vec<LogEntry> = Vec::new();
    let mut bytes = 0;
    for (first, bodies) in pages {
        for entry in entries_of(first.cast_unsigned(), &bodies)?.filter(|entry| entry.seq > after) {
            bytes += entry.body.len();
            if bytes > most_bytes && !entries.is_empty() {
                return Ok(entries);
            }
            entries.push(entry);
        }
    }
    Ok(entries)
}

pub(super) async fn last_event(connection: &mut PgConnection, task: TaskId) -> Result<Option<LogEntry>, Fault> {
    let page: Option<(i64, Vec<u8>)> = query_as(LAST_PAGE).bind(uuid(task)).fetch_optional(connection).await?;
    let Some((first, bodies)) = page else { return Ok(None) };
    Ok(entries_of(first.cast_unsigned(), &bodies)?.next_back())
}
