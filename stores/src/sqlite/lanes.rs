//! The lanes of the line: parts that a worker knows either wholly or not at all.
//!
//! Their heads are all that a claim has to look at. How many tasks stand in each is kept here and written down once
//! per group, so that a claim does not even ask about empty lanes and nobody counts a long line.

use std::collections::{BTreeSet, HashMap};

use caudal_engine::task::Priority;
use rusqlite::{Connection, params};

use super::columns::Columns;
use super::fault::Fault;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct LaneKind {
    pub(super) flow: i64,
    /// The lowest version that may run its tasks.
    pub(super) needs: u32,
    pub(super) priority: Priority,
    pub(super) suspect: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    pub(super) key: i64,
    pub(super) kind: LaneKind,
    pub(super) tasks: i64,
}

#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    by_kind: HashMap<LaneKind, usize>,
    by_key: HashMap<i64, usize>,
    changed: BTreeSet<usize>,
}

impl Lanes {
    pub(super) fn load(connection: &Connection) -> Result<Self, Fault> {
        let mut lanes = Self::default();
        let mut statement = connection.prepare("SELECT lane, flow, version, priority, suspect, tasks FROM lanes")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut at = Columns::of(row);
            let key = at.value()?;
            let kind = LaneKind {
                flow: at.value()?,
                needs: at.value()?,
                priority: priority_of(at.value()?)?,
                suspect: at.value()?,
            };
            lanes.add(Lane { key, kind, tasks: at.value()? });
        }
        Ok(lanes)
    }

    fn add(&mut self, lane: Lane) {
        self.by_kind.insert(lane.kind, self.lanes.len());
        self.by_key.insert(lane.key, self.lanes.len());
        self.lanes.push(lane);
    }

    /// Those in which somebody stands.
    pub(super) fn busy(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter().filter(|lane| lane.tasks > 0)
    }

    /// The lane's number, a new one if it has none.
    pub(super) fn key(&mut self, connection: &Connection, kind: LaneKind) -> Result<i64, Fault> {
        if let Some(lane) = self.by_kind.get(&kind) {
            return Ok(self.lanes[*lane].key);
        }
        connection.execute(
            "INSERT INTO lanes (flow, version, priority, suspect, tasks) VALUES (?1, ?2, ?3, ?4, 0)",
            params![kind.flow, kind.needs, kind.priority as i64, kind.suspect],
        )?;
        let key = connection.last_insert_rowid();
        self.add(Lane { key, kind, tasks: 0 });
        Ok(key)
    }

    /// Somebody came into the lane (+1) or left it (−1).
    pub(super) fn count(&mut self, key: i64, change: i64) {
        if let Some(lane) = self.by_key.get(&key) {
            self.lanes[*lane].tasks += change;
            self.changed.insert(*lane);
        }
    }

    /// Writes down what changed since the last time.
    pub(super) fn save(&mut self, connection: &Connection) -> Result<(), Fault> {
        for lane in std::mem::take(&mut self.changed) {
            let Lane { key, tasks, .. } = self.lanes[lane];
            connection.prepare_cached("UPDATE lanes SET tasks = ?2 WHERE lane = ?1")?.execute([key, tasks])?;
        }
        Ok(())
    }
}

pub(super) fn priority_of(number: i64) -> Result<Priority, Fault> {
    Priority::ALL
        .into_iter()
        .find(|priority| *priority as i64 == number)
        .ok_or_else(|| Fault::unreadable(format_args!("no priority has the number {number}")))
}
