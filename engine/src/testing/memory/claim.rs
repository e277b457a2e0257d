//! Claiming: who is next in line for this worker.

use std::time::Duration;

use super::state::State;
use crate::ports::{ClaimKind, ClaimRequest, Claimed, ClaimedTask, IdSource, KnownFlow, StoreError};
use crate::task::crash_loop::is_suspect;
use crate::task::event::TaskClaimed;
use crate::task::{Claim, Move, Priority, TaskId, TaskRecord, Timestamp, WorkerId};

/// A flow the worker knows and how many more tasks of it may be taken in this call.
struct Wanted<'a> {
    flow: &'a KnownFlow,
    free: usize,
}

impl State {
    pub(super) fn claim_next(
        &mut self,
        request: &ClaimRequest,
        now: Timestamp,
        lease: Option<Duration>,
        ids: &dyn IdSource,
    ) -> Result<Claimed, StoreError> {
        let mut wanted: Vec<Wanted<'_>> =
            request.flows.iter().map(|flow| Wanted { flow, free: flow.free.unwrap_or(usize::MAX) }).collect();
        let most = match request.kind {
            ClaimKind::Ordinary => request.most,
            ClaimKind::Suspect => request.most.min(1),
        };
        let mut claimed = Claimed::default();
        while claimed.tasks.len() < most {
            let turn = request.turn.wrapping_add(claimed.tasks.len() as u64);
            let Some((id, flow)) = self.next_in_line(&wanted, request.kind, turn, now) else { break };
            wanted[flow].free -= 1;
            let version = wanted[flow].flow.version;
            let claim = self.give(id, &request.worker, version, now, lease, ids)?;
            if let Some(stored) = self.tasks.get(&id) {
                claimed.tasks.push(ClaimedTask { task: stored.record.clone(), claim });
            }
        }
        claimed.suspect_due = self.due(now).any(|task| find(&wanted, task).is_some() && is_suspect(task.takeovers));
        claimed.next_due = self.next_due(&wanted, request.kind, now);
        Ok(claimed)
    }

    /// The first task of the priority whose turn it is, and the place of its flow among the wanted.
    fn next_in_line(
        &self,
        wanted: &[Wanted<'_>],
        kind: ClaimKind,
        turn: u64,
        now: Timestamp,
    ) -> Option<(TaskId, usize)> {
        Priority::order_at(turn).into_iter().find_map(|priority| {
            let due = self.effects.line.of(priority).iter().take_while(|(due_at, _)| *due_at <= now);
            due.filter_map(|(_, id)| self.tasks.get(id)).find_map(|stored| {
                let flow = takeable(wanted, &stored.record, kind)?;
                Some((stored.record.id, flow))
            })
        })
    }

    fn give(
        &mut self,
        id: TaskId,
        worker: &WorkerId,
        version: u32,
        now: Timestamp,
        lease: Option<Duration>,
        ids: &dyn IdSource,
    ) -> Result<Claim, StoreError> {
        let effects = &mut self.effects;
        let stored = self.tasks.get_mut(&id).ok_or_else(|| StoreError::Corrupt(format!("{id} is only in line")))?;
        stored.go(Move::Claim, effects)?;
        stored.epoch += 1;
        let claim = Claim { epoch: stored.epoch, id: ids.random() };
        stored.set_due(None, effects);
        let record = &mut stored.record;
        record.claim = Some((claim, worker.clone()));
        record.ran_version = record.ran_version.max(version);
        record.started_at.get_or_insert(now);
        record.waits.clear();
        effects.leases.insert(id, lease.map_or(Timestamp::from_millis(i64::MAX), |lease| now + lease));
        stored.tell(TaskClaimed { worker: worker.clone() }, now, effects);
        Ok(claim)
    }

    fn due(&self, now: Timestamp) -> impl Iterator<Item = &TaskRecord> {
        let due = self.effects.line.iter().filter(move |(due_at, _)| *due_at <= now);
        due.filter_map(|(_, id)| self.tasks.get(id)).map(|stored| &stored.record)
    }

    /// Now, if one that could be taken was left; else when the next one comes. A task whose flow has no free place
    /// does not count as left, or its worker would ask again and again.
    fn next_due(&self, wanted: &[Wanted<'_>], kind: ClaimKind, now: Timestamp) -> Option<Timestamp> {
        if self.due(now).any(|task| takeable(wanted, task, kind).is_some()) {
            return Some(now);
        }
        let later = self.effects.line.iter().filter(|(due_at, _)| *due_at > now);
        later
            .filter(|(_, id)| self.tasks.get(id).is_some_and(|stored| find(wanted, &stored.record).is_some()))
            .map(|(due_at, _)| *due_at)
            .min()
    }
}

/// The flow by which the worker knows this task: same name, and no version below what the task has seen.
fn find(wanted: &[Wanted<'_>], task: &TaskRecord) -> Option<usize> {
    let needs = task.version.max(task.ran_version);
    wanted.iter().position(|wanted| wanted.flow.name == task.flow && wanted.flow.version >= needs)
}

fn takeable(wanted: &[Wanted<'_>], task: &TaskRecord, kind: ClaimKind) -> Option<usize> {
    let flow = find(wanted, task)?;
    let fits = is_suspect(task.takeovers) == (kind == ClaimKind::Suspect);
    (fits && wanted[flow].free > 0).then_some(flow)
}
