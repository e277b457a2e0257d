//! The one write of a running task: check the claim, the number and what the worker has seen; then apply all of it.

use super::state::{LastWrite, State};
use crate::ports::{StoreError, TaskWrite, Then, WriteRefused, Written};
use crate::task::{Move, NewTask, PauseReason, TaskId, TaskRecord, TaskState, Timestamp};

impl State {
    pub(super) fn write(&mut self, write: TaskWrite, now: Timestamp) -> Result<Written, WriteRefused> {
        if let Some(first_answer) = self.check(&write)? {
            return Ok(first_answer);
        }
        let id = write.task;
        let first = self.append(&write)?;
        for child in write.children {
            self.create_child(id, child, matches!(write.then, Then::End { .. }));
        }
        if let Some(stored) = self.tasks.get(&id) {
            let (tenant, announcements) = (&stored.record.tenant, &mut self.effects.announcements);
            self.outbox.bear(tenant, Some(id), write.notifications, now, announcements);
        }
        match write.then {
            Then::GoOn => {}
            Then::End { state, outcome } => self.end(id, move_to(state)?, &outcome, now)?,
            then => self.leave(id, then)?,
        }
        let answer = self.answer(id, first)?;
        if let Some(stored) = self.tasks.get_mut(&id) {
            stored.last_write = Some(LastWrite { claim: write.claim, number: write.number, answer });
        }
        Ok(answer)
    }

    /// Refuses, answers a repeat, or lets the write pass. Nothing is changed before this.
    fn check(&self, write: &TaskWrite) -> Result<Option<Written>, WriteRefused> {
        let stored = self.tasks.get(&write.task).ok_or(WriteRefused::Stale)?;
        let last = stored.last_write.filter(|last| last.claim == write.claim);
        if let Some(last) = last
            && last.number == write.number
        {
            return Ok(Some(last.answer));
        }
        let record = &stored.record;
        let held = record.claim.as_ref().is_some_and(|(claim, _)| *claim == write.claim);
        if !held || write.number != last.map_or(0, |last| last.number) + 1 {
            return Err(WriteRefused::Stale);
        }
        if news_came(write, record) {
            return Err(WriteRefused::NewsCame {
                head: record.head,
                cancelling: record.cancelling,
                pausing: record.pausing,
            });
        }
        if let Then::End { state, .. } = write.then {
            record.state.after(move_to(state)?).map_err(|illegal| StoreError::Corrupt(illegal.to_string()))?;
        }
        Ok(None)
    }

    fn append(&mut self, write: &TaskWrite) -> Result<u64, StoreError> {
        let effects = &mut self.effects;
        let stored = self.tasks.get_mut(&write.task).ok_or_else(|| gone(write.task))?;
        let first = stored.record.head + 1;
        for body in &write.events {
            stored.append(body.as_str(), effects);
        }
        stored.record.summary = write.summary.clone();
        if write.step_finished {
            stored.record.takeovers = 0;
        }
        stored.pending.retain(|(seq, _)| !write.signals_taken.contains(seq));
        Ok(first)
    }

    /// A child lives in its parent's tenant; a task that continues this one takes its place.
    fn create_child(&mut self, id: TaskId, mut child: NewTask, ending: bool) {
        let Some(stored) = self.tasks.get(&id) else { return };
        child.tenant = stored.record.tenant.clone();
        if child.options.continued_from == Some(id) {
            child.parent = stored.record.parent.clone();
        }
        if ending {
            self.free_unique_key(id);
        }
        self.put_in_line(child);
    }

    fn leave(&mut self, id: TaskId, then: Then) -> Result<(), StoreError> {
        let effects = &mut self.effects;
        let stored = self.tasks.get_mut(&id).ok_or_else(|| gone(id))?;
        match then {
            Then::Park { waits, due_at } => {
                stored.go(Move::Park, effects)?;
                stored.record.waits = waits;
                stored.set_due(due_at, effects);
            }
            Then::Release { due_at } => {
                stored.go(Move::Release, effects)?;
                stored.set_due(Some(due_at), effects);
            }
            Then::Pause { .. } => {
                stored.go(Move::Pause, effects)?;
                stored.record.pausing = false;
            }
            Then::GoOn | Then::End { .. } => return Ok(()),
        }
        stored.let_go(effects);
        Ok(())
    }

    fn answer(&self, id: TaskId, first: u64) -> Result<Written, StoreError> {
        let record = &self.tasks.get(&id).ok_or_else(|| gone(id))?.record;
        Ok(Written { first, head: record.head, cancelling: record.cancelling, pausing: record.pausing })
    }
}

/// Whether something came that the worker must look at before it lets go.
///
/// A pause adds no event before the worker has brought the task there, so its flag is asked for; and a task that
/// is being cancelled must not park or pause, because nobody would end it. A pause that was taken back is not carried out.
fn news_came(write: &TaskWrite, record: &TaskRecord) -> bool {
    let longer = record.head > write.seen;
    match &write.then {
        // What goes on elsewhere takes along what came: a signal, a cancel.
        Then::End { outcome, .. } => longer && outcome.continued_as.is_some(),
        Then::GoOn => false,
        Then::Park { .. } => longer || record.cancelling || record.pausing,
        Then::Pause { reason } => longer || record.cancelling || (*reason == PauseReason::Requested && !record.pausing),
        Then::Release { .. } => longer,
    }
}

fn move_to(state: TaskState) -> Result<Move, StoreError> {
    match state {
        TaskState::Succeeded => Ok(Move::Succeed),
        TaskState::Failed => Ok(Move::Fail),
        TaskState::Cancelled => Ok(Move::Cancel),
        open => Err(StoreError::Corrupt(format!("a task cannot end as {open:?}"))),
    }
}

fn gone(task: TaskId) -> StoreError {
    StoreError::Corrupt(format!("task {task} vanished"))
}
