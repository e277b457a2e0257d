//! A stored task: what never changes of it as one text, what changes as fields that scripts read and write.

use caudal_engine::ports::StoreError;
use caudal_engine::task::{
    Claim, Json, NewTask, Parent, Priority, Summary, TaskId, TaskOptions, TaskRecord, TaskState, Tenant, Timestamp,
    Wait, WaitKind, WorkerId,
};
use redis::Value;
use serde::{Deserialize, Serialize};

use super::fault::unreadable;
use super::reply;

/// What never changes and no script asks for.
#[derive(Serialize, Deserialize)]
struct Details {
    created_at: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_of: Option<TaskId>,
    #[serde(default, skip_serializing_if = "is_default")]
    options: TaskOptions,
}

fn is_default(options: &TaskOptions) -> bool {
    *options == TaskOptions::default()
}

/// One line of JSON, then the input as it came.
pub(super) fn details_of(new: &NewTask) -> Result<String, StoreError> {
    let details = Details {
        created_at: new.created_at.as_millis(),
        tags: new.tags.clone(),
        retry_of: new.retry_of,
        options: new.options.clone(),
    };
    let mut text = serde_json::to_string(&details).map_err(unreadable)?;
    text.push('\n');
    text.push_str(new.input.text());
    Ok(text)
}

/// The parent's id and the JSON of the key under which it waits.
pub(super) fn parent_text(parent: &Parent) -> Result<String, StoreError> {
    Ok(format!("{} {}", parent.task, serde_json::to_string(&parent.step).map_err(unreadable)?))
}

fn parent_of(text: &str) -> Result<Parent, StoreError> {
    let (task, step) = text.split_once(' ').ok_or_else(|| unreadable("a parent has no step"))?;
    let step: String = serde_json::from_str(step).map_err(unreadable)?;
    Ok(Parent { task: task.parse().map_err(unreadable)?, step: step.into() })
}

/// A claim as it is kept and compared.
pub(super) fn claim_text(claim: Claim) -> String {
    format!("{}.{:016x}", claim.epoch, claim.id)
}

pub(super) fn claim_of(text: &str) -> Result<Claim, StoreError> {
    let parsed = text
        .split_once('.')
        .and_then(|(epoch, id)| Some(Claim { epoch: epoch.parse().ok()?, id: u64::from_str_radix(id, 16).ok()? }));
    parsed.ok_or_else(|| unreadable(format_args!("'{text}' is no claim")))
}

/// What a park hears, a line each, so that a script can look for one; then the waits.
pub(super) fn waits_text(waits: &[Wait]) -> Result<String, StoreError> {
    let mut text = String::from("\n");
    for wait in waits {
        let key = serde_json::to_string(&wait.id).map_err(unreadable)?;
        match wait.kind {
            WaitKind::Signal | WaitKind::Approval => text.push_str(&signal_line(&wait.name)[1..]),
            WaitKind::Child => text.push_str(&format!("k{key}\n")),
            WaitKind::Sleep => {}
        }
        if let Some(child) = wait.child {
            text.push_str(&format!("c{child}\n"));
        }
    }
    text.push('\0');
    text.push_str(&serde_json::to_string(waits).map_err(unreadable)?);
    Ok(text)
}

/// The line of the waits that hears a signal of this name. JSON has no raw line break, so no name can forge one.
pub(super) fn signal_line(name: &str) -> String {
    format!("\ns{}\n", serde_json::Value::from(name))
}

fn waits_of(text: &[u8]) -> Result<Vec<Wait>, StoreError> {
    match text.iter().position(|byte| *byte == 0) {
        Some(end) => serde_json::from_slice(&text[end + 1..]).map_err(unreadable),
        None => Ok(Vec::new()),
    }
}

/// The fields of a task's hash.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) tenant: String,
    pub(super) flow: String,
    pub(super) state: String,
    priority: String,
    version: u32,
    ran: u32,
    asked: u8,
    takeovers: u32,
    pub(super) head: u64,
    summary: String,
    due: Option<i64>,
    started: Option<i64>,
    pub(super) ended: Option<i64>,
    claim: String,
    worker: String,
    unique: Option<String>,
    parent: String,
    /// What the log takes, with what never changes of the task; known of those that have ended.
    pub(super) bytes: Option<u64>,
}

fn number<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(unreadable)
}

/// The fields that a claim answers, in its order; the last ones only scripts read.
const CLAIMED: [&[u8]; 19] = [
    b"tenant",
    b"flow",
    b"state",
    b"ran",
    b"head",
    b"summary",
    b"due",
    b"started",
    b"claim",
    b"worker",
    b"epoch",
    b"needs",
    b"lane",
    b"priority",
    b"version",
    b"asked",
    b"takeovers",
    b"unique",
    b"parent",
];

/// The fields that a record is made of, in the order of `read_with_log.lua`.
pub(super) const FIELDS: [&[u8]; 18] = [
    b"tenant",
    b"flow",
    b"state",
    b"priority",
    b"version",
    b"ran",
    b"asked",
    b"takeovers",
    b"head",
    b"summary",
    b"due",
    b"started",
    b"ended",
    b"claim",
    b"worker",
    b"unique",
    b"parent",
    b"bytes",
];

impl Fields {
    /// From the values that a claim answers.
    pub(super) fn read_claimed(values: Value) -> Result<Self, StoreError> {
        Self::read_named(&CLAIMED, values).map(Option::unwrap_or_default)
    }

    /// From the values of [`FIELDS`]; none where none of them is there.
    pub(super) fn of_values(values: Value) -> Result<Option<Self>, StoreError> {
        Self::read_named(&FIELDS, values)
    }

