//! Figures: from what the writer counts; only the due ones are counted when asked, along the line's index.

use std::collections::BTreeMap;
use std::sync::Arc;

use caudal_engine::ports::StoreStats;
use caudal_engine::task::{TaskState, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::clean;
use super::fault::Fault;
use super::names::Names;

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
    let mut lanes = connection.prepare_cached("SELECT lane, flow, version FROM lanes WHERE tasks > 0")?;
    let mut rows = lanes.query([])?;
    while let Some(row) = rows.next()? {
        let (lane, flow, version): (i64, i64, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let needs = lowest.entry(flow).or_insert(version);
        *needs = version.min(*needs);
        stats.due += due(connection, lane, now)?;
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

fn due(connection: &Connection, lane: i64, now: Timestamp) -> Result<u64, Fault> {
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
