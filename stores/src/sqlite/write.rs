//! The one write of a running task: check the claim, the number and what the worker has seen; then apply all of it.
//!
//! Most writes add events and go on. Those cost one insert: the row stays in memory.

use caudal_engine::ports::{TaskWrite, Then, WriteRefused, Written};
use caudal_engine::task::{APPROVAL_PREFIX, Move, NewTask, PauseReason, TaskState};
use rusqlite::params;

use super::columns::signed;
use super::fault::Fault;
use super::log;
use super::row::{LastWrite, TaskRow};
use super::session::Session;

impl Session<'_> {
    pub(super) fn write(&mut self, write: &TaskWrite) -> Result<Result<Written, WriteRefused>, Fault> {
        let Some(mut row) = self.row(write.task)? else { return Ok(Err(WriteRefused::Stale)) };
        if let Some(answer) = check(write, &row)? {
            return Ok(answer);
        }
        row.summary = write.summary.clone();
        let first = self.append(&mut row, &write.events)?;
        let forgets_takeovers = write.step_finished && row.takeovers > 0;
        if forgets_takeovers {
            row.takeovers = 0;
        }
        self.take_signals(&row, &write.signals_taken)?;
        self.bear(row.tenant, Some(row.id), &write.notifications)?;
        if let Some(from) = write.compact_from {
            log::compact(self.connection, row.key, from)?;
        }
        self.apply(&mut row, write, first, forgets_takeovers)?;
        Ok(Ok(answer_of(&row, first)))
    }

    fn apply(&mut self, row: &mut TaskRow, write: &TaskWrite, first: u64, row_changed: bool) -> Result<(), Fault> {
        match &write.then {
            Then::GoOn => {}
            Then::Park { waits, due_at } => {
                row.go(Move::Park)?;
                row.waits = Some(serde_json::to_string(waits).map_err(Fault::unreadable)?.into());
                row.due_at = *due_at;
            }
            Then::Release { due_at } => {
                row.go(Move::Release)?;
                row.due_at = Some(*due_at);
            }
            Then::Pause { .. } => {
                row.go(Move::Pause)?;
                row.pausing = false;
            }
            Then::End { state, .. } => self.close(row, move_to(*state)?)?,
        }
        row.last_write = Some(LastWrite { claim: write.claim, number: write.number, answer: answer_of(row, first) });
        if row_changed || row.state != TaskState::Running {
            self.save(row)?;
        } else {
            self.keep(row);
        }
        for child in &write.children {
            self.create_child(row, child)?;
        }
        if let Then::End { outcome, .. } = &write.then {
            self.follow_end(row, outcome)?;
        }
        Ok(())
    }

    /// Consumed signals that nobody may ask about again are forgotten.
    fn take_signals(&self, row: &TaskRow, taken: &[u64]) -> Result<(), Fault> {
        for seq in taken {
            let key = params![row.key, signed(*seq), format!("{APPROVAL_PREFIX}*")];
            self.connection
                .prepare_cached("DELETE FROM signals WHERE task = ?1 AND seq = ?2 AND id IS NULL AND name NOT GLOB ?3")?
                .execute(key)?;
            self.connection
                .prepare_cached("UPDATE signals SET taken = 1 WHERE task = ?1 AND seq = ?2")?
                .execute(params![row.key, signed(*seq)])?;
        }
        Ok(())
    }

    /// A child lives in its parent's tenant; a task that continues this one takes its place.
    fn create_child(&mut self, row: &TaskRow, child: &NewTask) -> Result<(), Fault> {
        if self.exists(child.id)? {
            return Ok(());
        }
        if child.options.continued_from == Some(row.id) {
            let child = NewTask { parent: row.parent.clone(), ..child.clone() };
            return self.put_in_line(row.tenant, &child);
        }
        self.put_in_line(row.tenant, child)
    }
}

/// Refuses, answers a repeat, or lets the write pass. Nothing is changed before this.
fn check(write: &TaskWrite, row: &TaskRow) -> Result<Option<Result<Written, WriteRefused>>, Fault> {
    let last = row.last_write.filter(|last| last.claim == write.claim);
    if let Some(last) = last
        && last.number == write.number
    {
        return Ok(Some(Ok(last.answer)));
    }
    let held = row.state == TaskState::Running && row.claimed_here && row.claim == write.claim;
    if !held || write.number != last.map_or(0, |last| last.number) + 1 {
        return Ok(Some(Err(WriteRefused::Stale)));
    }
    if news_came(write, row) {
        let TaskRow { head, cancelling, pausing, .. } = *row;
        return Ok(Some(Err(WriteRefused::NewsCame { head, cancelling, pausing })));
    }
    if let Then::End { state, .. } = write.then {
        row.state.after(move_to(state)?)?;
    }
    Ok(None)
}

/// Whether something came that the worker must look at before it lets go.
///
/// A pause adds no event before the worker has brought the task there, so its flag is asked for; and a task that
/// is being cancelled must not park or pause, because nobody would end it. A pause that was taken back is not carried out.
fn news_came(write: &TaskWrite, row: &TaskRow) -> bool {
    let longer = row.head > write.seen;
    match &write.then {
        // What goes on elsewhere takes along what came: a signal, a cancel.
        Then::End { outcome, .. } => longer && outcome.continued_as.is_some(),
        Then::GoOn => false,
        Then::Park { .. } => longer || row.cancelling || row.pausing,
        Then::Pause { reason } => longer || row.cancelling || (*reason == PauseReason::Requested && !row.pausing),
        Then::Release { .. } => longer,
    }
}

fn move_to(state: TaskState) -> Result<Move, Fault> {
    match state {
        TaskState::Succeeded => Ok(Move::Succeed),
        TaskState::Failed => Ok(Move::Fail),
        TaskState::Cancelled => Ok(Move::Cancel),
        open => Err(Fault::unreadable(format_args!("a task cannot end as {open:?}"))),
    }
}

fn answer_of(row: &TaskRow, first: u64) -> Written {
    Written { first, head: row.head, cancelling: row.cancelling, pausing: row.pausing }
}
