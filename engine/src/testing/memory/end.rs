//! The end of a task, from whichever side it comes: its parent is told, its children are cancelled.

use super::state::State;
use crate::ports::{Outcome, StoreError};
use crate::task::event::{ChildEnded, TaskCancelled, TaskCancelling};
use crate::task::{Move, TaskId, TaskState, Timestamp, WaitKind};

impl State {
    /// Ends a task whose terminal event is in the log already.
    pub(super) fn end(&mut self, id: TaskId, by: Move, outcome: &Outcome, now: Timestamp) -> Result<(), StoreError> {
        self.close(id, by, now)?;
        if outcome.continued_as.is_none() {
            self.tell_parent(id, outcome, now);
        }
        self.cancel_children(id, now)
    }

    /// Cancels a task for somebody outside of it. One that runs is asked to, any other ends at once.
    pub(super) fn cancel(&mut self, id: TaskId, reason: Option<&str>, now: Timestamp) -> Result<(), StoreError> {
        if self.ask_to_cancel(id, reason, now)? {
            self.tell_parent(id, &Outcome::default(), now);
            self.cancel_children(id, now)?;
        }
        Ok(())
    }

    /// Answers whether the task has ended by it.
    fn ask_to_cancel(&mut self, id: TaskId, reason: Option<&str>, now: Timestamp) -> Result<bool, StoreError> {
        let effects = &mut self.effects;
        let Some(stored) = self.tasks.get_mut(&id) else { return Ok(false) };
        if stored.record.state.is_ended() {
            return Ok(false);
        }
        let reason = reason.map(str::to_owned);
        if !stored.record.cancelling {
            stored.record.cancelling = true;
            stored.tell(TaskCancelling { reason: reason.clone() }, now, effects);
        }
        if stored.record.state == TaskState::Running {
            effects.announcements.ring_task(id);
            return Ok(false);
        }
        stored.tell(TaskCancelled { reason }, now, effects);
        self.close(id, Move::Cancel, now)?;
        Ok(true)
    }

    /// A list instead of a recursion: children have children.
    fn cancel_children(&mut self, id: TaskId, now: Timestamp) -> Result<(), StoreError> {
        let mut parents = vec![id];
        while let Some(parent) = parents.pop() {
            for child in self.children.get(&parent).cloned().unwrap_or_default() {
                if self.ask_to_cancel(child, Some("its parent has ended"), now)? {
                    parents.push(child);
                }
            }
        }
        Ok(())
    }

    fn close(&mut self, id: TaskId, by: Move, now: Timestamp) -> Result<(), StoreError> {
        self.free_unique_key(id);
        let effects = &mut self.effects;
        let Some(stored) = self.tasks.get_mut(&id) else { return Ok(()) };
        stored.go(by, effects)?;
        stored.set_due(None, effects);
        stored.let_go(effects);
        stored.pending.clear();
        stored.record.waits.clear();
        stored.record.cancelling = false;
        stored.record.pausing = false;
        stored.record.ended_at = Some(now);
        Ok(())
    }

    pub(super) fn free_unique_key(&mut self, id: TaskId) {
        if let Some(record) = self.tasks.get(&id).map(|stored| &stored.record)
            && let Some(key) = &record.unique_key
        {
            let key = (record.tenant.clone(), key.clone());
            if self.unique.get(&key) == Some(&id) {
                self.unique.remove(&key);
            }
        }
    }

    fn tell_parent(&mut self, id: TaskId, outcome: &Outcome, now: Timestamp) {
        let Some(child) = self.tasks.get(&id).map(|stored| &stored.record) else { return };
        let Some(parent) = child.parent.clone() else { return };
        let state = child.wire_state();
        let effects = &mut self.effects;
        let Some(stored) = self.tasks.get_mut(&parent.task) else { return };
        if stored.record.state.is_ended() {
            return;
        }
        let ended = ChildEnded {
            step: parent.step.clone(),
            child: id,
            state,
            result: outcome.result.clone(),
            error: outcome.error.clone(),
            usage: outcome.usage.clone(),
        };
        stored.tell(ended, now, effects);
        // The parent of a continued task waits under the first one's id, but always under the same key.
        let hears = stored
            .record
            .waits
            .iter()
            .any(|wait| wait.hears_child(id) || (wait.kind == WaitKind::Child && wait.id == parent.step));
        stored.wake(hears, now, effects);
    }
}
