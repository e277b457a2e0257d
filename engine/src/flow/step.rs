//! A step: made, begun, tried, and its outcome stored.
//!
//! ```text
//! finished in the log? ──yes──▶ the stored outcome
//!   │ no
//! may begin? ──▶ step.started ──▶ attempt ──ok──▶ step.succeeded ──▶ the result
//!                    ▲               │ error
//!                    │               ├─ asked to wait, or retries left ─▶ step.retrying ─▶ wait ────┐
//!                    └───────────────┼──────────────────────────────────────────────────────────────┘
//!                                    └─ none left, or give up ──▶ step.failed ──▶ the error
//! ```
//!
//! The flow goes on with an outcome at once; no other step begins before it is durable (`promises_kept`). So the
//! outcome goes out with what the flow does next: its end, a park, a child. What a flow does outside of steps runs
//! again on a replay anyway.
//!
//! A service that says when to come again (`RetryAfter`) has not failed: such attempts are numbered and told like the
//! others, and [`MOST_POSTPONED`] of them are not counted against the step's retries (`docs/decisions/0012`).

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{FlowError, FlowResult};
use super::scope::Place;
use super::step_context::StepContext;
use crate::task::crash_loop::is_suspect;
use crate::task::event::{ChunkReset, StepCancelled, StepFailed, StepRetrying, StepStarted, StepSucceeded};
use crate::task::{ErrorReport, Json, Timestamp, Wait, WaitKind};
use crate::use_cases::run::Flight;
use crate::use_cases::run::execution::Execution;
use crate::use_cases::run::queue::Cargo;

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
pub(crate) type Body<'a, T> = Box<dyn FnMut(StepContext) -> BoxFuture<'a, FlowResult<T>> + Send + 'a>;

const DEFAULT_RETRIES: u32 = 2;
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// How often a step may be asked to wait before that counts as a failure, too.
const MOST_POSTPONED: u32 = 20;

/// A step that was made and runs when it is awaited.
#[must_use = "a step runs when it is awaited"]
pub struct Step<'a, T>(Stage<'a, T>);

enum Stage<'a, T> {
    Made(Plan<'a, T>),
    Running(BoxFuture<'a, FlowResult<T>>),
    Moving,
}

/// A key that was given to something in this execution.
pub(crate) struct Made {
    pub(crate) execution: Arc<Execution>,
    pub(crate) place: Place,
    pub(crate) name: Arc<str>,
    /// The log has another key at this place.
    pub(crate) mismatch: bool,
}

struct Plan<'a, T> {
    made: Made,
    body: Body<'a, T>,
    tries: Tries,
}

/// How often and how long a step is tried.
#[derive(Clone, Copy)]
struct Tries {
    retries: u32,
    timeout: Option<Duration>,
    stall: Option<Duration>,
    cleanup: bool,
}

impl<'a, T: Serialize + DeserializeOwned + Send + 'a> Step<'a, T> {
    pub(crate) fn new(made: Made, body: Body<'a, T>) -> Self {
        let tries = Tries { retries: DEFAULT_RETRIES, timeout: None, stall: None, cleanup: false };
        Self(Stage::Made(Plan { made, body, tries }))
    }

    /// How many attempts follow a first one that fails (2 unless set).
    pub fn retries(self, retries: u32) -> Self {
        self.with(|tries| tries.retries = retries)
    }

    /// Ends an attempt that takes longer.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|tries| tries.timeout = Some(timeout))
    }

    /// Ends an attempt that reported nothing (no log line, progress, result or text) for this long.
    pub fn stall(self, stall: Duration) -> Self {
        self.with(|tries| tries.stall = Some(stall))
    }

    pub(crate) fn for_cleanup(self) -> Self {
        self.with(|tries| tries.cleanup = true)
    }

    fn with(mut self, change: impl FnOnce(&mut Tries)) -> Self {
        if let Stage::Made(plan) = &mut self.0 {
            change(&mut plan.tries);
        }
        self
    }
}

impl<'a, T: Serialize + DeserializeOwned + Send + 'a> Future for Step<'a, T> {
    type Output = FlowResult<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if matches!(self.0, Stage::Made(_))
            && let Stage::Made(plan) = std::mem::replace(&mut self.0, Stage::Moving)
        {
            self.0 = Stage::Running(Box::pin(plan.run()));
        }
        match &mut self.0 {
            Stage::Running(running) => running.as_mut().poll(context),
            Stage::Made(_) | Stage::Moving => Poll::Pending,
        }
    }
}

