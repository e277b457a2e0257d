//! What is kept, and the small changes that every operation is made of.
//!
//! The log of a task is a list whose place is the sequence number, so it cannot have a gap. The line is an index
//! over `due_at`, changed only where that is.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::announcements::Announcements;
use super::outbox::Outbox;
use crate::ports::{StoreError, TaskChange, Written};
use crate::task::{
    Claim, Fact, Json, Limits, LogEntry, Move, Priority, TaskId, TaskRecord, TaskState, Tenant, Timestamp,
};

#[derive(Debug)]
pub(super) struct State {
    pub(super) limits: Limits,
    /// By id, which is by age.
    pub(super) tasks: BTreeMap<TaskId, Stored>,
    pub(super) children: HashMap<TaskId, BTreeSet<TaskId>>,
    pub(super) idempotency: HashMap<(Tenant, String), FirstUse>,
    /// Unended tasks by their unique keys.
    pub(super) unique: HashMap<(Tenant, String), TaskId>,
    pub(super) outbox: Outbox,
    pub(super) effects: Effects,
}

/// What an idempotency key was first used for.
#[derive(Debug, Clone, Copy)]
pub(super) struct FirstUse {
    pub(super) task: TaskId,
    pub(super) body_hash: [u8; 32],
    pub(super) until: Timestamp,
}

/// What an operation changes beside the task itself.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) line: Line,
    /// Until when each claim lives.
    pub(super) leases: BTreeMap<TaskId, Timestamp>,
    /// Tasks in line or running, by tenant.
    pub(super) busy: HashMap<Tenant, u64>,
    pub(super) announcements: Announcements,
}

/// The tasks that may be claimed now or later, by priority, first in first out.
#[derive(Debug, Default)]
pub(super) struct Line([BTreeSet<(Timestamp, TaskId)>; 3]);

impl Line {
    pub(super) fn of(&self, priority: Priority) -> &BTreeSet<(Timestamp, TaskId)> {
        &self.0[priority as usize]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(Timestamp, TaskId)> {
        self.0.iter().flatten()
    }
}

#[derive(Debug)]
pub(super) struct Stored {
    pub(super) record: TaskRecord,
    pub(super) log: Vec<Arc<str>>,
    pub(super) bytes: u64,
    pub(super) epoch: u32,
    pub(super) last_write: Option<LastWrite>,
    /// Signals that wait to be consumed: sequence number and name.
    pub(super) pending: Vec<(u64, Arc<str>)>,
    /// Sequence numbers of signals by their senders' names for them.
    pub(super) signal_ids: HashMap<Arc<str>, u64>,
    /// Approvals that were answered, consumed or not.
    pub(super) answered: HashSet<Arc<str>>,
}

/// The last write that was applied, to answer its repeat.
#[derive(Debug, Clone, Copy)]
pub(super) struct LastWrite {
    pub(super) claim: Claim,
    pub(super) number: u64,
    pub(super) answer: Written,
}

impl State {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            tasks: BTreeMap::new(),
            children: HashMap::new(),
            idempotency: HashMap::new(),
            unique: HashMap::new(),
            outbox: Outbox::default(),
            effects: Effects::default(),
        }
    }

    pub(super) fn of_tenant(&self, tenant: &Tenant, task: TaskId) -> Option<&Stored> {
        self.tasks.get(&task).filter(|stored| stored.record.tenant == *tenant)
    }
}

impl Stored {
    pub(super) fn new(record: TaskRecord) -> Self {
        let bytes = record.input.len() as u64;
        Self {
            record,
            log: Vec::new(),
            bytes,
            epoch: 0,
            last_write: None,
            pending: Vec::new(),
            signal_ids: HashMap::new(),
            answered: HashSet::new(),
        }
    }

    /// Puts a body at the end of the log and answers its sequence number.
    pub(super) fn append(&mut self, body: impl Into<Arc<str>>, effects: &mut Effects) -> u64 {
        let body: Arc<str> = body.into();
        self.bytes += body.len() as u64;
        self.log.push(body.clone());
        self.record.head = self.log.len() as u64;
        effects.announcements.news(self.record.id, LogEntry { seq: self.record.head, body });
        self.record.head
    }

    /// Appends a fact that the store itself has to tell.
    pub(super) fn tell(&mut self, fact: impl Into<Fact>, now: Timestamp, effects: &mut Effects) -> u64 {
        let fact = fact.into();
        self.record.summary.apply(&fact);
        self.append(fact.encode(now), effects)
    }

    /// Changes the state, if the state machine has such a way.
    pub(super) fn go(&mut self, by: Move, effects: &mut Effects) -> Result<TaskState, StoreError> {
        let after = self.record.state.after(by).map_err(|illegal| StoreError::Corrupt(illegal.to_string()))?;
        let shown = self.record.wire_state();
        self.count(effects, false);
        self.record.state = after;
        self.count(effects, true);
        if self.record.wire_state() != shown {
            effects.announcements.change(self.change());
        }
        Ok(after)
    }

    /// Counts the task among its tenant's busy ones, or takes it out.
    pub(super) fn count(&self, effects: &mut Effects, present: bool) {
        if matches!(self.record.state, TaskState::Queued | TaskState::Running) {
            let busy = effects.busy.entry(self.record.tenant.clone()).or_default();
            *busy = if present { *busy + 1 } else { busy.saturating_sub(1) };
        }
    }

    /// Puts the task in line for this time, or takes it out.
    pub(super) fn set_due(&mut self, due_at: Option<Timestamp>, effects: &mut Effects) {
        let line = &mut effects.line.0[self.record.priority as usize];
        if let Some(before) = self.record.due_at {
            line.remove(&(before, self.record.id));
        }
        if let Some(due_at) = due_at {
            line.insert((due_at, self.record.id));
            // Also for a later time: an idle worker learns when to ask again.
            effects.announcements.ring_line();
        }
        self.record.due_at = due_at;
    }

    /// Takes the claim from whoever holds it.
    pub(super) fn let_go(&mut self, effects: &mut Effects) {
        self.record.claim = None;
        effects.leases.remove(&self.record.id);
    }

    /// An outsider wrote into the log: a parked task that waits for it is due, a running one is told.
    pub(super) fn wake(&mut self, hears: bool, now: Timestamp, effects: &mut Effects) {
        match self.record.state {
            TaskState::Waiting if hears && self.record.due_at.is_none_or(|due_at| due_at > now) => {
                self.set_due(Some(now), effects);
            }
            TaskState::Running => effects.announcements.ring_task(self.record.id),
            _ => {}
        }
    }

    pub(super) fn change(&self) -> TaskChange {
        TaskChange {
            task: self.record.id,
            tenant: self.record.tenant.clone(),
            flow: self.record.flow.clone(),
            state: self.record.wire_state(),
        }
    }

    pub(super) fn entry(&self, seq: u64) -> Option<LogEntry> {
        let place = usize::try_from(seq.checked_sub(1)?).ok()?;
        self.log.get(place).map(|body| LogEntry { seq, body: body.clone() })
    }

    pub(super) fn input(&self) -> &Json {
        &self.record.input
    }
}
