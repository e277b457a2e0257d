//! Taking over from processes that are gone, and the verdict on a crash loop.
//!
//! A claim belongs to the process that gave it: all tasks that run without a claim of this process are orphans.
//! They only ever become fewer, so one walk over the running tasks, taken in batches, finds them all; nothing has to
//! be done when the store is opened.

use caudal_engine::notification::NewNotification;
use caudal_engine::ports::{Outcome, Rescued};
use caudal_engine::task::event::{TaskCancelled, TaskFailed, TaskRescued};
use caudal_engine::task::{ErrorReport, Move, TaskId, TaskState, WorkerId, crash_loop};
use rusqlite::params;

use super::fault::Fault;
use super::row::TaskRow;
use super::session::Session;

const NEXT_RUNNING: &str = "SELECT tenant, id FROM tasks WHERE state = ?1 AND state <> 4 \
    AND (tenant, id) > (?2, ?3) ORDER BY tenant, id LIMIT ?4";

/// How far the walk over the running tasks has come.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    walk: Walk,
    committed: Walk,
}

#[derive(Debug, Default, Clone, Copy)]
struct Walk {
    /// Tenant and id of the last one seen.
    after: Option<(i64, TaskId)>,
    ended: bool,
}

impl Orphans {
    pub(super) fn commit(&mut self) {
        self.committed = self.walk;
    }

    pub(super) fn roll_back(&mut self) {
        self.walk = self.committed;
    }
}

impl Session<'_> {
    pub(super) fn rescue(&mut self, most: usize) -> Result<Vec<Rescued>, Fault> {
        let mut rescued = Vec::new();
        while rescued.len() < most && !self.memory.orphans.walk.ended {
            let running = self.next_running(most - rescued.len())?;
            match running.last() {
                Some(last) => self.memory.orphans.walk.after = Some(*last),
                None => self.memory.orphans.walk.ended = true,
            }
            for (_, task) in running {
                if self.memory.running.get(task).is_none()
                    && let Some(row) = self.row(task)?
                {
                    rescued.push(self.take_over(row)?);
                }
            }
        }
        Ok(rescued)
    }

    fn next_running(&self, most: usize) -> Result<Vec<(i64, TaskId)>, Fault> {
        let (tenant, id) = self.memory.orphans.walk.after.map_or((i64::MIN, [0; 16]), |(t, id)| (t, *id.as_bytes()));
        let mut statement = self.connection.prepare_cached(NEXT_RUNNING)?;
        let running = statement.query_map(
            params![TaskState::Running as i64, tenant, id, i64::try_from(most).unwrap_or(i64::MAX)],
            |row| Ok((row.get(0)?, TaskId::from_bytes(row.get(1)?))),
        )?;
        Ok(running.collect::<Result<_, _>>()?)
    }

    fn take_over(&mut self, mut row: TaskRow) -> Result<Rescued, Fault> {
        row.takeovers += 1;
        let takeovers = row.takeovers;
        if row.cancelling {
            self.tell(&mut row, [TaskCancelled { reason: None }.into()])?;
            self.close(&mut row, Move::Cancel)?;
            self.save(&mut row)?;
            self.follow_end(&row, &Outcome::default())?;
        } else {
            row.go(Move::Rescue)?;
            row.due_at = Some(self.now + crash_loop::backoff(takeovers).min(self.limits.crash_loop_backoff));
            let worker = row.worker.clone().unwrap_or_else(|| WorkerId::new("unknown"));
            self.tell(&mut row, [TaskRescued { worker, takeovers }.into()])?;
            self.save(&mut row)?;
        }
        let (tenant, flow) = (self.memory.names.tenant(row.tenant)?, self.memory.names.flow(row.flow)?);
        Ok(Rescued { task: row.id, tenant, flow, takeovers })
    }

    pub(super) fn fail_queued(
        &mut self,
        task: TaskId,
        error: &ErrorReport,
        notifications: &[NewNotification],
    ) -> Result<bool, Fault> {
        let Some(mut row) = self.row(task)?.filter(|row| row.state == TaskState::Queued) else { return Ok(false) };
        self.tell(&mut row, [TaskFailed { error: error.clone() }.into()])?;
        self.bear(row.tenant, Some(row.id), notifications)?;
        self.close(&mut row, Move::Fail)?;
        self.save(&mut row)?;
        self.follow_end(&row, &Outcome { error: Some(error.clone()), ..Outcome::default() })?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::plans;
    use super::*;

    /// Goal: finding orphans costs what they are, not what the store holds.
    #[test]
    fn a_rescue_seeks() {
        let plan = plans::plan_of(NEXT_RUNNING);
        assert!(plan.contains("USING COVERING INDEX tasks_by_state (state=? AND"), "{plan}");
        plans::assert_seeks(NEXT_RUNNING, &plan);
    }
}
