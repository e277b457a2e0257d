//! What follows from the way a flow function ended: the facts and the change of the task's last write.

use std::time::Duration;

use super::RunEnd;
use super::execution::{Execution, Phase, StopReason};
use crate::flow::children::check_own_input;
use crate::flow::error::{FlowError, FlowResult};
use crate::flow::step::backoff;
use crate::notification::NewNotification;
use crate::ports::{Outcome, Then};
use crate::task::event::{
    Log, SignalReceived, TaskCancelled, TaskCreated, TaskFailed, TaskPaused, TaskReleased, TaskRetrying, TaskSucceeded,
    TaskWaiting,
};
use crate::task::{ErrorReport, Fact, Json, LogLevel, NewTask, PauseReason, Summary, TaskState, Wait};
use crate::use_cases::inputs::secrets_of;
use crate::use_cases::notify;

/// How long a task whose children the store has no room for is put off the first time, twice as long the next …
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// … up to here. Each try adds to the log of a store that is full, which may last, and for thousands of tasks.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// The flow function's result, and how many things and scopes it made at its top level.
#[derive(Debug)]
pub(crate) struct FlowEnd {
    pub(crate) result: FlowResult<Json>,
    pub(crate) made: u32,
    pub(crate) opened: u32,
}

impl FlowEnd {
    /// The function did not end by itself.
    pub(crate) fn forced() -> Self {
        Self { result: Err(FlowError::Cancelled), made: u32::MAX, opened: u32::MAX }
    }
}

/// A write that lets go of the task.
pub(crate) struct Ending {
    pub(crate) facts: Vec<Fact>,
    pub(crate) children: Vec<NewTask>,
    pub(crate) then: Then,
    pub(crate) end: RunEnd,
}

impl Ending {
    fn new(fact: impl Into<Fact>, then: Then, end: RunEnd) -> Self {
        Self { facts: vec![fact.into()], children: Vec::new(), then, end }
    }

    /// Who is to be told of it. Made anew with each ending, so that a refused write tells nobody twice.
    pub(crate) fn notifications(&self, execution: &Execution) -> Vec<NewNotification> {
        let told = |fact| notify::of_end(&execution.engine, &execution.task, Some(execution.flow), fact);
        self.facts.last().map(told).unwrap_or_default()
    }

    pub(crate) fn park(execution: &Execution, waits: Vec<Wait>) -> Self {
        let due_at = waits.iter().filter_map(|wait| wait.until).chain(execution.task.options.deadline).min();
        Self::new(TaskWaiting { waits: waits.clone() }, Then::Park { waits, due_at }, RunEnd::Parked)
    }

    pub(crate) fn pause(reason: PauseReason, detail: Option<String>) -> Self {
        Self::new(TaskPaused { reason, detail }, Then::Pause { reason }, RunEnd::Paused)
    }

    pub(crate) fn release(execution: &Execution) -> Option<Self> {
        let worker = execution.task.claim.as_ref().map(|(_, worker)| worker.clone())?;
        let (no_room, handed_back) = {
            let state = execution.state();
            (state.no_room.clone(), state.history.handed_back)
        };
        let Some(why) = no_room else {
            let then = Then::Release { due_at: execution.now() };
            return Some(Self::new(TaskReleased { worker }, then, RunEnd::Released));
        };
        // Behind what is in line by now: that may make room.
        let due_at = execution.now() + pause_for_room(handed_back, execution.engine.ids.random());
        let due_at = execution.task.options.deadline.map_or(due_at, |deadline| deadline.min(due_at));
        let mut ending = Self::new(TaskReleased { worker }, Then::Release { due_at }, RunEnd::Released);
        if handed_back == 0 {
            let message = format!("no task could be started from here, it is tried again by and by: {why}");
            let said = Log { level: LogLevel::Warn, message: message.into(), teller: Default::default() };
            ending.facts.insert(0, said.into());
        }
        Some(ending)
    }

    fn fail(error: ErrorReport) -> Self {
        let outcome = Outcome { error: Some(error.clone()), ..Outcome::default() };
        Self::new(TaskFailed { error }, Then::End { state: TaskState::Failed, outcome }, RunEnd::Failed)
    }

    fn succeed(result: Json) -> Self {
        let outcome = Outcome { result: Some(result.clone()), ..Outcome::default() };
        let fact = TaskSucceeded { result, continued_as: None };
        Self::new(fact, Then::End { state: TaskState::Succeeded, outcome }, RunEnd::Succeeded)
    }

    fn cancel(reason: Option<String>) -> Self {
        let then = Then::End { state: TaskState::Cancelled, outcome: Outcome::default() };
        Self::new(TaskCancelled { reason }, then, RunEnd::Cancelled)
    }
}

/// Between half and the whole of what it may be: those that were refused at the same time do not come back at once, and none
/// comes back soon.
fn pause_for_room(handed_back: u32, random: u64) -> Duration {
    let most = FIRST_PAUSE.saturating_mul(1 << handed_back.min(10)).min(LONGEST_PAUSE);
    let half = u64::try_from(most.as_millis() / 2).unwrap_or(u64::MAX);
    Duration::from_millis(half + random % (half + 1))
}

/// The flow function ended: what now? Whatever it is, a parent pays for what was spent.
pub(crate) fn ending_of(execution: &Execution, flow_end: &FlowEnd) -> Ending {
    let mut ending = what_now(execution, flow_end);
    if let Then::End { outcome, .. } = &mut ending.then {
        outcome.usage = execution.state().purse.spent.clone();
    }
    ending
}