impl<'a, T: Serialize + DeserializeOwned + Send + 'a> Plan<'a, T> {
    async fn run(self) -> FlowResult<T> {
        let Self { made, mut body, tries } = self;
        made.check().await;
        if let Some(outcome) = made.stored() {
            return outcome.map_err(|report| finally_failed(&report)).and_then(|result| decode(&result));
        }
        let (ended, mut postponed) = made.ended_attempts();
        let mut attempt = ended + 1;
        loop {
            made.wait_for_retry(attempt, tries.cleanup).await?;
            made.execution.promises_kept().await;
            made.execution.enter(tries.cleanup).await?;
            let mut flight = InFlight::begin(&made, attempt).await;
            let began = Instant::now();
            let outcome = tries.attempt(&made, &mut body, attempt).await.and_then(|value| made.encode(&value));
            made.execution.step_aside().await;
            made.measure(began, outcome.is_ok());
            match outcome {
                Ok(result) => return flight.succeed(result),
                Err(FlowError::Cancelled) => return Err(FlowError::Cancelled),
                Err(FlowError::OverBudget(_)) => {
                    // Nothing was tried: while a person is asked, nothing is in flight and the task can park.
                    drop(flight);
                    match super::budget::ask_for_more(&made.execution).await {
                        Ok(()) => continue,
                        Err(FlowError::Cancelled) => return Err(FlowError::Cancelled),
                        Err(error) => return Err(InFlight::begin(&made, attempt).await.fail(error)),
                    }
                }
                Err(error) => match tries.next(&error, attempt, postponed, made.execution.engine.ids.random()) {
                    Next::Postponed(delay) => {
                        postponed += 1;
                        flight.retry(&error, made.execution.now() + delay, true);
                    }
                    Next::Retry(delay) => flight.retry(&error, made.execution.now() + delay, false),
                    Next::Fail => return Err(flight.fail(error)),
                },
            }
            attempt += 1;
        }
    }
}

impl Made {
    /// Does not return if the code is not the log's.
    pub(crate) async fn check(&self) {
        if self.mismatch {
            std::future::pending::<()>().await;
        }
    }

    fn stored(&self) -> Option<Result<Json, ErrorReport>> {
        self.execution.state().history.steps.get(&self.place.key)?.outcome.clone()
    }

    /// Attempts that ended without an outcome, and how many of them a service asked to wait.
    fn ended_attempts(&self) -> (u32, u32) {
        let state = self.execution.state();
        state.history.steps.get(&self.place.key).map_or((0, 0), |step| (step.ended_attempts, step.postponed))
    }

    fn encode<T: Serialize>(&self, value: &T) -> FlowResult<Json> {
        let most = self.execution.engine.limits.payload_bytes;
        match Json::of(value) {
            Ok(result) if result.len() <= most => Ok(result),
            Ok(result) => {
                Err(FlowError::give_up(format!("the result has {} bytes; at most {most} are kept", result.len())))
            }
            Err(error) => Err(FlowError::give_up(format!("the result cannot be written as JSON: {error}"))),
        }
    }

    async fn wait_for_retry(&self, attempt: u32, cleanup: bool) -> FlowResult<()> {
        let execution = &self.execution;
        let key = &self.place.key;
        let retry_at = execution.state().history.steps.get(key).and_then(|step| step.retry_at);
        let Some(until) = retry_at.filter(|until| attempt > 1 && *until > execution.now()) else { return Ok(()) };
        let wait = Wait {
            id: key.clone(),
            kind: WaitKind::Sleep,
            name: self.name.clone(),
            question: None,
            about: None,
            schema: None,
            since: execution.now(),
            until: Some(until),
            child: None,
        };
        super::waiting::sleep_as(execution, wait, until, cleanup).await
    }

    fn measure(&self, began: Instant, succeeded: bool) {
        let outcome = if succeeded { "success" } else { "failure" };
        metrics::histogram!("caudal_step_seconds", "flow" => self.execution.flow.name, "outcome" => outcome)
            .record(began.elapsed().as_secs_f64());
    }
}

impl Tries {
    /// One attempt: until it ends, its time is over, it reported nothing for too long, or the task is stopped.
    async fn attempt<'a, T: Send>(self, made: &Made, body: &mut Body<'a, T>, attempt: u32) -> FlowResult<T> {
        let execution = &made.execution;
        let step = StepContext::new(execution.clone(), made.place.key.clone(), made.name.clone(), attempt);
        execution.step_aside().await;
        // The body's own code before its first await may panic too.
        let begun = std::panic::catch_unwind(AssertUnwindSafe(|| body(step.clone())));
        let body = async {
            match begun {
                Ok(body) => AssertUnwindSafe(body).catch_unwind().await,
                Err(panic) => Err(panic),
            }
        };
        let timed_out = async {
            match self.timeout {
                Some(timeout) => execution.engine.clock.sleep_until(execution.now() + timeout).await,
                None => std::future::pending().await,
            }
        };
        let stalled = async {
            match self.stall {
                Some(stall) => step.stalled(stall).await,
                None => std::future::pending().await,
            }
        };
        let stopped = async { if self.cleanup { std::future::pending().await } else { execution.stopped().await } };
        let error = |kind, message| Err(FlowError::Failed(ErrorReport::new(kind, message)));
        tokio::select! {
            biased;
            () = stopped => Err(FlowError::Cancelled),
            outcome = body => outcome.unwrap_or_else(|panic| error("panic", panic_text(&*panic))),
            () = timed_out => error("timeout", format!("took longer than {:?}", self.timeout.unwrap_or_default())),
            () = stalled => error("stalled", format!("reported nothing for {:?}", self.stall.unwrap_or_default())),
        }
    }

    /// What comes after an attempt that went wrong.
    fn next(self, error: &FlowError, attempt: u32, postponed: u32, random: u64) -> Next {
        let failures = attempt.saturating_sub(postponed);
        match error {
            FlowError::RetryAfter(after, _) if postponed < MOST_POSTPONED => Next::Postponed(*after),
            FlowError::RetryAfter(after, _) if failures <= self.retries => Next::Retry(*after),
            FlowError::Failed(_) if failures <= self.retries => Next::Retry(backoff(failures, random)),
            _ => Next::Fail,
        }
    }
}

