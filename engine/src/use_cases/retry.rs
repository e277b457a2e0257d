//! Retries an ended task: a new task that begins with everything the old one had finished.
//!
//! What is taken over: finished steps with what they told, consumed signals and answers, timers, recorded values,
//! children that succeeded, and what the flow told outside steps. What is not: states, failed steps, attempts that
//! did not finish, signals nobody consumed, cleanup (there will be something to tidy up again). Sequence numbers that
//! events refer to are counted anew.
//!
//! What came after the first failure came because of it. This time that may not fail, and then the flow goes another
//! way: steps that finished there are kept but bound to no place, what was told, timed and raced there is not.

use std::collections::{HashMap, HashSet};

use thiserror::Error;

use super::inputs::secrets_of;
use super::readiness::missing;
use crate::engine::Engine;
use crate::flow::Missing;
use crate::flow::budget::is_question;
use crate::flow::scope::is_cleanup;
use crate::ports::{CreateRefused, Created, StoreError};
use crate::task::event::TaskCreated;
use crate::task::record::Idempotency;
use crate::task::{Event, Fact, Key, NO_PLACE, NewTask, Note, Summary, TaskId, Tenant, WireState};
use crate::use_cases::start::{OUR_KEYS, answered_before, home_of};

#[derive(Debug, Clone, Error)]
pub enum RetryError {
    #[error("there is no such task")]
    NotFound,
    #[error("the task has not ended")]
    WrongState { state: WireState },
    #[error("no flow named '{flow}' is known here")]
    UnknownFlow { flow: String },
    #[error("the flow '{flow}' is not configured")]
    NotConfigured { flow: &'static str, missing: Vec<Missing> },
    #[error(transparent)]
    Refused(#[from] CreateRefused),
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub async fn retry_task(
    engine: &Engine,
    tenant: &Tenant,
    task: TaskId,
    idempotency: Option<Idempotency>,
) -> Result<Created, RetryError> {
    let new = match prepare(engine, tenant, task, idempotency.clone()).await {
        Ok(new) => new,
        Err(refused) => return answered_before(engine, tenant, idempotency.as_ref(), refused).await,
    };
    let mut answers = engine.store.create(vec![new]).await?;
    let answer = answers.pop().ok_or_else(|| StoreError::Corrupt("the store gave no answer".to_owned()))?;
    Ok(answer?)
}

/// The new task, or why there can be none.
async fn prepare(
    engine: &Engine,
    tenant: &Tenant,
    task: TaskId,
    idempotency: Option<Idempotency>,
) -> Result<NewTask, RetryError> {
    let old = engine.store.task(tenant, task).await?.ok_or(RetryError::NotFound)?;
    if !old.state.is_ended() {
        return Err(RetryError::WrongState { state: old.wire_state() });
    }
    let flow = engine.registry.find(&old.flow).ok_or_else(|| RetryError::UnknownFlow { flow: old.flow.to_string() })?;
    let missing = missing(engine, flow).await?;
    if !missing.is_empty() {
        return Err(RetryError::NotConfigured { flow: flow.name, missing });
    }
    let now = engine.clock.now();
    let events = read_log(engine, task).await?;
    let created = Fact::from(TaskCreated {
        flow: flow.name.into(),
        version: old.version,
        retry_of: Some(task),
        parent: None,
        continued_from: None,
        due_at: None,
    });
    let mut options = old.options.clone();
    options.deadline = flow.options.deadline().map(|deadline| now + deadline);
    options.continued_from = None;
    options.secrets = secrets_of(flow, &old.input);
    let unique_key = Some(unique_key_of(task, old.unique_key));
    let home = home_of(engine, tenant, unique_key.as_deref(), idempotency.as_ref());
    Ok(NewTask {
        id: engine.ids.task_id(now, home.unwrap_or(task.partition())),
        tenant: tenant.clone(),
        flow: flow.name.into(),
        version: old.version,
        priority: old.priority,
        created_at: now,
        due_at: now,
        input: old.input,
        tags: old.tags,
        unique_key,
        idempotency,
        parent: None,
        retry_of: Some(task),
        options,
        events: std::iter::once(created.encode(now)).chain(taken_over(&events)).collect(),
        summary: Summary::default(),
    })
}

/// To retry is to control a task, and every control can be repeated: while a retry of it is not ended, another is
/// answered with that one. A key of the task's own does so already.
fn unique_key_of(task: TaskId, its_own: Option<String>) -> String {
    let its_own = its_own.filter(|key| !key.starts_with(OUR_KEYS));
    its_own.unwrap_or_else(|| format!("{OUR_KEYS}retry:{task}"))
}

async fn read_log(engine: &Engine, task: TaskId) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::new();
    let mut after = 0;
    loop {
        let entries = engine.store.events(task, after, 1 << 20).await?;
        let Some(last) = entries.last() else { return Ok(events) };
        after = last.seq;
        for entry in &entries {
            events.push(entry.event().map_err(|error| StoreError::Corrupt(error.to_string()))?);
        }
    }
}

/// The bodies that the new log begins with, after its `task.created`.
fn taken_over(events: &[Event]) -> Vec<String> {
    let finished = Finished::of(events);
    let mut bodies = Vec::new();
    let mut renumbered: HashMap<u64, u64> = HashMap::new();
    for event in events.iter().filter(|event| finished.keeps(event)) {
        // The new task's own `task.created` has number 1.
        renumbered.insert(event.seq, bodies.len() as u64 + 2);
        let mut fact = event.fact.clone();
        match &mut fact {
            Fact::SignalConsumed(consumed) => consumed.signal = new_number(&renumbered, consumed.signal),
            Fact::SignalRejected(rejected) => rejected.signal = new_number(&renumbered, rejected.signal),
            Fact::ApprovalAnswered(answered) => answered.signal = new_number(&renumbered, answered.signal),
            _ => {}
        }
        if finished.is_after_failure(event.seq) {
            unplace(&mut fact);
        }
        bodies.push(fact.encode(event.at));
    }
    bodies
}

fn new_number(renumbered: &HashMap<u64, u64>, old: u64) -> u64 {
    renumbered.get(&old).copied().unwrap_or(old)
}

fn unplace(fact: &mut Fact) {
    match fact {
        Fact::StepStarted(step) => step.ordinal = NO_PLACE,
        Fact::SignalAwaited(awaited) => awaited.ordinal = NO_PLACE,
        Fact::ApprovalAsked(asked) => asked.ordinal = NO_PLACE,
        Fact::ChildStarted(child) => child.ordinal = NO_PLACE,
        _ => {}
    }
}

/// What the old task had finished.
#[derive(Default)]
struct Finished {
    /// Steps that succeeded and the attempt that did, with where that attempt's last execution began.
    steps: HashMap<Key, (u32, u64)>,
    /// Waits that were answered, children that succeeded.
    waits: HashSet<Key>,
    signals: HashSet<u64>,
    cleanup: HashSet<Key>,
    /// Where something failed for the first time.
    failed_at: Option<u64>,
}

impl Finished {
    fn of(events: &[Event]) -> Self {
        let mut finished = Self::default();
        let mut began: HashMap<Key, u64> = HashMap::new();
        for event in events {
            match &event.fact {
                Fact::StepStarted(step) => {
                    if is_cleanup(&step.step, step.ordinal) {
                        finished.cleanup.insert(step.step.clone());
                    }
                    began.insert(step.step.clone(), event.seq);
                }
                Fact::StepSucceeded(step) => {
                    let from = began.get(&step.step).copied().unwrap_or(0);
                    finished.steps.insert(step.step.clone(), (step.attempt, from));
                }
                Fact::SignalConsumed(consumed) if !is_question(&consumed.step) => {
                    finished.waits.insert(consumed.step.clone());
                    finished.signals.insert(consumed.signal);
                }
                Fact::ApprovalAnswered(answered) => {
                    finished.waits.insert(answered.step.clone());
                    finished.signals.insert(answered.signal);
                }
                Fact::ChildEnded(ended) if ended.state == WireState::Success => {
                    finished.waits.insert(ended.step.clone());
                }
                Fact::StepFailed(_) | Fact::ChildEnded(_) => {
                    finished.failed_at.get_or_insert(event.seq);
                }
                _ => {}
            }
        }
        finished
    }

    fn keeps(&self, event: &Event) -> bool {
        match &event.fact {
            Fact::StepStarted(step) => self.keeps_step(&step.step, step.attempt, event.seq),
            Fact::StepSucceeded(step) => self.keeps_step(&step.step, step.attempt, event.seq),
            Fact::Log(log) => self.keeps_told(&log.teller, event.seq),
            Fact::Progress(progress) => self.keeps_told(&progress.teller, event.seq),
            Fact::ToolResult(result) => self.keeps_told(&result.teller, event.seq),
            Fact::Custom(custom) => self.keeps_told(&custom.teller, event.seq),
            Fact::Usage(usage) => self.keeps_told(&usage.teller, event.seq),
            Fact::Chunk(chunk) => self.keeps_step(&chunk.step, chunk.attempt, event.seq),
            Fact::SignalReceived(_) => self.signals.contains(&event.seq),
            Fact::SignalAwaited(awaited) => self.waits.contains(&awaited.step),
            Fact::SignalConsumed(consumed) => self.waits.contains(&consumed.step),
            Fact::ApprovalAnswered(_) => true,
            Fact::ApprovalAsked(asked) => self.waits.contains(&asked.step),
            Fact::ChildStarted(child) => self.waits.contains(&child.step),
            Fact::ChildEnded(child) => child.state == WireState::Success,
            // The item may not fail this time, and whoever waits asks anew.
            Fact::Recorded(note) if matches!(Note::of(note), Some(Note::FailedItem(_) | Note::Withdrawn(_))) => false,
            Fact::TimerSet(_) | Fact::RaceWon(_) | Fact::Recorded(_) | Fact::NotificationQueued(_) => {
                !self.is_after_failure(event.seq)
            }
            _ => false,
        }
    }

    fn keeps_told(&self, teller: &crate::task::event::Teller, seq: u64) -> bool {
        match (&teller.step, teller.attempt) {
            (Some(step), Some(attempt)) => self.keeps_step(step, attempt, seq),
            _ => !self.is_after_failure(seq),
        }
    }

    fn is_after_failure(&self, seq: u64) -> bool {
        self.failed_at.is_some_and(|failed_at| seq > failed_at)
    }

    fn keeps_step(&self, step: &Key, attempt: u32, seq: u64) -> bool {
        !self.cleanup.contains(step)
            && self.steps.get(step).is_some_and(|&(winner, from)| attempt == winner && seq >= from)
    }
}
