//! The one write of a running task: check the claim, the number and what the worker has seen; then apply all of it.
//!
//! Most writes add events and go on, and most ends are no other task's business: these have small scripts of their own.

use caudal_engine::ports::{TaskWrite, Then, WriteRefused, Written};
use caudal_engine::task::{PauseReason, TaskId, TaskState, WireState};
use redis::Value;

use super::facts::summary_text;
use super::fault::unreadable;
use super::log::lines_of;
use super::record::{claim_text, waits_text};
use super::reply;
use super::scripts::{APPEND, Call, END_PLAIN, WRITE, WRITE_WITH_CHILDREN};
use super::store::RedisStore;

impl RedisStore {
    pub(super) async fn write_once(&self, write: &TaskWrite) -> Result<Written, WriteRefused> {
        if write.number == 0 {
            return Err(WriteRefused::Stale);
        }
        let partition = write.task.partition();
        let is_plain = write.signals_taken.is_empty() && write.children.is_empty() && write.compact_from.is_none();
        let tells_nobody = write.notifications.is_empty();
        let answer = match &write.then {
            Then::GoOn if is_plain && tells_nobody => self.nodes.call(partition, &self.append_of(write)).await?,
            Then::End { state, outcome } if is_plain && outcome.continued_as.is_none() => {
                match self.nodes.call(partition, &self.end_of(write, *state)?).await? {
                    // It has more to it: relatives, or a key.
                    Value::Nil => self.nodes.call(partition, &self.write_of(write)?).await?,
                    answer => answer,
                }
            }
            _ => self.nodes.call(partition, &self.write_of(write)?).await?,
        };
        if !is_plain || !matches!(write.then, Then::GoOn) {
            self.rounds.ring(partition);
        }
        if !tells_nobody {
            self.outbox_rounds.ring(partition);
        }
        answer_of(&answer, write.events.len() as u64)
    }

    fn append_of(&self, write: &TaskWrite) -> Call {
        claimed(APPEND.call(&self.keys.of(write.task.partition())), write)
            .arg(write.events.len())
            .arg(lines_of(&write.events))
            .arg(summary_text(&write.summary))
            .flag(write.step_finished)
    }

    fn end_of(&self, write: &TaskWrite, state: TaskState) -> Result<Call, WriteRefused> {
        let call = END_PLAIN.call(&self.keys.of(write.task.partition())).arg(self.turned());
        Ok(claimed(call, write)
            .arg(write.events.len())
            .arg(lines_of(&write.events))
            .arg(summary_text(&write.summary))
            .arg(state.as_str())
            .arg(shown(state)?.as_str())
            .notifications(&write.notifications))
    }

    fn write_of(&self, write: &TaskWrite) -> Result<Call, WriteRefused> {
        let partition = write.task.partition();
        let script = if write.children.is_empty() { &WRITE } else { &WRITE_WITH_CHILDREN };
        let call = script.call(&self.keys.of(partition)).arg(self.turned());
        let call = match &write.then {
            Then::End { state, outcome } => call.ending(self.clock.now(), shown(*state)?, outcome),
            _ => call.no_ending(),
        };
        let mut call = claimed(call, write)
            .arg(write.seen)
            .arg(write.events.len())
            .arg(lines_of(&write.events))
            .arg(summary_text(&write.summary))
            .flag(write.step_finished);
        call = self.then(call, &write.then)?;
        call = call
            .arg(write.compact_from.map(|from| from.to_string()).unwrap_or_default())
            .arg(write.signals_taken.len())
            .arg(write.children.len())
            .arg(write.notifications.len())
            .arg(&write.signals_taken);
        for child in &write.children {
            lives_with(child.id, partition)?;
            self.describe(&mut call, child, child.id)?;
            call = call.flag(child.options.continued_from == Some(write.task));
        }
        Ok(call.notifications(&write.notifications))
    }

    /// What then, when it is due again, its waits, and whether it goes on in another task.
    fn then(&self, call: Call, then: &Then) -> Result<Call, WriteRefused> {
        Ok(match then {
            Then::GoOn => call.arg("go").arg("").arg("").arg(""),
            Then::Park { waits, due_at } => {
                let due = due_at.map(|due_at| self.offset_of(due_at).to_string()).unwrap_or_default();
                call.arg("park").arg(due).arg(waits_text(waits)?).arg("")
            }
            Then::Release { due_at } => call.arg("release").arg(self.offset_of(*due_at)).arg("").arg(""),
            Then::Pause { reason } => {
                let asked = if *reason == PauseReason::Requested { "asked" } else { "" };
                call.arg("pause").arg(asked).arg("").arg("")
            }
            Then::End { state, outcome } => {
                call.arg(state.as_str()).arg("").arg("").flag(outcome.continued_as.is_some())
            }
        })
    }
}

/// The task, the claim, and by what a repeat and the write before are known.
fn claimed(call: Call, write: &TaskWrite) -> Call {
    let claim = claim_text(write.claim);
    let same = format!("{claim} {} ", write.number);
    let before = match write.number {
        1 => String::new(),
        number => format!("{claim} {} ", number - 1),
    };
    call.arg(write.task.to_string()).arg(claim).arg(same).arg(before)
}

fn lives_with(child: TaskId, partition: u16) -> Result<(), WriteRefused> {
    if child.partition() == partition {
        return Ok(());
    }
    Err(WriteRefused::Store(unreadable(format_args!("child {child} was not given its parent's partition"))))
}

fn shown(state: TaskState) -> Result<WireState, WriteRefused> {
    match state {
        TaskState::Succeeded => Ok(WireState::Success),
        TaskState::Failed => Ok(WireState::Failure),
        TaskState::Cancelled => Ok(WireState::Cancelled),
        open => Err(WriteRefused::Store(unreadable(format_args!("a task cannot end as {open:?}")))),
    }
}

/// From the one number that the scripts answer.
fn answer_of(answer: &Value, events: u64) -> Result<Written, WriteRefused> {
    let answer = reply::int(answer)?;
    if answer == -1 {
        return Err(WriteRefused::Stale);
    }
    let packed = if answer < 0 { -2 - answer } else { answer }.cast_unsigned();
    let (head, cancelling, pausing) = (packed / 4, packed & 1 != 0, packed & 2 != 0);
    if answer < 0 {
        return Err(WriteRefused::NewsCame { head, cancelling, pausing });
    }
    Ok(Written { first: (head + 1).saturating_sub(events), head, cancelling, pausing })
}