/// After an attempt that went wrong: when the next one is, if there is one.
enum Next {
    /// Somebody asked for it, and it is not counted.
    Postponed(Duration),
    Retry(Duration),
    Fail,
}

/// An attempt under way. Dropped before it ended (a race was lost, a sibling failed), it says so.
struct InFlight<'m> {
    made: &'m Made,
    attempt: u32,
    ended: bool,
    _flight: Flight,
}

impl<'m> InFlight<'m> {
    /// The start rides along with what comes next. Of a task under suspicion it is durable before the body begins:
    /// a step that takes its process down at once must be known by its name.
    async fn begin(made: &'m Made, attempt: u32) -> Self {
        let execution = &made.execution;
        let flight = execution.begin_flight();
        let key = &made.place.key;
        let had_text = {
            let mut state = execution.state();
            let known = state.history.steps.entry(key.clone()).or_default();
            std::mem::take(&mut known.streamed)
        };
        if had_text {
            execution.tell(ChunkReset { step: key.clone() }.into());
        }
        let started = StepStarted { step: key.clone(), name: made.name.clone(), attempt, ordinal: made.place.ordinal };
        let begun = Self { made, attempt, ended: false, _flight: flight };
        match is_suspect(execution.task.takeovers) {
            true => execution.record(started.into(), Cargo::default()).await,
            false => execution.tell(started.into()),
        }
        begun
    }

    fn succeed<T: DeserializeOwned>(&mut self, result: Json) -> FlowResult<T> {
        let Made { execution, place, name, .. } = self.made;
        self.ended = true;
        let compact_from = execution.state().chunk_starts.remove(&place.key);
        // What a replay would see is what the first run sees.
        let value = decode(&result);
        let fact = StepSucceeded { step: place.key.clone(), name: name.clone(), attempt: self.attempt, result };
        execution.promise(fact.into(), Cargo { step_finished: true, compact_from, ..Cargo::default() });
        value
    }

    fn retry(&mut self, error: &FlowError, retry_at: Timestamp, postponed: bool) {
        let Made { execution, place, name, .. } = self.made;
        self.ended = true;
        let report = error.clone().at_step(name, self.attempt).report().cut(execution.engine.limits.log_line_bytes);
        if let Some(step) = execution.state().history.steps.get_mut(&place.key) {
            step.retry_at = Some(retry_at);
        }
        let (step, name) = (place.key.clone(), name.clone());
        execution.tell(StepRetrying { step, name, attempt: self.attempt, error: report, retry_at, postponed }.into());
    }

    fn fail(&mut self, error: FlowError) -> FlowError {
        let Made { execution, place, name, .. } = self.made;
        self.ended = true;
        let report = error.at_step(name, self.attempt).report().cut(execution.engine.limits.log_line_bytes);
        let (step, name) = (place.key.clone(), name.clone());
        let fact = StepFailed { step, name, attempt: self.attempt, error: report.clone() };
        let compact_from = execution.state().chunk_starts.remove(&place.key);
        execution.promise(fact.into(), Cargo { step_finished: true, compact_from, ..Cargo::default() });
        finally_failed(&report)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let Made { execution, place, name, .. } = self.made;
        if !self.ended && !execution.is_closed() {
            let (step, name) = (place.key.clone(), name.clone());
            execution.tell(StepCancelled { step, name, attempt: self.attempt }.into());
        }
    }
}

/// The error of a step that has no attempts left, the same now and on a replay.
fn finally_failed(report: &ErrorReport) -> FlowError {
    match &*report.kind {
        "give_up" | "over_budget" => FlowError::GiveUp(report.clone()),
        "invalid_input" => FlowError::InvalidInput(report.clone()),
        _ => FlowError::Failed(report.clone()),
    }
}

fn decode<T: DeserializeOwned>(result: &Json) -> FlowResult<T> {
    result
        .parse()
        .map_err(|error| FlowError::give_up(format!("the stored result is no {}: {error}", std::any::type_name::<T>())))
}

/// Doubling from one second to a minute, with full jitter.
pub(crate) fn backoff(attempt: u32, random: u64) -> Duration {
    let most = FIRST_BACKOFF.saturating_mul(1 << attempt.saturating_sub(1).min(6)).min(LONGEST_BACKOFF);
    let millis = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(random % (millis + 1))
}

pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("(no text)"))
}
