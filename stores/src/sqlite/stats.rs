//! Figures: from what the writer counts. Of each lane only those that are not due yet, or if these are many those that are, are
//! counted when asked, along the line's index: a long line must not cost each look at it.

use std::collections::BTreeMap;
use std::sync::Arc;

use caudal_engine::ports::StoreStats;
use caudal_engine::task::{TaskState, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::clean;
use super::fault::Fault;
use super::names::Names;

/// Tasks of a lane that are not due yet and are counted one by one: some milliseconds.
const MOST_COUNTED: i64 = 20_000;

pub(super) fn stats(connection: &Connection, names: &Names, now: Timestamp) -> Result<StoreStats, Fault> {
    let mut stats = StoreStats { bytes: clean::bytes(connection)?, ..StoreStats::default() };
    let mut queued = BTreeMap::new();
    let mut statement =
        connection.prepare_cached("SELECT flow, state, sum(tasks) FROM task_counts GROUP BY flow, state")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (flow, state, tasks) = (row.get(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?.cast_unsigned());
        let Some(state) = TaskState::ALL.into_iter().find(|known| *known as i64 == state) else { continue };
        if tasks == 0 {
            continue;
        }
        if state == TaskState::Queued {
            queued.insert(flow, tasks);
        }
        stats.tasks.push((names.flow(flow)?, state, tasks));
    }
    read_lanes(connection, names, now, &queued, &mut stats)?;
    Ok(stats)
}

fn read_lanes(
    connection: &Connection,
    names: &Names,
    now: Timestamp,
    queued: &BTreeMap<i64, u64>,
    stats: &mut StoreStats,
) -> Result<(), Fault> {
    let mut lowest: BTreeMap<i64, u32> = BTreeMap::new();
    let mut lanes = connection.prepare_cached("SELECT lane, flow, version, tasks FROM lanes WHERE tasks > 0")?;
    let mut rows = lanes.query([])?;
    while let Some(row) = rows.next()? {
        let (lane, flow, version, in_line): (i64, i64, u32, i64) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let needs = lowest.entry(flow).or_insert(version);
        *needs = version.min(*needs);
        stats.due += due(connection, lane, in_line, now, MOST_COUNTED)?;
        stats.oldest_due = stats.oldest_due.into_iter().chain(oldest_due(connection, lane, now)?).min();
    }
    for (flow, tasks) in queued {
        if let Some(needs) = lowest.get(flow) {
            let name: Arc<str> = names.flow(*flow)?;
            stats.in_line.push((name, *needs, *tasks));
        }
    }
    Ok(())
}

fn due(connection: &Connection, lane: i64, in_line: i64, now: Timestamp, most: i64) -> Result<u64, Fault> {
    let later: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM \
             (SELECT 1 FROM tasks WHERE lane = ?1 AND due_at IS NOT NULL AND due_at > ?2 LIMIT ?3)",
        )?
        .query_row(params![lane, now.as_millis(), most], |row| row.get(0))?;
    if later < most {
        return Ok(in_line.saturating_sub(later).max(0).cast_unsigned());
    }
    let due: i64 = connection
        .prepare_cached("SELECT count(*) FROM tasks WHERE lane = ?1 AND due_at IS NOT NULL AND due_at <= ?2")?
        .query_row([lane, now.as_millis()], |row| row.get(0))?;
    Ok(due.cast_unsigned())
}

fn oldest_due(connection: &Connection, lane: i64, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT due_at FROM tasks WHERE lane = ?1 AND due_at IS NOT NULL AND due_at <= ?2 ORDER BY due_at LIMIT 1",
    )?;
    let oldest = statement.query_row(params![lane, now.as_millis()], |row| row.get(0)).optional()?;
    Ok(oldest.map(Timestamp::from_millis))
}

#[cfg(test)]
mod tests {
    use super::super::plans;
    use super::*;

    /// Goal: those that are due are counted right whichever of the two is counted, and along the line's index.
    #[test]
    fn the_due_are_counted_either_way() {
        let connection = plans::schema();
        for due_at in [10, 20, 30, 40, 50] {
            connection
                .execute(
                    "INSERT INTO tasks (id, tenant, flow, lane, state, due_at, created_at, version, ran_version, priority, \
                     cancelling, pausing, takeovers, epoch, claim, write_epoch, write_claim, write_number, write_first, \
                     write_head, head, progress, status) \
                     VALUES (randomblob(16), 1, 1, 7, 0, ?1, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, '')",
                    [due_at],
                )
                .unwrap();
        }
        for (now, expected) in [(5, 0), (20, 2), (29, 2), (50, 5)] {
            for most in [1, 3, 100] {
                let found = due(&connection, 7, 5, Timestamp::from_millis(now), most).unwrap();
                assert_eq!(found, expected, "at {now}, counting at most {most} that are not due");
            }
        }
        let counted = "SELECT 1 FROM tasks WHERE lane = ?1 AND due_at IS NOT NULL AND due_at > ?2 LIMIT ?3";
        plans::assert_seeks(counted, &plans::plan_of(counted));
    }
}
