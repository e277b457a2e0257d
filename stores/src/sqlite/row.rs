//! A task's row: what changes while it runs, and how it is read and written.
//!
//! The writer keeps the rows of running tasks in memory. A write that only adds events then costs one insert into
//! the log and leaves the row alone: while a task is running, its newest log page knows the head and the summary.

use std::sync::Arc;

use caudal_engine::ports::Written;
use caudal_engine::task::{
    Claim, Move, Parent, Priority, Summary, TaskId, TaskState, Timestamp, Wait, WireState, WorkerId, crash_loop,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{Columns, millis, signed};
use super::fault::Fault;
use super::lanes::{LaneKind, priority_of};

/// The columns of a row in the order in which [`TaskRow::from_columns`] reads them.
macro_rules! row_columns {
    () => {
        "t.task, t.id, t.tenant, t.flow, t.lane, t.state, t.due_at, t.created_at, t.started_at, t.ended_at, \
         t.version, t.ran_version, t.priority, t.cancelling, t.pausing, t.takeovers, t.epoch, t.claim, t.worker, \
         t.write_epoch, t.write_claim, t.write_number, t.write_first, t.write_head, t.head, t.progress, t.status, \
         t.parent, t.parent_step, t.unique_key, t.waits"
    };
}
pub(super) use row_columns;

#[derive(Debug, Clone)]
pub(super) struct TaskRow {
    pub(super) key: i64,
    pub(super) id: TaskId,
    pub(super) tenant: i64,
    pub(super) flow: i64,
    pub(super) state: TaskState,
    pub(super) due_at: Option<Timestamp>,
    pub(super) created_at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) version: u32,
    pub(super) ran_version: u32,
    pub(super) priority: Priority,
    pub(super) cancelling: bool,
    pub(super) pausing: bool,
    pub(super) takeovers: u32,
    /// The newest claim; it holds the task while that is running.
    pub(super) claim: Claim,
    pub(super) worker: Option<WorkerId>,
    /// The claim was given by this process, so that it lives as long as the process.
    pub(super) claimed_here: bool,
    pub(super) last_write: Option<LastWrite>,
    pub(super) head: u64,
    pub(super) summary: Summary,
    pub(super) parent: Option<Parent>,
    pub(super) unique_key: Option<Arc<str>>,
    /// JSON; while it is parked.
    pub(super) waits: Option<Arc<str>>,
    pub(super) stored: Stored,
}

/// What of the row stands in counts and indexes, as it was last stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) lane: i64,
    pub(super) state: TaskState,
    pub(super) shown: WireState,
    pub(super) due_at: Option<Timestamp>,
}

/// The last write that was applied, to answer its repeat.
#[derive(Debug, Clone, Copy)]
pub(super) struct LastWrite {
    pub(super) claim: Claim,
    pub(super) number: u64,
    pub(super) answer: Written,
}

impl TaskRow {
    pub(super) fn find(connection: &Connection, id: TaskId) -> Result<Option<Self>, Fault> {
        let sql = concat!("SELECT ", row_columns!(), " FROM tasks t WHERE t.id = ?1");
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([id.as_bytes()])?;
        match rows.next()? {
            Some(row) => Self::from_columns(&mut Columns::of(row))?.freshened(connection).map(Some),
            None => Ok(None),
        }
    }

    /// Reads a row; that of a running task must be [freshened](Self::freshened) before its head is looked at.
    pub(super) fn from_columns(at: &mut Columns<'_>) -> Result<Self, Fault> {
        let (key, id, tenant, flow, lane) = (at.value()?, at.id()?, at.value()?, at.value()?, at.value()?);
        let (state, due_at, created_at) = (state_of(at.value()?)?, at.maybe_time()?, at.time()?);
        let (started_at, ended_at) = (at.maybe_time()?, at.maybe_time()?);
        let (version, ran_version, priority) = (at.value()?, at.value()?, priority_of(at.value()?)?);
        let (cancelling, pausing, takeovers) = (at.value()?, at.value()?, at.value()?);
        let claim = Claim { epoch: at.value()?, id: at.bits()? };
        let worker = at.value::<Option<Arc<str>>>()?.map(WorkerId::new);
        let last_write = last_write(at, cancelling, pausing)?;
        let head = at.count()?;
        let summary = Summary { progress: at.value()?, status: at.value()? };
        let (parent, step) = (at.maybe_id()?, at.value()?);
        let parent = parent.zip(step).map(|(task, step)| Parent { task, step });
        let (unique_key, waits) = (at.value()?, at.value()?);
        let shown = state.wire_state(started_at.is_some());
        Ok(Self {
            key,
            id,
            tenant,
            flow,
            state,
            due_at,
            created_at,
            started_at,
            ended_at,
            version,
            ran_version,
            priority,
            cancelling,
            pausing,
            takeovers,
            claim,
            worker,
            claimed_here: false,
            last_write,
            head,
            summary,
            parent,
            unique_key,
            waits,
            stored: Stored { lane, state, shown, due_at },
        })
    }

