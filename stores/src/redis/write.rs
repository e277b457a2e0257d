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
use super::scripts::{Call, WRITE, WRITE_WITH_CHILDREN, channel_letter};
use super::store::RedisStore;
use crate::log_page::LogPage;

impl RedisStore {
    pub(super) async fn write_once(&self, write: &TaskWrite) -> Result<Written, WriteRefused> {
        if write.number == 0 {
            return Err(WriteRefused::Stale);
        }
        let partition = write.task.partition();
        let is_plain = write.signals_taken.is_empty() && write.children.is_empty() && write.compact_from.is_none();
        let tells_nobody = write.notifications.is_empty();
        let short = match &write.then {
            Then::GoOn if is_plain && tells_nobody => {
                Some(short_form(write, if write.step_finished { "1" } else { "" }, ""))
            }
            Then::End { state, outcome } if is_plain && outcome.continued_as.is_none() => {
                Some(short_form(write, state.as_str(), shown(*state)?.as_str()))
            }
            _ => None,
        };
        let answer = match short {
            Some(short) => self.short_writes.write(partition, short).await?,
            None => Value::Nil,
        };
        let answer = match answer {
            // There is more to it: relatives, a key, something odd.
            Value::Nil => self.nodes.call(partition, &self.write_of(write)?).await?,
            answer => answer,
        };
        if !is_plain || !matches!(write.then, Then::GoOn) {
            self.rounds.ring(partition);
        }
        if !tells_nobody {
            self.outbox_rounds.ring(partition);
        }
        answer_of(&answer, write.events.len() as u64)
    }

    fn write_of(&self, write: &TaskWrite) -> Result<Call, WriteRefused> {
        let partition = write.task.partition();
        let script = if write.children.is_empty() { &WRITE } else { &WRITE_WITH_CHILDREN };
        let call = script.call(&self.keys.of(partition)).arg(self.turned());
        let call = match &write.then {
            Then::End { state, outcome } => call.ending(self.clock.now(), shown(*state)?, outcome),
            _ => call.no_ending(),
        };
        let mut call = call
            .arg(&claimed(write))
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
fn claimed(write: &TaskWrite) -> [String; 4] {
    let claim = claim_text(write.claim);
    let same = format!("{claim} {} ", write.number);
    let before = match write.number {
        1 => String::new(),
        number => format!("{claim} {} ", number - 1),
    };
    [write.task.to_string(), claim, same, before]
}

/// As `short_writes.lua` reads it: `after` says that a step finished, or which state ends the task.
fn short_form(write: &TaskWrite, after: &str, shown: &str) -> Vec<String> {
    let mut form = Vec::with_capacity(10 + 4 * write.notifications.len());
    form.extend(claimed(write));
    // As it is kept if nobody else wrote meanwhile, which only the script can tell.
    let page = LogPage::text(write.seen + 1, &write.events);
    form.extend([write.events.len().to_string(), page, summary_text(&write.summary)]);
    form.extend([after.to_owned(), shown.to_owned(), write.notifications.len().to_string()]);
    for new in &write.notifications {
        form.extend([new.id.to_string(), channel_letter(new.channel).to_owned()]);
        form.extend([new.recipient.to_string(), new.body.text().to_owned()]);
    }
    form
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
