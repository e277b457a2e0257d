//! The end of a task, from whichever side it comes: its parent is told, its children are cancelled.

use caudal_engine::ports::Outcome;
use caudal_engine::task::event::{ChildEnded, TaskCancelled, TaskCancelling};
use caudal_engine::task::{Move, TaskId, TaskState, WaitKind};

use super::fault::Fault;
use super::row::TaskRow;
use super::session::Session;

impl Session<'_> {
    /// Turns the row of a task whose terminal event is in the log into that of an ended one; it is not stored yet.
    pub(super) fn close(&mut self, row: &mut TaskRow, by: Move) -> Result<(), Fault> {
        row.go(by)?;
        row.due_at = None;
        row.waits = None;
        row.cancelling = false;
        row.pausing = false;
        row.ended_at = Some(self.now);
        Ok(())
    }

    /// What follows when an ended row is stored.
    pub(super) fn follow_end(&mut self, row: &TaskRow, outcome: &Outcome) -> Result<(), Fault> {
        if outcome.continued_as.is_none() {
            self.tell_parent(row, outcome)?;
        }
        self.cancel_children(row.id)
    }

    /// Cancels a task for somebody outside of it. One that runs is asked to, any other ends at once.
    pub(super) fn cancel(&mut self, row: &mut TaskRow) -> Result<(), Fault> {
        if self.ask_to_cancel(row, None)? {
            self.follow_end(row, &Outcome::default())?;
        }
        Ok(())
    }

    /// Answers whether the task has ended by it.
    fn ask_to_cancel(&mut self, row: &mut TaskRow, reason: Option<&str>) -> Result<bool, Fault> {
        if row.state.is_ended() {
            return Ok(false);
        }
        let reason = reason.map(str::to_owned);
        let was_asked = row.cancelling;
        row.cancelling = true;
        if !was_asked {
            self.tell(row, [TaskCancelling { reason: reason.clone() }.into()])?;
        }
        if row.state == TaskState::Running {
            self.announcements.ring_task(row.id);
            if !was_asked {
                self.save(row)?;
            }
            return Ok(false);
        }
        self.tell(row, [TaskCancelled { reason }.into()])?;
        self.close(row, Move::Cancel)?;
        self.save(row)?;
        Ok(true)
    }

    /// A list instead of a recursion: children have children.
    fn cancel_children(&mut self, task: TaskId) -> Result<(), Fault> {
        let mut parents = vec![task];
        while let Some(parent) = parents.pop() {
            for child in self.unended_children(parent)? {
                let Some(mut row) = self.row(child)? else { continue };
                if self.ask_to_cancel(&mut row, Some("its parent has ended"))? {
                    parents.push(child);
                }
            }
        }
        Ok(())
    }

    fn unended_children(&self, task: TaskId) -> Result<Vec<TaskId>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM tasks WHERE parent = ?1 AND parent IS NOT NULL AND ended_at IS NULL ORDER BY id",
        )?;
        let ids = statement.query_map([task.as_bytes()], |row| row.get(0).map(TaskId::from_bytes))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    fn tell_parent(&mut self, child: &TaskRow, outcome: &Outcome) -> Result<(), Fault> {
        let Some(of) = &child.parent else { return Ok(()) };
        let Some(mut parent) = self.row(of.task)?.filter(|parent| !parent.state.is_ended()) else { return Ok(()) };
        let ended = ChildEnded {
            step: of.step.clone(),
            child: child.id,
            state: child.shown(),
            result: outcome.result.clone(),
            error: outcome.error.clone(),
            usage: outcome.usage.clone(),
        };
        self.tell(&mut parent, [ended.into()])?;
        // The parent of a continued task waits under the first one's id, but always under the same key.
        let hears = parent
            .waits()?
            .iter()
            .any(|wait| wait.hears_child(child.id) || (wait.kind == WaitKind::Child && wait.id == of.step));
        self.wake(&mut parent, hears);
        self.save(&mut parent)
    }
}
