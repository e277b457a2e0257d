//! How many tasks are kept, by tenant, flow and state: counted as they come and go, written down once per group.

use std::collections::{BTreeSet, HashMap};

use caudal_engine::task::TaskState;
use rusqlite::{Connection, params};

use super::fault::Fault;

/// Tenant, flow, state.
type Key = (i64, i64, i64);

#[derive(Debug, Default)]
pub(super) struct Counts {
    tasks: HashMap<Key, i64>,
    /// Tasks in line or running, by tenant: what the bound of the line is about.
    busy: HashMap<i64, i64>,
    changed: BTreeSet<Key>,
}

impl Counts {
    pub(super) fn load(connection: &Connection) -> Result<Self, Fault> {
        let mut counts = Self::default();
        let mut statement = connection.prepare("SELECT tenant, flow, state, tasks FROM task_counts")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            counts.add((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?);
        }
        Ok(counts)
    }

    fn add(&mut self, key: Key, change: i64) {
        *self.tasks.entry(key).or_default() += change;
        if key.2 == TaskState::Queued as i64 || key.2 == TaskState::Running as i64 {
            *self.busy.entry(key.0).or_default() += change;
        }
    }

    pub(super) fn count(&mut self, tenant: i64, flow: i64, state: TaskState, change: i64) {
        let key = (tenant, flow, state as i64);
        self.add(key, change);
        self.changed.insert(key);
    }

    pub(super) fn busy(&self, tenant: i64) -> u64 {
        self.busy.get(&tenant).and_then(|busy| u64::try_from(*busy).ok()).unwrap_or(0)
    }

    /// Writes down what changed since the last time.
    pub(super) fn save(&mut self, connection: &Connection) -> Result<(), Fault> {
        for key in std::mem::take(&mut self.changed) {
            let tasks = self.tasks.get(&key).copied().unwrap_or(0);
            connection
                .prepare_cached(
                    "INSERT INTO task_counts (tenant, flow, state, tasks) VALUES (?1, ?2, ?3, ?4) \
                     ON CONFLICT DO UPDATE SET tasks = excluded.tasks",
                )?
                .execute(params![key.0, key.1, key.2, tasks])?;
        }
        Ok(())
    }
}
