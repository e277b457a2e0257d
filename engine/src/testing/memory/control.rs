//! Cancel, pause, resume: each may be repeated and then changes nothing.

use super::state::State;
use crate::ports::{Control, ControlRefused};
use crate::task::event::{TaskPaused, TaskResumed};
use crate::task::{Move, PauseReason, TaskId, TaskState, Tenant, Timestamp};

impl State {
    pub(super) fn control(
        &mut self,
        tenant: &Tenant,
        id: TaskId,
        control: Control,
        now: Timestamp,
    ) -> Result<TaskState, ControlRefused> {
        let record = &self.of_tenant(tenant, id).ok_or(ControlRefused::NotFound)?.record;
        let is_done = record.state == TaskState::Cancelled && control == Control::Cancel;
        if record.state.is_ended() && !is_done {
            return Err(ControlRefused::WrongState { state: record.wire_state() });
        }
        match control {
            Control::Cancel => self.cancel(id, None, now)?,
            Control::Pause => self.pause(id, now)?,
            Control::Resume => self.resume(id, now)?,
        }
        Ok(self.tasks.get(&id).ok_or(ControlRefused::NotFound)?.record.state)
    }

    fn pause(&mut self, id: TaskId, now: Timestamp) -> Result<(), ControlRefused> {
        let effects = &mut self.effects;
        let Some(stored) = self.tasks.get_mut(&id) else { return Ok(()) };
        match stored.record.state {
            // It goes on to its end: paused, nobody would bring it there.
            _ if stored.record.cancelling => {}
            TaskState::Queued | TaskState::Waiting => {
                stored.go(Move::Pause, effects)?;
                stored.set_due(None, effects);
                stored.record.pausing = false;
                stored.tell(TaskPaused { reason: PauseReason::Requested, detail: None }, now, effects);
            }
            TaskState::Running if !stored.record.pausing => {
                stored.record.pausing = true;
                effects.announcements.ring_task(id);
            }
            _ => {}
        }
        Ok(())
    }

    fn resume(&mut self, id: TaskId, now: Timestamp) -> Result<(), ControlRefused> {
        let effects = &mut self.effects;
        let Some(stored) = self.tasks.get_mut(&id) else { return Ok(()) };
        if stored.record.state == TaskState::Paused {
            stored.go(Move::Resume, effects)?;
            // A start that was put off stays put off.
            let begins_at = stored.entry(1).filter(|_| stored.record.started_at.is_none());
            let begins_at = begins_at.and_then(|created| created.begins_at());
            stored.set_due(Some(begins_at.unwrap_or(now).max(now)), effects);
            stored.tell(TaskResumed {}, now, effects);
        } else if stored.record.pausing {
            stored.record.pausing = false;
            stored.wake(false, now, effects);
        }
        Ok(())
    }
}
