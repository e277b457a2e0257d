//! How many notifications there are of each tenant in each state: counted as they come and go, written down once per group.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use caudal_engine::notification::NotificationState;
use rusqlite::{Connection, params};

use super::super::fault::Fault;
use super::row::state_of;

type Key = (i64, NotificationState);

#[derive(Debug, Default)]
pub(in super::super) struct OutboxCounts {
    counts: BTreeMap<Key, i64>,
    /// Those of a tenant that are still to be sent: what the outbox's bound is about.
    open: HashMap<i64, i64>,
    changed: BTreeSet<Key>,
    /// Those of a tenant that are not in line yet. They are no part of the counts before they are.
    newborns: HashMap<i64, u64>,
}

impl OutboxCounts {
    pub(in super::super) fn load(connection: &Connection) -> Result<Self, Fault> {
        let mut counts = Self::default();
        let mut statement = connection.prepare("SELECT tenant, state, notifications FROM notification_counts")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            counts.add((row.get(0)?, state_of(row.get(1)?)?), row.get(2)?);
        }
        let mut statement = connection.prepare("SELECT tenant FROM newborn_notifications")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            counts.count_newborn(row.get(0)?);
        }
        Ok(counts)
    }

    fn add(&mut self, key: Key, change: i64) {
        *self.counts.entry(key).or_default() += change;
        if !key.1.is_final() {
            *self.open.entry(key.0).or_default() += change;
        }
    }

    pub(in super::super) fn count(&mut self, tenant: i64, state: NotificationState, change: i64) {
        self.add((tenant, state), change);
        self.changed.insert((tenant, state));
    }

    pub(super) fn count_newborn(&mut self, tenant: i64) {
        *self.newborns.entry(tenant).or_default() += 1;
    }

    pub(super) fn newborns(&self) -> u64 {
        self.newborns.values().sum()
    }

    pub(super) fn forget_newborns(&mut self) {
        self.newborns.clear();
    }

    pub(in super::super) fn open(&self, tenant: i64) -> u64 {
        let in_line = self.open.get(&tenant).and_then(|open| u64::try_from(*open).ok()).unwrap_or(0);
        in_line + self.newborns.get(&tenant).copied().unwrap_or(0)
    }

    /// Writes down what changed since the last time.
    pub(in super::super) fn save(&mut self, connection: &Connection) -> Result<(), Fault> {
        for key in std::mem::take(&mut self.changed) {
            let notifications = self.counts.get(&key).copied().unwrap_or(0);
            connection
                .prepare_cached(
                    "INSERT INTO notification_counts (tenant, state, notifications) VALUES (?1, ?2, ?3) \
                     ON CONFLICT DO UPDATE SET notifications = excluded.notifications",
                )?
                .execute(params![key.0, key.1 as i64, notifications])?;
        }
        Ok(())
    }
}