    /// With head and summary of the newest log page, if the task is running.
    pub(super) fn freshened(mut self, connection: &Connection) -> Result<Self, Fault> {
        if self.state == TaskState::Running {
            let newest = connection
                .prepare_cached(
                    "SELECT first_seq + count - 1, progress, status FROM log_pages WHERE task = ?1 \
                     ORDER BY first_seq DESC LIMIT 1",
                )?
                .query_row([self.key], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            if let Some((head, progress, status)) = newest {
                self.head = head.cast_unsigned();
                self.summary = Summary { progress, status };
            }
        }
        Ok(self)
    }

    pub(super) fn shown(&self) -> WireState {
        self.state.wire_state(self.started_at.is_some())
    }

    /// Where the task stands when it is in line.
    pub(super) fn lane_kind(&self) -> LaneKind {
        LaneKind {
            flow: self.flow,
            needs: self.version.max(self.ran_version),
            priority: self.priority,
            suspect: crash_loop::is_suspect(self.takeovers),
        }
    }

    pub(super) fn waits(&self) -> Result<Vec<Wait>, Fault> {
        self.waits.as_deref().map_or(Ok(Vec::new()), |json| serde_json::from_str(json).map_err(Fault::unreadable))
    }

    /// Changes the state, if the state machine has such a way.
    pub(super) fn go(&mut self, by: Move) -> Result<(), Fault> {
        self.state = self.state.after(by)?;
        Ok(())
    }

    pub(super) fn insert(&mut self, connection: &Connection) -> Result<(), Fault> {
        connection
            .prepare_cached(
                "INSERT INTO tasks (id, tenant, flow, lane, state, due_at, created_at, version, ran_version, priority, \
                 cancelling, pausing, takeovers, epoch, claim, write_epoch, write_claim, write_number, write_first, \
                 write_head, head, progress, status, parent, parent_step, unique_key) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ?10, ?11, ?12, ?13, \
                 ?14, ?15)",
            )?
            .execute(params![
                self.id.as_bytes(),
                self.tenant,
                self.flow,
                self.stored.lane,
                self.state as i64,
                millis(self.due_at),
                self.created_at.as_millis(),
                self.version,
                self.priority as i64,
                signed(self.head),
                self.summary.progress,
                self.summary.status,
                self.parent.as_ref().map(|parent| parent.task.as_bytes()),
                self.parent.as_ref().map(|parent| &parent.step),
                self.unique_key,
            ])?;
        self.key = connection.last_insert_rowid();
        Ok(())
    }

    pub(super) fn update(&self, connection: &Connection) -> Result<(), Fault> {
        let last = self.last_write;
        connection
            .prepare_cached(
                "UPDATE tasks SET lane = ?2, state = ?3, due_at = ?4, started_at = ?5, ended_at = ?6, \
                 ran_version = ?7, cancelling = ?8, pausing = ?9, takeovers = ?10, epoch = ?11, claim = ?12, \
                 worker = ?13, write_epoch = ?14, write_claim = ?15, write_number = ?16, write_first = ?17, \
                 write_head = ?18, head = ?19, progress = ?20, status = ?21, waits = ?22 WHERE task = ?1",
            )?
            .execute(params![
                self.key,
                self.stored.lane,
                self.state as i64,
                millis(self.due_at),
                millis(self.started_at),
                millis(self.ended_at),
                self.ran_version,
                self.cancelling,
                self.pausing,
                self.takeovers,
                self.claim.epoch,
                self.claim.id.cast_signed(),
                self.worker.as_ref().map(WorkerId::as_str),
                last.map_or(0, |last| last.claim.epoch),
                last.map_or(0, |last| last.claim.id.cast_signed()),
                last.map_or(0, |last| signed(last.number)),
                last.map_or(0, |last| signed(last.answer.first)),
                last.map_or(0, |last| signed(last.answer.head)),
                signed(self.head),
                self.summary.progress,
                self.summary.status,
                self.waits,
            ])?;
        Ok(())
    }
}

fn last_write(at: &mut Columns<'_>, cancelling: bool, pausing: bool) -> Result<Option<LastWrite>, Fault> {
    let claim = Claim { epoch: at.value()?, id: at.bits()? };
    let (number, first, head) = (at.count()?, at.count()?, at.count()?);
    Ok((number > 0).then_some(LastWrite { claim, number, answer: Written { first, head, cancelling, pausing } }))
}

fn state_of(number: i64) -> Result<TaskState, Fault> {
    TaskState::ALL
        .into_iter()
        .find(|state| *state as i64 == number)
        .ok_or_else(|| Fault::unreadable(format_args!("no state has the number {number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the numbers in the database keep their meaning, whatever is added to the engine.
    #[test]
    fn numbers_stay() {
        use TaskState as S;
        let states = [S::Queued, S::Running, S::Waiting, S::Paused, S::Succeeded, S::Failed, S::Cancelled];
        assert_eq!(states.map(|state| state as i64), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!([Priority::High, Priority::Normal, Priority::Low].map(|priority| priority as i64), [0, 1, 2]);
    }
}
