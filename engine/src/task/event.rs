//! The facts that a task's log is made of, and how one is written down.
//!
//! An entry of the log is a sequence number and a body. The body is one JSON object, the very text a client gets
//! (with `seq` put in front), encoded once where the fact is born and opaque to every store:
//!
//! ```text
//! {"kind":"log","at":"2026-11-21T04:26:35.123Z","level":"info","message":"…"}
//! ```
//!
//! Adding a kind means adding one line to the table below; kinds and fields are part of the wire contract, so
//! they are only ever added. Fields: `step` is the key of a step (or of a wait, a child: anything that a flow
//! makes and a replay must find again), `ordinal` its place among the things made in its scope.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ids::{TaskId, WorkerId};
use super::json::Json;
use super::time::Timestamp;
use super::usage::UsageTotals;
use super::wait::Wait;

/// A step's key, shared because each of its events names it.
pub type Key = Arc<str>;

macro_rules! facts {
    ($( $(#[$doc:meta])* $kind:literal $name:ident { $( $(#[$attr:meta])* $field:ident : $type:ty ),* $(,)? } )*) => {
        /// What happened to a task.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Fact { $( $name($name), )* }

        $( $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub struct $name { $( $(#[$attr])* pub $field: $type, )* }

        impl From<$name> for Fact {
            fn from(fact: $name) -> Self { Self::$name(fact) }
        } )*

        impl Fact {
            /// All kinds, in the order in which they are documented.
            pub const KINDS: &[&str] = &[$( $kind, )*];

            pub fn kind(&self) -> &'static str {
                match self { $( Self::$name(_) => $kind, )* }
            }

            fn decode(kind: &str, body: &str) -> Result<Self, serde_json::Error> {
                match kind {
                    $( $kind => serde_json::from_str::<$name>(body).map(Self::$name), )*
                    _ => Err(serde::de::Error::custom(format_args!("unknown kind of event {kind:?}"))),
                }
            }
        }
    };
}

facts! {
    "task.created" TaskCreated {
        flow: Arc<str>, version: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")] retry_of: Option<TaskId>,
        #[serde(default, skip_serializing_if = "Option::is_none")] parent: Option<TaskId>,
        #[serde(default, skip_serializing_if = "Option::is_none")] continued_from: Option<TaskId>,
        #[serde(default, skip_serializing_if = "Option::is_none")] due_at: Option<Timestamp>,
    }
    "task.claimed" TaskClaimed { worker: WorkerId }
    /// Parked: no worker holds the task until one of these waits is over.
    "task.waiting" TaskWaiting { waits: Vec<Wait> }
    "task.paused" TaskPaused { reason: PauseReason, #[serde(default, skip_serializing_if = "Option::is_none")] detail: Option<String> }
    "task.resumed" TaskResumed {}
    /// The flow function failed and will run again, keeping its finished steps.
    "task.retrying" TaskRetrying { attempt: u32, error: ErrorReport, retry_at: Timestamp }
    /// The worker that held the task is gone; the task is in line again.
    "task.rescued" TaskRescued { worker: WorkerId, takeovers: u32 }
    "task.released" TaskReleased { worker: WorkerId }
    "task.cancelling" TaskCancelling { #[serde(default, skip_serializing_if = "Option::is_none")] reason: Option<String> }
    "task.succeeded" TaskSucceeded {
        result: Json,
        #[serde(default, skip_serializing_if = "Option::is_none")] continued_as: Option<TaskId>,
    }
    "task.failed" TaskFailed { error: ErrorReport }
    "task.cancelled" TaskCancelled { #[serde(default, skip_serializing_if = "Option::is_none")] reason: Option<String> }

    "step.started" StepStarted { step: Key, name: Arc<str>, attempt: u32, ordinal: u32 }
    "step.succeeded" StepSucceeded { step: Key, name: Arc<str>, attempt: u32, result: Json }
    /// The last attempt failed: this outcome is final.
    "step.failed" StepFailed { step: Key, name: Arc<str>, attempt: u32, error: ErrorReport }
    "step.retrying" StepRetrying {
        step: Key, name: Arc<str>, attempt: u32, error: ErrorReport, retry_at: Timestamp,
        /// A service asked for the wait: this attempt is not counted against the step's retries.
        #[serde(default, skip_serializing_if = "is_false")] postponed: bool,
    }
    "step.cancelled" StepCancelled { step: Key, name: Arc<str>, attempt: u32 }

    "log" Log { level: LogLevel, message: Arc<str>, #[serde(flatten)] teller: Teller }
    "progress" Progress { percent: u8, message: Arc<str>, #[serde(flatten)] teller: Teller }
    "tool_result" ToolResult { step_name: Arc<str>, tool: Arc<str>, data: Json, #[serde(flatten)] teller: Teller }
    "custom" Custom { name: Arc<str>, data: Json, #[serde(flatten)] teller: Teller }
    "chunk" Chunk { step: Key, attempt: u32, text: String }
    /// The step's text so far is void: its attempt did not finish.
    "chunk.reset" ChunkReset { step: Key }
    /// What a call of a model took, finished or not: money that is spent stays spent.
    "usage" Usage {
        model: Arc<str>, prompt_tokens: u64, completion_tokens: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")] cost: Option<f64>,
        /// The provider did not say: counted from the length of the texts.
        #[serde(default, skip_serializing_if = "is_false")] estimated: bool,
        /// A pretend model spoke.
        #[serde(default, skip_serializing_if = "is_false")] rehearsal: bool,
        #[serde(flatten)] teller: Teller,
    }

    "signal.awaited" SignalAwaited {
        step: Key, ordinal: u32, name: Arc<str>,
        /// What a person is asked; a form for the answer is made from the schema.
        #[serde(default, skip_serializing_if = "Option::is_none")] question: Option<Arc<str>>,
        #[serde(default, skip_serializing_if = "Option::is_none")] schema: Option<Json>,
        #[serde(default, skip_serializing_if = "Option::is_none")] until: Option<Timestamp>,
    }
    /// A value came from outside. Its own sequence number is the signal's name in the facts that follow.
    "signal.received" SignalReceived { name: Arc<str>, value: Json }
    "signal.consumed" SignalConsumed { step: Key, name: Arc<str>, signal: u64 }
    "signal.rejected" SignalRejected { step: Key, name: Arc<str>, signal: u64, message: String }
    "approval.asked" ApprovalAsked {
        step: Key, ordinal: u32, id: Arc<str>, question: Arc<str>, schema: Json,
        /// What is to be approved, whole.
        #[serde(default, skip_serializing_if = "Option::is_none")] about: Option<Json>,
    }
    "approval.answered" ApprovalAnswered { step: Key, id: Arc<str>, signal: u64 }
    "timer.set" TimerSet { step: Key, ordinal: u32, until: Timestamp }
    "child.started" ChildStarted { step: Key, ordinal: u32, child: TaskId, flow: Arc<str> }
    /// Written into the parent's log by the store, in the operation that ends the child.
    "child.ended" ChildEnded {
        step: Key, child: TaskId, state: super::state::WireState,
        #[serde(default, skip_serializing_if = "Option::is_none")] result: Option<Json>,
        #[serde(default, skip_serializing_if = "Option::is_none")] error: Option<ErrorReport>,
        /// What it and its own children spent.
        #[serde(default, skip_serializing_if = "UsageTotals::is_empty")] usage: UsageTotals,
    }
    /// Which of several concurrent branches came first.
    "race.won" RaceWon { step: Key, ordinal: u32, winner: u32 }
    /// A value that must be the same when the flow runs again (the time, a wait that timed out).
    "recorded" Recorded { step: Key, ordinal: u32, value: Json }
    /// A mail to each of `addresses` people; `notification` is the first one's id.
    "notification.queued" NotificationQueued {
        step: Key, ordinal: u32, notification: Arc<str>, template: Arc<str>, #[serde(default)] addresses: u32,
    }
}

/// Who told a log line, a progress, a result: a step's attempt, or the flow itself under a key of its own, by
/// which a replay knows that it was told already.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Teller {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Key>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    Requested,
    /// The code makes other steps than the log holds; a corrected deploy and a resume go on.
    CodeMismatch,
    /// A spending limit was reached and a person is asked.
    Budget,
}

/// Why something failed, for people and programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// One word: `failed`, `give_up`, `invalid_input`, `timeout`, `stalled`, `panic`, `crash_loop`, …
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    pub message: String,
    /// The step that failed: its name, as people know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

impl ErrorReport {
    pub fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), step: None, attempt: None }
    }

    /// With at most this many bytes of message: what failed may have put all that it was sent into it.
    #[must_use]
    pub fn cut(mut self, most: usize) -> Self {
        let length = self.message.len();
        if length > most {
            let end = (0..=most).rev().find(|at| self.message.is_char_boundary(*at)).unwrap_or(0);
            self.message.truncate(end);
            self.message.push_str(&format!("… ({} bytes more)", length - end));
        }
        self
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[derive(Serialize)]
struct Envelope<'a> {
    kind: &'static str,
    at: Timestamp,
    #[serde(flatten)]
    fact: &'a Fact,
}

impl Fact {
    /// The fact as the body of a log entry.
    pub fn encode(&self, at: Timestamp) -> String {
        // Facts hold only strings, numbers and JSON that was checked when it was made: this cannot fail.
        serde_json::to_string(&Envelope { kind: self.kind(), at, fact: self }).unwrap_or_default()
    }

    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::TaskSucceeded(_) | Self::TaskFailed(_) | Self::TaskCancelled(_))
    }
}

/// An entry of the log as stores keep it and streams send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    pub seq: u64,
    pub body: Arc<str>,
}

/// An entry of the log, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub seq: u64,
    pub at: Timestamp,
    pub fact: Fact,
}

impl LogEntry {
    pub fn new(seq: u64, body: impl Into<Arc<str>>) -> Self {
        Self { seq, body: body.into() }
    }

    /// The object that clients see: the body with the sequence number in front.
    pub fn wire(&self) -> String {
        format!("{{\"seq\":{},{}", self.seq, self.body.get(1..).unwrap_or("}"))
    }

    /// The kind, read without parsing the rest: `encode` always writes it first.
    pub fn kind(&self) -> &str {
        self.body.strip_prefix("{\"kind\":\"").and_then(|rest| rest.split('"').next()).unwrap_or("")
    }

    pub fn is_terminal(&self) -> bool {
        // Asked of each event on its way: most are none of a task's own.
        self.body.starts_with("{\"kind\":\"task.")
            && matches!(self.kind(), "task.succeeded" | "task.failed" | "task.cancelled")
    }

    /// When a task with this first entry may begin, if it was asked to begin later.
    pub fn begins_at(&self) -> Option<Timestamp> {
        match self.event().ok()?.fact {
            Fact::TaskCreated(created) => created.due_at,
            _ => None,
        }
    }

    pub fn event(&self) -> Result<Event, serde_json::Error> {
        #[derive(Deserialize)]
        struct At {
            at: Timestamp,
        }
        let At { at } = serde_json::from_str(&self.body)?;
        Ok(Event { seq: self.seq, at, fact: Fact::decode(self.kind(), &self.body)? })
    }
}