fn what_now(execution: &Execution, flow_end: &FlowEnd) -> Ending {
    // First: a task that is being cancelled cannot be paused, whatever its code met.
    if let Phase::Stopping(reason) = execution.phase() {
        return stopped(execution, reason);
    }
    if let Some(detail) = execution.state().mismatch.clone() {
        return Ending::pause(PauseReason::CodeMismatch, Some(detail));
    }
    match &flow_end.result {
        Ok(result) => succeeded(execution, result, flow_end),
        Err(FlowError::ContinueAsNew(input)) => match check_own_input(execution, execution.flow, input) {
            Ok(()) => continued(execution, input),
            Err(error) => failed(execution, &error),
        },
        Err(error) => failed(execution, error),
    }
}

fn stopped(execution: &Execution, reason: StopReason) -> Ending {
    let options = &execution.flow.options;
    match reason {
        StopReason::Cancelled => Ending::cancel(execution.state().history.cancel_reason.clone()),
        StopReason::Timeout => {
            let allowed = options.timeout().unwrap_or_default();
            Ending::fail(ErrorReport::new("timeout", format!("ran longer than {allowed:?}")))
        }
        StopReason::Deadline => Ending::fail(ErrorReport::new("deadline", "its deadline has passed")),
        StopReason::TooManyEvents => {
            let most = execution.engine.limits.events_per_task;
            let message = format!("more than {most} events; use continue_as_new for flows without end");
            Ending::fail(ErrorReport::new("too_many_events", message))
        }
    }
}

fn succeeded(execution: &Execution, result: &Json, flow_end: &FlowEnd) -> Ending {
    let left_out = {
        let history = &execution.state().history;
        history.key_from("", flow_end.made).or_else(|| history.scope_from("", flow_end.opened)).cloned()
    };
    if let Some(key) = left_out {
        let detail = format!("log has {key}, code ended before it");
        return Ending::pause(PauseReason::CodeMismatch, Some(detail));
    }
    let most = execution.engine.limits.payload_bytes;
    if result.len() > most {
        let message = format!("the result has {} bytes; at most {most} are kept", result.len());
        return Ending::fail(ErrorReport::new("give_up", message));
    }
    Ending::succeed(result.clone())
}

fn failed(execution: &Execution, error: &FlowError) -> Ending {
    let failures = execution.state().history.flow_failures;
    let delay = match error {
        FlowError::Failed(_) => Some(backoff(failures + 1, execution.engine.ids.random())),
        FlowError::RetryAfter(after, _) => Some(*after),
        _ => None,
    };
    match delay {
        Some(delay) if failures < execution.flow.options.retries => retry(execution, error, failures + 1, delay),
        _ => Ending::fail(report_of(execution, error)),
    }
}

fn report_of(execution: &Execution, error: &FlowError) -> ErrorReport {
    error.report().cut(execution.engine.limits.log_line_bytes)
}

fn retry(execution: &Execution, error: &FlowError, attempt: u32, delay: Duration) -> Ending {
    let retry_at = execution.now() + delay;
    let fact = TaskRetrying { attempt, error: report_of(execution, error), retry_at };
    // A deadline before that ends the task when it is over, not later.
    let due_at = execution.task.options.deadline.map_or(retry_at, |deadline| deadline.min(retry_at));
    Ending::new(fact, Then::Release { due_at }, RunEnd::Released)
}

fn continued(execution: &Execution, input: &Json) -> Ending {
    let now = execution.now();
    let task = &execution.task;
    let id = execution.engine.ids.task_id(now, task.id.partition());
    let created = Fact::from(TaskCreated {
        flow: execution.flow.name.into(),
        version: execution.flow.version,
        retry_of: None,
        parent: task.parent.as_ref().map(|parent| parent.task),
        continued_from: Some(task.id),
        due_at: None,
    });
    let mut options = task.options.clone();
    options.continued_from = Some(task.id);
    options.secrets = secrets_of(execution.flow, input);
    options.set_budget(execution.state().purse.left());
    options.deadline = execution.flow.options.deadline().map(|deadline| now + deadline);
    let next = NewTask {
        id,
        tenant: task.tenant.clone(),
        flow: execution.flow.name.into(),
        version: execution.flow.version,
        priority: task.priority,
        created_at: now,
        due_at: now,
        input: input.clone(),
        tags: task.tags.clone(),
        unique_key: task.unique_key.clone(),
        idempotency: None,
        parent: task.parent.clone(),
        retry_of: None,
        options,
        events: std::iter::once(created.encode(now)).chain(waiting_signals(execution)).collect(),
        summary: Summary::default(),
    };
    let outcome = Outcome { result: Some(Json::null()), continued_as: Some(id), ..Outcome::default() };
    let fact = TaskSucceeded { result: Json::null(), continued_as: Some(id) };
    let then = Then::End { state: TaskState::Succeeded, outcome };
    Ending { facts: vec![fact.into()], children: vec![next], then, end: RunEnd::Succeeded }
}

/// Signals that were accepted and that nobody has consumed yet: whoever goes on will want them.
fn waiting_signals(execution: &Execution) -> Vec<String> {
    let state = execution.state();
    let waiting = state.history.pending.values();
    let received = waiting.map(|(name, value)| SignalReceived { name: name.clone(), value: value.clone() });
    received.map(|signal| Fact::from(signal).encode(execution.now())).collect()
}
