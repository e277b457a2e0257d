//! Claiming: who is next in line for this worker.
//!
//! The worker's lanes are merged by looking at their heads only. First it is decided who is taken (reading), then
//! the claims are given (writing).

use std::collections::VecDeque;

use caudal_engine::ports::{ClaimKind, ClaimRequest, Claimed, ClaimedTask, KnownFlow, Renewed};
use caudal_engine::task::event::TaskClaimed;
use caudal_engine::task::{Claim, Move, Priority, TaskId, Timestamp, WorkerId};
use rusqlite::{OptionalExtension, params};
use tracing::error;

use super::fault::Fault;
use super::lanes::Lane;
use super::record::{self, Details};
use super::row::TaskRow;
use super::session::Session;

/// How many of a lane are read at once.
const BITE: usize = 16;

const NEXT_IN_LANE: &str = "SELECT due_at, id, task FROM tasks WHERE lane = ?1 AND due_at IS NOT NULL \
    AND (due_at, id) > (?2, ?3) ORDER BY due_at, id LIMIT ?4";
const FIRST_LATER_IN_LANE: &str =
    "SELECT due_at FROM tasks WHERE lane = ?1 AND due_at IS NOT NULL AND due_at > ?2 ORDER BY due_at LIMIT 1";

/// Who stands in a lane: due time, id, number.
type Place = (Timestamp, TaskId, i64);

/// A lane that the worker knows, read as far as it was needed.
struct OpenLane {
    lane: Lane,
    /// The place of its flow among the worker's.
    flow: usize,
    front: VecDeque<Place>,
    /// The last one read; after it there may be more.
    read_to: Option<Place>,
}

