//! Figures of the outbox.

use caudal_engine::notification::NotificationState;
use caudal_engine::ports::OutboxStats;
use caudal_engine::task::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::super::fault::Fault;
use super::row::state_of;

/// Of a state and a tenant: ids sort by creation.
const OLDEST: &str = "SELECT queued_at FROM notifications WHERE state = ?1 AND state <> 3 AND tenant = ?2 \
    ORDER BY id LIMIT 1";

pub(super) fn stats(connection: &Connection) -> Result<OutboxStats, Fault> {
    let mut stats = OutboxStats::default();
    let mut counts =
        connection.prepare_cached("SELECT state, sum(notifications) FROM notification_counts GROUP BY state")?;
    let mut rows = counts.query([])?;
    while let Some(row) = rows.next()? {
        let count: i64 = row.get(1)?;
        stats.counts.push((state_of(row.get(0)?)?, u64::try_from(count).unwrap_or(0)));
    }
    let mut tenants = connection.prepare_cached("SELECT tenant FROM tenants")?;
    let tenants: Vec<i64> = tenants.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let open = NotificationState::ALL.into_iter().filter(|state| !state.is_final());
    for (state, tenant) in open.flat_map(|state| tenants.iter().map(move |tenant| (state, *tenant))) {
        let mut oldest = connection.prepare_cached(OLDEST)?;
        let queued_at: Option<i64> = oldest.query_row([state as i64, tenant], |row| row.get(0)).optional()?;
        stats.oldest = stats.oldest.into_iter().chain(queued_at.map(Timestamp::from_millis)).min();
    }
    Ok(stats)
}

#[cfg(test)]
mod tests {
    use super::super::super::plans;
    use super::*;

    /// Goal: who asks for figures walks over nothing.
    #[test]
    fn figures_seek() {
        plans::assert_seeks(OLDEST, &plans::plan_of(OLDEST));
    }
}
