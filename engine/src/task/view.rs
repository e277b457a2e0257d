//! The view: the fold of a task's log that every client sees.
//!
//! Whoever shows a task — a page that polls, a stream, the command line — applies the events in order and shows
//! this. Results and text of a step's attempt that did not finish are dropped (its log lines stay, marked), so a
//! crash or a retry never shows anything twice. A snapshot is bounded: the newest results only, with `omitted`
//! saying how many are left out (they are all in the log), and of streams and waits as many as fit.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::event::{ErrorReport, Event, Fact, Key, Teller};
use super::ids::TaskId;
use super::json::Json;
use super::note::Note;
use super::state::WireState;
use super::streams::Streams;
use super::summary::Summary;
use super::usage::UsageTotals;
use super::wait::{Wait, WaitKind, shown};

const MOST_RESULTS: usize = 500;
const MOST_RESULT_BYTES: usize = 256 * 1024;

#[derive(Debug, Clone)]
pub struct TaskView {
    /// The newest event that is folded in.
    pub seq: u64,
    pub state: WireState,
    pub summary: Summary,
    pub waiting: Vec<Wait>,
    pub final_result: Option<Json>,
    pub error: Option<ErrorReport>,
    /// The task that goes on in place of this one.
    pub continued_as: Option<TaskId>,
    pub usage: UsageTotals,
    started: bool,
    results: VecDeque<ResultItem>,
    result_bytes: usize,
    omitted: u64,
    streams: Streams,
    /// Names of the steps that are running.
    names: HashMap<Key, Arc<str>>,
}

#[derive(Debug, Clone)]
struct ResultItem {
    step: Option<Key>,
    /// The attempt that told it has not finished yet.
    provisional: bool,
    is_log: bool,
    /// The wire object.
    json: String,
}

impl Default for TaskView {
    fn default() -> Self {
        Self {
            seq: 0,
            state: WireState::Pending,
            summary: Summary::default(),
            waiting: Vec::new(),
            final_result: None,
            error: None,
            continued_as: None,
            usage: UsageTotals::default(),
            started: false,
            results: VecDeque::new(),
            result_bytes: 0,
            omitted: 0,
            streams: Streams::default(),
            names: HashMap::new(),
        }
    }
}

