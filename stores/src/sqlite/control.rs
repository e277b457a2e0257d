//! Cancel, pause, resume: each may be repeated and then changes nothing.

use caudal_engine::ports::{Control, ControlRefused};
use caudal_engine::task::event::{TaskPaused, TaskResumed};
use caudal_engine::task::{LogEntry, Move, PauseReason, TaskId, TaskState, Tenant, Timestamp};

use super::fault::Fault;
use super::log;
use super::row::TaskRow;
use super::session::Session;

impl Session<'_> {
    pub(super) fn control(
        &mut self,
        tenant: &Tenant,
        task: TaskId,
        control: Control,
    ) -> Result<Result<TaskState, ControlRefused>, Fault> {
        let Some(mut row) = self.row_of(tenant, task)? else { return Ok(Err(ControlRefused::NotFound)) };
        let is_done = row.state == TaskState::Cancelled && control == Control::Cancel;
        if row.state.is_ended() && !is_done {
            return Ok(Err(ControlRefused::WrongState { state: row.shown() }));
        }
        match control {
            Control::Cancel => self.cancel(&mut row)?,
            Control::Pause => self.pause(&mut row)?,
            Control::Resume => self.resume(&mut row)?,
        }
        Ok(Ok(row.state))
    }

    fn pause(&mut self, row: &mut TaskRow) -> Result<(), Fault> {
        match row.state {
            // It goes on to its end: paused, nobody would bring it there.
            _ if row.cancelling => Ok(()),
            TaskState::Queued | TaskState::Waiting => {
                row.go(Move::Pause)?;
                row.due_at = None;
                row.pausing = false;
                self.tell(row, [TaskPaused { reason: PauseReason::Requested, detail: None }.into()])?;
                self.save(row)
            }
            TaskState::Running if !row.pausing => {
                row.pausing = true;
                self.announcements.ring_task(row.id);
                self.save(row)
            }
            _ => Ok(()),
        }
    }

    fn resume(&mut self, row: &mut TaskRow) -> Result<(), Fault> {
        if row.state == TaskState::Paused {
            row.go(Move::Resume)?;
            row.due_at = Some(self.begins_at(row)?);
            self.tell(row, [TaskResumed {}.into()])?;
            return self.save(row);
        }
        if row.pausing {
            row.pausing = false;
            self.wake(row, false);
            return self.save(row);
        }
        Ok(())
    }

    /// Now; but a start that was put off stays put off.
    fn begins_at(&self, row: &TaskRow) -> Result<Timestamp, Fault> {
        if row.started_at.is_some() {
            return Ok(self.now);
        }
        let created = log::events(self.connection, row.id, 0, 1)?;
        let begins_at = created.first().and_then(LogEntry::begins_at);
        Ok(begins_at.unwrap_or(self.now).max(self.now))
    }
}