    fn read_named(names: &[&[u8]], values: Value) -> Result<Option<Self>, StoreError> {
        let mut fields = None;
        for (name, value) in names.iter().zip(reply::list(values)?) {
            if value != Value::Nil {
                fields.get_or_insert_with(Self::default).take(name, reply::text(value)?)?;
            }
        }
        Ok(fields)
    }

    /// From names and values in turn.
    pub(super) fn read(flat: Value) -> Result<Self, StoreError> {
        let mut fields = Self::default();
        let mut flat = reply::list(flat)?.into_iter();
        while let (Some(name), Some(value)) = (flat.next(), flat.next()) {
            fields.take(&reply::bytes(name)?, reply::text(value)?)?;
        }
        Ok(fields)
    }

    fn take(&mut self, name: &[u8], value: String) -> Result<(), StoreError> {
        match name {
            b"tenant" => self.tenant = value,
            b"flow" => self.flow = value,
            b"state" => self.state = value,
            b"priority" => self.priority = value,
            b"version" => self.version = number(&value)?,
            b"ran" => self.ran = number(&value)?,
            b"asked" => self.asked = number(&value)?,
            b"takeovers" => self.takeovers = number(&value)?,
            b"head" => self.head = number(&value)?,
            b"summary" => self.summary = value,
            b"due" if value.is_empty() => self.due = None,
            b"due" => self.due = Some(number(&value)?),
            b"started" => self.started = Some(number(&value)?),
            b"ended" => self.ended = Some(number(&value)?),
            b"claim" => self.claim = value,
            b"worker" => self.worker = value,
            b"unique" => self.unique = Some(value),
            b"parent" => self.parent = value,
            b"bytes" => self.bytes = Some(number(&value)?),
            // The rest is for scripts alone, or for a later version.
            _ => {}
        }
        Ok(())
    }

    pub(super) fn state(&self) -> Result<TaskState, StoreError> {
        TaskState::parse(&self.state).ok_or_else(|| unreadable(format_args!("'{}' is no state", self.state)))
    }

    fn summary(&self) -> Summary {
        let (progress, status) = self.summary.split_once(' ').unwrap_or(("0", &self.summary));
        Summary { progress: progress.parse().unwrap_or(0), status: status.into() }
    }

    fn claim(&self) -> Result<Option<(Claim, WorkerId)>, StoreError> {
        if self.claim.is_empty() {
            return Ok(None);
        }
        let worker: String = serde_json::from_str(&self.worker).map_err(unreadable)?;
        Ok(Some((claim_of(&self.claim)?, WorkerId::new(worker))))
    }

    pub(super) fn into_record(self, id: TaskId, details: &[u8], waits: &[u8]) -> Result<TaskRecord, StoreError> {
        let (state, claim, summary) = (self.state()?, self.claim()?, self.summary());
        let text = std::str::from_utf8(details).map_err(unreadable)?;
        let (details, input) = text.split_once('\n').ok_or_else(|| unreadable("a task has no input"))?;
        let details: Details = serde_json::from_str(details).map_err(unreadable)?;
        let parent = if self.parent.is_empty() { None } else { Some(parent_of(&self.parent)?) };
        Ok(TaskRecord {
            id,
            tenant: Tenant::new(self.tenant),
            flow: self.flow.into(),
            version: self.version,
            ran_version: self.ran,
            state,
            cancelling: self.asked & 1 != 0,
            pausing: self.asked & 2 != 0,
            priority: priority_of(&self.priority)?,
            created_at: Timestamp::from_millis(details.created_at),
            due_at: self.due.map(Timestamp::from_millis),
            started_at: self.started.map(Timestamp::from_millis),
            ended_at: self.ended.map(Timestamp::from_millis),
            input: Json::from_text(input).map_err(unreadable)?,
            tags: details.tags,
            unique_key: self.unique,
            parent,
            retry_of: details.retry_of,
            options: details.options,
            claim,
            takeovers: self.takeovers,
            head: self.head,
            waits: waits_of(waits)?,
            summary,
        })
    }
}

fn priority_of(text: &str) -> Result<Priority, StoreError> {
    let found = Priority::ALL.into_iter().find(|priority| (*priority as u8).to_string() == text);
    found.ok_or_else(|| unreadable(format_args!("'{text}' is no priority")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(kind: WaitKind, name: &str, child: Option<TaskId>) -> Wait {
        let (id, name) = (format!("key of {name}").into(), name.into());
        Wait {
            id,
            kind,
            name,
            question: None,
            about: None,
            schema: None,
            since: Timestamp::default(),
            until: None,
            child,
        }
    }

    /// Goal: a script finds what a park hears by its line, whatever the name, and nothing else; and the waits come back.
    #[test]
    fn waits_are_found_by_their_lines() {
        let child = TaskId::from_parts(Timestamp::default(), 0, 1);
        let waits = [
            wait(WaitKind::Signal, "go\nsstop", None),
            wait(WaitKind::Child, "child", Some(child)),
            wait(WaitKind::Sleep, "rest", None),
        ];
        let text = waits_text(&waits).unwrap();
        assert!(text.contains(&signal_line("go\nsstop")) && !text.contains(&signal_line("stop")));
        assert!(text.contains(&format!("\nc{child}\n")) && text.contains("\nk\"key of child\"\n"));
        assert!(!text.contains(&signal_line("rest")));
        assert_eq!(waits_of(text.as_bytes()).unwrap(), waits);
    }

    /// Goal: a claim comes back as it was.
    #[test]
    fn claims_come_back() {
        let claim = Claim { epoch: 7, id: 0xFFFF_FFFF_FFFF_FF01 };
        assert_eq!(claim_of(&claim_text(claim)).unwrap(), claim);
        assert!(claim_of("7").is_err());
    }
}
