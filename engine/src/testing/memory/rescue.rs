//! Leases: renewing them, taking over from those who let theirs run out, and the verdict on a crash loop.

use std::time::Duration;

use super::state::State;
use crate::notification::NewNotification;
use crate::ports::{Outcome, Renewed, Rescued, StoreError};
use crate::task::event::{TaskCancelled, TaskFailed, TaskRescued};
use crate::task::{Claim, ErrorReport, Move, TaskId, TaskState, Timestamp, crash_loop};

impl State {
    /// A claim that ran out but was not taken over yet is as good as any.
    pub(super) fn renew(&mut self, task: TaskId, claim: Claim, lease: Option<Duration>, now: Timestamp) -> Renewed {
        let Some(record) = self.tasks.get(&task).map(|stored| &stored.record) else {
            return Renewed { task, held: false, head: 0 };
        };
        let held = record.claim.as_ref().is_some_and(|(holds, _)| *holds == claim);
        if held && let Some(lease) = lease {
            self.effects.leases.insert(task, now + lease);
        }
        Renewed { task, held, head: record.head }
    }

    pub(super) fn rescue(&mut self, most: usize, now: Timestamp) -> Result<Vec<Rescued>, StoreError> {
        let expired = self.effects.leases.iter().filter(|(_, until)| **until <= now).map(|(task, _)| *task);
        let expired: Vec<TaskId> = expired.take(most).collect();
        let mut rescued = Vec::new();
        for task in expired {
            rescued.extend(self.take_over(task, now)?);
        }
        Ok(rescued)
    }

    fn take_over(&mut self, id: TaskId, now: Timestamp) -> Result<Option<Rescued>, StoreError> {
        let effects = &mut self.effects;
        let Some(stored) = self.tasks.get_mut(&id) else { return Ok(None) };
        let Some((_, worker)) = stored.record.claim.clone() else { return Ok(None) };
        stored.record.takeovers += 1;
        let takeovers = stored.record.takeovers;
        let rescued =
            Rescued { task: id, tenant: stored.record.tenant.clone(), flow: stored.record.flow.clone(), takeovers };
        if stored.record.cancelling {
            stored.tell(TaskCancelled { reason: None }, now, effects);
            self.end(id, Move::Cancel, &Outcome::default(), now)?;
        } else {
            stored.go(Move::Rescue, effects)?;
            stored.let_go(effects);
            let backoff = crash_loop::backoff(takeovers).min(self.limits.crash_loop_backoff);
            stored.set_due(Some(now + backoff), effects);
            stored.tell(TaskRescued { worker, takeovers }, now, effects);
        }
        Ok(Some(rescued))
    }

    pub(super) fn fail_queued(
        &mut self,
        id: TaskId,
        error: ErrorReport,
        notifications: Vec<NewNotification>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let effects = &mut self.effects;
        let Some(stored) = self.tasks.get_mut(&id) else { return Ok(false) };
        if stored.record.state != TaskState::Queued {
            return Ok(false);
        }
        stored.tell(TaskFailed { error: error.clone() }, now, effects);
        self.outbox.bear(&stored.record.tenant, Some(id), notifications, now, &mut effects.announcements);
        self.end(id, Move::Fail, &Outcome { error: Some(error), ..Outcome::default() }, now)?;
        Ok(true)
    }
}
