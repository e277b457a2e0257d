//! What an operation works with: the writer's connection, what the writer keeps in memory, and the few changes that
//! every operation is made of.
//!
//! An operation looks at everything first and writes last. If a statement fails midway, the whole group is rolled
//! back and its operations are run again, each in a transaction of its own: so each succeeds or is refused alone.

use std::collections::HashSet;

use caudal_engine::ports::{IdSource, TaskChange};
use caudal_engine::task::{Fact, Limits, TaskId, TaskState, Tenant, Timestamp};
use rusqlite::Connection;

use super::announcements::Announcements;
use super::counts::Counts;
use super::fault::Fault;
use super::lanes::Lanes;
use super::log::{self, NewPage};
use super::names::Names;
use super::outbox::OutboxCounts;
use super::rescue::Orphans;
use super::row::{Stored, TaskRow};
use super::running::Running;

/// What the writer keeps in memory. All of it but the running rows can be read again from small tables.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) names: Names,
    pub(super) lanes: Lanes,
    pub(super) counts: Counts,
    pub(super) outbox: OutboxCounts,
    pub(super) running: Running,
    pub(super) orphans: Orphans,
    /// Tasks that no claim can read: passed over until the next start looks again, so that they hold up nobody.
    pub(super) unreadable: HashSet<i64>,
}

impl Memory {
    pub(super) fn load(connection: &Connection, names: Names) -> Result<Self, Fault> {
        names.load(connection)?;
        let (lanes, counts) = (Lanes::load(connection)?, Counts::load(connection)?);
        Ok(Self {
            names,
            lanes,
            counts,
            outbox: OutboxCounts::load(connection)?,
            running: Running::default(),
            orphans: Orphans::default(),
            unreadable: HashSet::new(),
        })
    }

    /// Writes down the figures that a group has changed.
    pub(super) fn save(&mut self, connection: &Connection) -> Result<(), Fault> {
        self.lanes.save(connection)?;
        self.outbox.save(connection)?;
        self.counts.save(connection)
    }

    pub(super) fn commit(&mut self) {
        self.running.commit();
        self.orphans.commit();
    }

    /// Forgets what a group did that was rolled back.
    pub(super) fn roll_back(&mut self, connection: &Connection) -> Result<(), Fault> {
        self.running.roll_back();
        self.orphans.roll_back();
        self.names.load(connection)?;
        self.lanes = Lanes::load(connection)?;
        self.counts = Counts::load(connection)?;
        self.outbox = OutboxCounts::load(connection)?;
        Ok(())
    }
}

pub(super) struct Session<'a> {
    pub(super) connection: &'a Connection,
    pub(super) memory: &'a mut Memory,
    pub(super) announcements: &'a mut Announcements,
    pub(super) ids: &'a dyn IdSource,
    pub(super) limits: &'a Limits,
    pub(super) now: Timestamp,
}

impl Session<'_> {
    pub(super) fn row(&self, task: TaskId) -> Result<Option<TaskRow>, Fault> {
        match self.memory.running.get(task) {
            Some(row) => Ok(Some(row.clone())),
            None => TaskRow::find(self.connection, task),
        }
    }

    pub(super) fn row_of(&self, tenant: &Tenant, task: TaskId) -> Result<Option<TaskRow>, Fault> {
        let Some(tenant) = self.memory.names.find_tenant(tenant) else { return Ok(None) };
        Ok(self.row(task)?.filter(|row| row.tenant == tenant))
    }

    /// Puts bodies at the end of the task's log. Answers the number of the first.
    pub(super) fn append<S: AsRef<str>>(&mut self, row: &mut TaskRow, bodies: &[S]) -> Result<u64, Fault> {
        let first = row.head + 1;
        if !bodies.is_empty() {
            let page = log::page_of(bodies);
            let summary = &row.summary;
            log::append(
                self.connection,
                &NewPage { task: row.key, first, count: bodies.len(), summary, bodies: &page },
            )?;
            row.head += bodies.len() as u64;
            let birth = (first == 1).then(|| self.memory.names.tenant(row.tenant)).transpose()?;
            self.announcements.page(row.id, first, page, birth);
        }
        Ok(first)
    }

    /// Appends facts that the store itself has to tell. Answers the number of the first.
    pub(super) fn tell<const N: usize>(&mut self, row: &mut TaskRow, facts: [Fact; N]) -> Result<u64, Fault> {
        let bodies = facts.map(|fact| {
            row.summary.apply(&fact);
            fact.encode(self.now)
        });
        self.append(row, &bodies)
    }

    /// Stores a new row.
    pub(super) fn insert(&mut self, row: &mut TaskRow) -> Result<(), Fault> {
        row.stored.lane = self.memory.lanes.key(self.connection, row.lane_kind())?;
        row.insert(self.connection)?;
        self.memory.lanes.count(row.stored.lane, 1);
        self.memory.counts.count(row.tenant, row.flow, row.state, 1);
        self.announcements.ring_line();
        self.announce_change(row)
    }

    /// Stores a changed row, and what follows from the change: counts, lanes, who is told.
    pub(super) fn save(&mut self, row: &mut TaskRow) -> Result<(), Fault> {
        let before = row.stored;
        let lane = match row.due_at {
            Some(_) => self.memory.lanes.key(self.connection, row.lane_kind())?,
            None => before.lane,
        };
        row.stored = Stored { lane, state: row.state, shown: row.shown(), due_at: row.due_at };
        row.update(self.connection)?;
        if before.due_at.is_some() {
            self.memory.lanes.count(before.lane, -1);
        }
        if row.due_at.is_some() {
            self.memory.lanes.count(lane, 1);
        }
        if row.due_at.is_some() && row.due_at != before.due_at {
            // Also for a later time: an idle worker learns when to ask again.
            self.announcements.ring_line();
        }
        if row.state != before.state {
            self.memory.counts.count(row.tenant, row.flow, before.state, -1);
            self.memory.counts.count(row.tenant, row.flow, row.state, 1);
        }
        if row.stored.shown != before.shown {
            self.announce_change(row)?;
        }
        self.keep(row);
        Ok(())
    }

    /// Keeps the row in memory while it is claimed here, and no longer.
    pub(super) fn keep(&mut self, row: &TaskRow) {
        if row.state == TaskState::Running && row.claimed_here {
            self.memory.running.put(row.clone());
        } else {
            self.memory.running.remove(row.id);
        }
    }

    /// An outsider wrote into the log: a parked task that waits for it is due, a running one is told.
    pub(super) fn wake(&mut self, row: &mut TaskRow, hears: bool) {
        match row.state {
            TaskState::Running => self.announcements.ring_task(row.id),
            TaskState::Waiting if hears && row.due_at.is_none_or(|due_at| due_at > self.now) => {
                row.due_at = Some(self.now);
            }
            _ => {}
        }
    }

    pub(super) fn announce_change(&mut self, row: &TaskRow) -> Result<(), Fault> {
        let (tenant, flow) = (self.memory.names.tenant(row.tenant)?, self.memory.names.flow(row.flow)?);
        self.announcements.change(TaskChange { task: row.id, tenant, flow, state: row.shown() });
        Ok(())
    }
}
