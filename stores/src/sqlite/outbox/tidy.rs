//! Tidying: what a process that died was sending is due again; what ended long ago is forgotten.

use std::time::Duration;

use caudal_engine::task::TaskId;
use rusqlite::{Connection, params};

use super::super::fault::Fault;
use super::super::session::Session;
use super::row::state_of;

const OLD: &str = "SELECT notification, tenant, state FROM notifications WHERE ended_at IS NOT NULL AND ended_at <= ?1 \
    ORDER BY ended_at LIMIT ?2";

/// States from 3 on are final.
const OF_FORGOTTEN: &str =
    "DELETE FROM notifications WHERE task IS NOT NULL AND task = ?1 AND state >= 3 RETURNING tenant, state";

/// When the store is opened, before anything is claimed: a sender holds few at a time.
pub(in super::super) fn take_over(connection: &Connection) -> Result<(), Fault> {
    let transaction = connection.unchecked_transaction()?;
    let count = "INSERT INTO notification_counts (tenant, state, notifications) \
        SELECT tenant, ?1, ?2 * count(*) FROM notifications WHERE state = 1 AND state <> 3 AND due_at IS NULL \
        GROUP BY tenant ON CONFLICT DO UPDATE SET notifications = notifications + excluded.notifications";
    transaction.execute(count, [0, 1])?;
    transaction.execute(count, [1, -1])?;
    let taken = transaction.execute(
        "UPDATE notifications SET state = 0, due_at = queued_at WHERE state = 1 AND state <> 3 AND due_at IS NULL",
        [],
    )?;
    if taken > 0 {
        tracing::info!(notifications = taken, "notifications that were being sent are due again");
    }
    Ok(transaction.commit()?)
}

impl Session<'_> {
    /// Those about a task that is forgotten.
    pub(in super::super) fn forget_notifications(&mut self, task: TaskId) -> Result<(), Fault> {
        let mut statement = self.connection.prepare_cached(OF_FORGOTTEN)?;
        let mut forgotten = statement.query([task.as_bytes()])?;
        while let Some(row) = forgotten.next()? {
            self.memory.outbox.count(row.get(0)?, state_of(row.get(1)?)?, -1);
        }
        Ok(())
    }

    pub(super) fn clean_notifications(&mut self, keep: Duration, most: usize) -> Result<usize, Fault> {
        self.forget_hours()?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let old: Vec<(i64, i64, i64)> = self
            .connection
            .prepare_cached(OLD)?
            .query_map(params![(self.now - keep).as_millis(), most], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        for (key, tenant, state) in &old {
            self.memory.outbox.count(*tenant, state_of(*state)?, -1);
            self.connection.prepare_cached("DELETE FROM notifications WHERE notification = ?1")?.execute([key])?;
        }
        Ok(old.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::plans;
    use super::*;

    /// Goal: cleaning finds what it looks for without walking over the rest.
    #[test]
    fn cleaning_seeks() {
        for sql in [OLD, OF_FORGOTTEN] {
            plans::assert_seeks(sql, &plans::plan_of(sql));
        }
    }
}