impl Session<'_> {
    pub(super) fn claim_next(&mut self, request: &ClaimRequest) -> Result<Claimed, Fault> {
        let mut free: Vec<usize> = request.flows.iter().map(|flow| flow.free.unwrap_or(usize::MAX)).collect();
        let mut lanes = self.open_lanes(&request.flows)?;
        let most = match request.kind {
            ClaimKind::Ordinary => request.most,
            ClaimKind::Suspect => request.most.min(1),
        };
        let mut taken = Vec::new();
        while taken.len() < most {
            let turn = request.turn.wrapping_add(taken.len() as u64);
            let Some(lane) = self.next_lane(&lanes, &free, request.kind, turn) else { break };
            free[lanes[lane].flow] -= 1;
            if let Some((.., task)) = self.take_first(&mut lanes[lane])? {
                taken.push((task, request.flows[lanes[lane].flow].version));
            }
        }
        let mut claimed = Claimed::default();
        self.look_ahead(&lanes, &free, request.kind, &mut claimed)?;
        for (task, version) in taken {
            claimed.tasks.extend(self.give(task, version, &request.worker)?);
        }
        Ok(claimed)
    }

    fn open_lanes(&self, flows: &[KnownFlow]) -> Result<Vec<OpenLane>, Fault> {
        let mut open = Vec::new();
        for lane in self.memory.lanes.busy() {
            let name = self.memory.names.flow(lane.kind.flow)?;
            let knows = |flow: &KnownFlow| flow.name == name && flow.version >= lane.kind.needs;
            if let Some(flow) = flows.iter().position(knows) {
                let mut lane = OpenLane { lane: *lane, flow, front: VecDeque::new(), read_to: None };
                self.read_on(&mut lane)?;
                self.fill_front(&mut lane)?;
                open.push(lane);
            }
        }
        Ok(open)
    }

    fn read_on(&self, lane: &mut OpenLane) -> Result<(), Fault> {
        let (due_at, id) =
            lane.read_to.map_or((i64::MIN, [0; 16]), |(due_at, id, _)| (due_at.as_millis(), *id.as_bytes()));
        let mut statement = self.connection.prepare_cached(NEXT_IN_LANE)?;
        let mut rows = statement.query(params![lane.lane.key, due_at, id, BITE as i64])?;
        lane.read_to = None;
        let mut read = 0;
        while let Some(row) = rows.next()? {
            let mut at = super::columns::Columns::of(row);
            let place = (at.time()?, at.id()?, at.value()?);
            read += 1;
            lane.read_to = Some(place);
            if !self.memory.unreadable.contains(&place.2) {
                lane.front.push_back(place);
            }
        }
        if read < BITE {
            lane.read_to = None;
        }
        Ok(())
    }

    fn fill_front(&self, lane: &mut OpenLane) -> Result<(), Fault> {
        while lane.front.is_empty() && lane.read_to.is_some() {
            self.read_on(lane)?;
        }
        Ok(())
    }

    /// The lane whose first task is next: of the priority whose turn it is, the one due longest.
    fn next_lane(&self, lanes: &[OpenLane], free: &[usize], kind: ClaimKind, turn: u64) -> Option<usize> {
        let next_of = |priority: Priority| {
            let takeable = lanes.iter().enumerate().filter(|(_, lane)| {
                lane.lane.kind.priority == priority && lane.takeable_by(kind) && free[lane.flow] > 0
            });
            let due = takeable.filter_map(|(place, lane)| Some((lane.first_due(self.now)?, place)));
            due.min().map(|(_, place)| place)
        };
        Priority::order_at(turn).into_iter().find_map(next_of)
    }

    fn take_first(&self, lane: &mut OpenLane) -> Result<Option<Place>, Fault> {
        let first = lane.front.pop_front();
        self.fill_front(lane)?;
        Ok(first)
    }

    /// Now, if one that could be taken was left; else when the next one comes. A task whose flow has no free place
    /// does not count as left, or its worker would ask again and again.
    fn look_ahead(
        &self,
        lanes: &[OpenLane],
        free: &[usize],
        kind: ClaimKind,
        claimed: &mut Claimed,
    ) -> Result<(), Fault> {
        let mut next: Option<Timestamp> = None;
        for lane in lanes {
            let due = lane.first_due(self.now).is_some();
            claimed.suspect_due |= due && lane.lane.kind.suspect;
            let candidate = match lane.front.front() {
                Some(_) if due && lane.takeable_by(kind) && free[lane.flow] > 0 => Some(self.now),
                Some(_) if due => self.first_after_now(lane)?,
                first => first.map(|(due_at, ..)| *due_at),
            };
            next = next.into_iter().chain(candidate).min();
        }
        claimed.next_due = next;
        Ok(())
    }

    fn first_after_now(&self, lane: &OpenLane) -> Result<Option<Timestamp>, Fault> {
        let mut statement = self.connection.prepare_cached(FIRST_LATER_IN_LANE)?;
        let due_at = statement.query_row([lane.lane.key, self.now.as_millis()], |row| row.get(0)).optional()?;
        Ok(due_at.map(Timestamp::from_millis))
    }

    fn give(&mut self, task: i64, version: u32, worker: &WorkerId) -> Result<Option<ClaimedTask>, Fault> {
        let (mut row, details) = match self.claimable(task) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            Err(fault) if fault.is_of_a_row() => {
                error!(row = task, error = %fault, "A task cannot be claimed; it stays in line and others go past it");
                self.memory.unreadable.insert(task);
                return Ok(None);
            }
            Err(fault) => return Err(fault),
        };
        row.claim = Claim { epoch: row.claim.epoch + 1, id: self.ids.random() };
        row.claimed_here = true;
        row.worker = Some(worker.clone());
        row.due_at = None;
        row.ran_version = row.ran_version.max(version);
        row.started_at.get_or_insert(self.now);
        row.waits = None;
        self.tell(&mut row, [TaskClaimed { worker: worker.clone() }.into()])?;
        self.save(&mut row)?;
        let record = record::record_of(&row, details, &self.memory.names)?;
        Ok(Some(ClaimedTask { task: record, claim: row.claim }))
    }

    /// A task that makes sense, in the state in which it will be when it is claimed.
    fn claimable(&self, task: i64) -> Result<Option<(TaskRow, Details)>, Fault> {
        let Some((mut row, details)) = record::find(self.connection, task, record::BY_KEY)? else { return Ok(None) };
        row.go(Move::Claim)?;
        self.memory.names.tenant(row.tenant)?;
        Ok(Some((row, details)))
    }

    /// Claims belong to this process: nothing to renew, only to tell.
    pub(super) fn renew(&mut self, claims: &[(TaskId, Claim)]) -> Result<Vec<Renewed>, Fault> {
        let renew = |(task, claim): &(TaskId, Claim)| {
            let row = self.memory.running.get(*task);
            let (held, head) = match row {
                Some(row) => (row.claim == *claim, row.head),
                None => (false, self.row(*task)?.map_or(0, |row| row.head)),
            };
            Ok(Renewed { task: *task, held, head })
        };
        claims.iter().map(renew).collect()
    }
}

impl OpenLane {
    fn takeable_by(&self, kind: ClaimKind) -> bool {
        self.lane.kind.suspect == (kind == ClaimKind::Suspect)
    }

    fn first_due(&self, now: Timestamp) -> Option<(Timestamp, TaskId)> {
        self.front.front().filter(|(due_at, ..)| *due_at <= now).map(|(due_at, id, _)| (*due_at, *id))
    }
}

#[cfg(test)]
mod tests {
    use super::super::plans;
    use super::*;

    /// Goal: a claim seeks in the line's index, and never walks or sorts the line.
    #[test]
    fn a_claim_seeks() {
        for sql in [NEXT_IN_LANE, FIRST_LATER_IN_LANE] {
            let plan = plans::plan_of(sql);
            assert!(plan.contains("USING COVERING INDEX tasks_in_line (lane=? AND"), "{plan}");
            plans::assert_seeks(sql, &plan);
        }
    }
}
