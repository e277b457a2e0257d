//! Forgetting ended tasks: one by one when asked, or by age and size; and giving their space back.

use std::time::Duration;

use caudal_engine::ports::ControlRefused;
use caudal_engine::task::{TaskId, Tenant};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::row::TaskRow;
use super::session::Session;

/// Free pages are kept for what comes next, up to this many or a tenth of the file.
const SPARE_PAGES: u64 = 1_024;
/// Pages given back in one transaction.
const VACUUM_BITE: u64 = 256;
const MOST_EXPIRED_KEYS: u32 = 500;

const FIRST_ENDED: &str = "SELECT id, ended_at FROM tasks WHERE ended_at IS NOT NULL ORDER BY ended_at, task LIMIT 1";

/// Removes what belongs to a task.
const FORGET: [&str; 4] = [
    "DELETE FROM log_pages WHERE task = ?1",
    "DELETE FROM signals WHERE task = ?1",
    "DELETE FROM task_details WHERE task = ?1",
    "DELETE FROM tasks WHERE task = ?1",
];

impl Session<'_> {
    pub(super) fn delete(&mut self, tenant: &Tenant, task: TaskId) -> Result<Result<(), ControlRefused>, Fault> {
        let Some(row) = self.row_of(tenant, task)? else { return Ok(Err(ControlRefused::NotFound)) };
        if !row.state.is_ended() {
            return Ok(Err(ControlRefused::WrongState { state: row.shown() }));
        }
        self.forget(&row)?;
        Ok(Ok(()))
    }

    /// Those that are too old; then, oldest end first, as many as are too much.
    pub(super) fn clean(&mut self, keep_ended: Duration, keep_bytes: u64, most: usize) -> Result<usize, Fault> {
        self.forget_expired_keys()?;
        let mut forgotten = 0;
        while forgotten < most {
            let Some((task, ended_at)) = self.first_ended()? else { break };
            let too_old = caudal_engine::task::Timestamp::from_millis(ended_at) + keep_ended <= self.now;
            if !too_old && bytes(self.connection)? <= keep_bytes {
                break;
            }
            let Some(row) = self.row(task)? else { break };
            self.forget(&row)?;
            forgotten += 1;
        }
        Ok(forgotten)
    }

    fn first_ended(&self) -> Result<Option<(TaskId, i64)>, Fault> {
        let mut statement = self.connection.prepare_cached(FIRST_ENDED)?;
        let mut rows = statement.query([])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some((TaskId::from_bytes(row.get(0)?), row.get(1)?)))
    }

    /// Removes a task and all that belongs to it; notifications that are still to be sent stay.
    fn forget(&mut self, row: &TaskRow) -> Result<(), Fault> {
        for tag in super::record::tags(self.connection, row.key)? {
            self.connection
                .prepare_cached("DELETE FROM task_tags WHERE tenant = ?1 AND tag = ?2 AND id = ?3")?
                .execute(params![row.tenant, tag, row.id.as_bytes()])?;
        }
        for sql in FORGET {
            self.connection.prepare_cached(sql)?.execute([row.key])?;
        }
        self.forget_notifications(row.id)?;
        self.memory.counts.count(row.tenant, row.flow, row.state, -1);
        self.announcements.gone(row.id);
        self.announce_change(row)
    }

    fn forget_expired_keys(&self) -> Result<(), Fault> {
        let lifetime = i64::try_from(self.limits.idempotency_lifetime.as_millis()).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached(
                "DELETE FROM idempotency_keys WHERE (tenant, key) IN (SELECT tenant, key FROM idempotency_keys \
                 WHERE created_at <= ?1 ORDER BY created_at LIMIT ?2)",
            )?
            .execute(params![self.now.as_millis().saturating_sub(lifetime), MOST_EXPIRED_KEYS])?;
        Ok(())
    }

    /// Writes a little, to know whether writing succeeds.
    pub(super) fn check(&mut self) -> Result<(), Fault> {
        self.connection
            .prepare_cached(
                "INSERT INTO checks (one, checked_at) VALUES (1, ?1) \
                 ON CONFLICT DO UPDATE SET checked_at = excluded.checked_at",
            )?
            .execute([self.now.as_millis()])?;
        Ok(())
    }

    /// Gives a bite of free pages back to the file system. Answers whether there is more to give.
    pub(super) fn vacuum(&mut self) -> Result<bool, Fault> {
        let (pages, free) = (pragma(self.connection, "page_count")?, pragma(self.connection, "freelist_count")?);
        let spare = SPARE_PAGES.max(pages / 10);
        let bite = free.saturating_sub(spare).min(VACUUM_BITE);
        if bite > 0 {
            let mut statement = self.connection.prepare(&format!("PRAGMA incremental_vacuum({bite})"))?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
        }
        Ok(free > spare + bite)
    }
}

/// What the stored takes: the pages that are not free.
pub(super) fn bytes(connection: &Connection) -> Result<u64, Fault> {
    let pages = pragma(connection, "page_count")?.saturating_sub(pragma(connection, "freelist_count")?);
    Ok(pages * pragma(connection, "page_size")?)
}

fn pragma(connection: &Connection, name: &str) -> Result<u64, Fault> {
    let value: i64 = connection.prepare_cached(&format!("PRAGMA {name}"))?.query_row([], |row| row.get(0))?;
    Ok(u64::try_from(value).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::plans;
    use super::*;

    /// Goal: cleaning finds the oldest, and all that belongs to it, without walking over the rest.
    #[test]
    fn cleaning_seeks() {
        plans::assert_seeks(FIRST_ENDED, &plans::plan_of(FIRST_ENDED));
        for sql in FORGET {
            plans::assert_seeks(sql, &plans::plan_of(sql));
        }
    }
}