impl TaskView {
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut view = Self::default();
        for event in events {
            view.apply(event);
        }
        view
    }

    /// Folds the next event in. Returns whether anything that a snapshot shows has changed.
    pub fn apply(&mut self, event: &Event) -> bool {
        self.seq = event.seq;
        let before = self.summary.clone();
        self.summary.apply(&event.fact);
        let changed = self.apply_fact(event);
        changed || before != self.summary
    }

    fn apply_fact(&mut self, event: &Event) -> bool {
        match &event.fact {
            Fact::TaskClaimed(_) => {
                self.started = true;
                self.state = WireState::Progress;
                self.waiting.retain(|wait| matches!(wait.kind, WaitKind::Signal | WaitKind::Approval));
            }
            Fact::TaskWaiting(waiting) => {
                self.state = WireState::Waiting;
                self.waiting.clone_from(&waiting.waits);
            }
            Fact::TaskPaused(_) => self.state = WireState::Paused,
            Fact::TaskResumed(_) | Fact::TaskRescued(_) | Fact::TaskReleased(_) => {
                self.state = if self.started { WireState::Progress } else { WireState::Pending };
            }
            Fact::TaskSucceeded(done) => {
                self.final_result = Some(done.result.clone());
                self.continued_as = done.continued_as;
                self.end(WireState::Success);
            }
            Fact::TaskFailed(failed) => {
                self.error = Some(failed.error.clone());
                self.end(WireState::Failure);
            }
            Fact::TaskCancelled(_) => self.end(WireState::Cancelled),

            Fact::StepStarted(step) => {
                self.names.insert(step.step.clone(), step.name.clone());
                self.void(&step.step);
            }
            Fact::StepSucceeded(step) => {
                self.names.remove(&step.step);
                self.keep(&step.step);
            }
            Fact::StepFailed(step) => self.leave(&step.step),
            Fact::StepCancelled(step) => self.leave(&step.step),
            Fact::StepRetrying(step) => self.void(&step.step),

            Fact::Log(log) => self.push(
                &log.teller,
                true,
                &LogItem { r#type: "log", level: log.level, message: &log.message, step: log.teller.step.as_deref() },
            ),
            Fact::ToolResult(result) => self.push(
                &result.teller,
                false,
                &ToolItem {
                    r#type: "tool_result",
                    step_name: &result.step_name,
                    tool: &result.tool,
                    data: &result.data,
                },
            ),
            Fact::Custom(custom) => self.push(
                &custom.teller,
                false,
                &CustomItem { r#type: "custom", name: &custom.name, data: &custom.data },
            ),
            Fact::Usage(usage) => self.usage.add(usage),
            Fact::ChildEnded(child) if !child.usage.is_empty() => self.usage.merge(&child.usage),
            Fact::Chunk(chunk) => self.streams.write(&chunk.step, self.names.get(&chunk.step), &chunk.text),
            Fact::ChunkReset(reset) => self.streams.void(&reset.step),

            Fact::SignalAwaited(awaited) => self.await_signal(Wait {
                id: awaited.step.clone(),
                kind: WaitKind::Signal,
                name: awaited.name.clone(),
                question: awaited.question.clone(),
                about: None,
                schema: awaited.schema.clone(),
                since: event.at,
                until: awaited.until,
                child: None,
            }),
            Fact::ApprovalAsked(asked) => self.await_signal(Wait {
                id: asked.id.clone(),
                kind: WaitKind::Approval,
                name: asked.id.clone(),
                question: Some(asked.question.clone()),
                about: asked.about.clone(),
                schema: Some(asked.schema.clone()),
                since: event.at,
                until: None,
                child: None,
            }),
            // Nobody came in time, or nobody waits any more.
            Fact::Recorded(recorded) => {
                let open = self.waiting.len();
                let id = match Note::of(recorded) {
                    Some(Note::Withdrawn(id)) => id,
                    _ => recorded.step.clone(),
                };
                self.waiting.retain(|wait| wait.id != id);
                return self.waiting.len() != open;
            }
            Fact::SignalConsumed(consumed) => self.waiting.retain(|wait| wait.id != consumed.step),
            Fact::ApprovalAnswered(answered) => self.waiting.retain(|wait| wait.id != answered.id),
            _ => return false,
        }
        true
    }

    fn await_signal(&mut self, wait: Wait) {
        self.waiting.retain(|open| open.id != wait.id);
        self.waiting.push(wait);
    }

    fn end(&mut self, state: WireState) {
        self.state = state;
        self.waiting.clear();
        self.names.clear();
        for step in self.streams.running() {
            self.void(&step);
        }
    }

    fn leave(&mut self, step: &Key) {
        self.names.remove(step);
        self.void(step);
    }

    /// The attempt did not finish: its results and text are void, its log lines stay, marked.
    fn void(&mut self, step: &Key) {
        self.streams.void(step);
        for item in &mut self.results {
            if item.provisional && item.is_log && item.step.as_ref() == Some(step) {
                item.provisional = false;
                item.json.pop();
                item.json.push_str(",\"unfinished\":true}");
            }
        }
        self.results.retain(|item| !item.provisional || item.step.as_ref() != Some(step));
        self.result_bytes = self.results.iter().map(|item| item.json.len()).sum();
    }

    fn keep(&mut self, step: &Key) {
        for item in self.results.iter_mut().filter(|item| item.step.as_ref() == Some(step)) {
            item.provisional = false;
        }
        self.streams.finish(step);
    }

    fn push(&mut self, teller: &Teller, is_log: bool, item: &impl Serialize) {
        let json = serde_json::to_string(item).unwrap_or_default();
        self.result_bytes += json.len();
        self.results.push_back(ResultItem {
            step: teller.step.clone(),
            provisional: teller.step.is_some(),
            is_log,
            json,
        });
        while self.results.len() > MOST_RESULTS || (self.result_bytes > MOST_RESULT_BYTES && self.results.len() > 1) {
            if let Some(oldest) = self.results.pop_front() {
                self.result_bytes -= oldest.json.len();
                self.omitted += 1;
            }
        }
    }
}

#[derive(Serialize)]
struct LogItem<'a> {
    r#type: &'static str,
    level: super::event::LogLevel,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
}

#[derive(Serialize)]
struct ToolItem<'a> {
    r#type: &'static str,
    step_name: &'a str,
    tool: &'a str,
    data: &'a Json,
}

#[derive(Serialize)]
struct CustomItem<'a> {
    r#type: &'static str,
    name: &'a str,
    data: &'a Json,
}

/// The snapshot on the wire: `{"state": …, "details": {…}}`.
impl Serialize for TaskView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("state", &self.state)?;
        map.serialize_entry("details", &Details(self))?;
        map.end()
    }
}

struct Details<'a>(&'a TaskView);

impl Serialize for Details<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", &view.summary.status)?;
        map.serialize_entry("progress", &view.summary.progress)?;
        map.serialize_entry("step_results", &Results(&view.results))?;
        if view.omitted > 0 {
            map.serialize_entry("omitted", &view.omitted)?;
        }
        map.serialize_entry("streams", &view.streams)?;
        if view.streams.omitted() > 0 {
            map.serialize_entry("streams_omitted", &view.streams.omitted())?;
        }
        let (waiting, omitted) = shown(&view.waiting);
        map.serialize_entry("waiting", &waiting)?;
        if omitted > 0 {
            map.serialize_entry("waiting_omitted", &omitted)?;
        }
        map.serialize_entry("final_result", &view.final_result)?;
        if !view.usage.is_empty() {
            map.serialize_entry("usage", &view.usage)?;
        }
        if let Some(error) = &view.error {
            map.serialize_entry("error", error)?;
        }
        if let Some(task) = &view.continued_as {
            map.serialize_entry("continued_as", task)?;
        }
        map.end()
    }
}

struct Results<'a>(&'a VecDeque<ResultItem>);

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|item| Raw(&item.json)))
    }
}

/// JSON that was made by us a moment ago.
struct Raw<'a>(&'a str);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&serde_json::value::RawValue>(self.0)
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}
