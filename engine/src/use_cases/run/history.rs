//! What a task's log says to the code that runs again: which steps are finished, what was told, which waits are over.
//!
//! A fold of the log, like the view, but for the replay. It is read when a task is claimed and extended while it
//! runs by what others write (signals, ends of children, controls).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::flow::scope::{is_cleanup, split_key};
use crate::task::event::{ChildEnded, Recorded};
use crate::task::{
    ErrorReport, Event, Fact, Json, Key, NO_PLACE, Note, TaskId, Timestamp, UsageTotals, Wait, WaitKind, WireState,
};

#[derive(Debug, Default)]
pub struct History {
    pub steps: HashMap<Key, StepHistory>,
    /// Values of consumed signals and answered approvals, by the key of the wait.
    pub answers: HashMap<Key, Json>,
    /// Waits that the log knows, with when they began and when they end by themselves.
    pub waits: HashMap<Key, (Timestamp, Option<Timestamp>)>,
    /// Waits that were dropped since the function last began: whoever replays passes by them again.
    pub withdrawn: HashSet<Key>,
    pub children: HashMap<Key, ChildHistory>,
    pub races: HashMap<Key, u32>,
    pub recorded: HashMap<Key, Json>,
    pub notified: HashSet<Key>,
    pub told: HashSet<Key>,
    /// Signals that nobody consumed yet, oldest first.
    pub pending: BTreeMap<u64, (Arc<str>, Json)>,
    /// Values of signals that were consumed, until the fact that says by whom is read.
    received: HashMap<u64, Json>,
    /// The key that was made at each place of each scope.
    places: HashMap<Arc<str>, Vec<Option<Key>>>,
    /// The scope that was opened at each place of each scope.
    scopes: HashMap<Arc<str>, Vec<Option<Key>>>,
    /// The item because of which a `map` ended.
    pub failed_items: HashMap<Key, u32>,
    /// What came after the first failure since the function last began, if one came.
    detour: Option<Detour>,
    /// What calls of models took.
    pub spent: UsageTotals,
    /// Bytes of text of attempts that a crash cut off before they told what they took.
    pub lost: HashMap<Key, usize>,
    /// How often the flow function failed and was begun again.
    pub flow_failures: u32,
    /// How often it was handed back since a step or a child last came about.
    pub handed_back: u32,
    /// Time that was not spent parked, in earlier claims.
    pub ran: Duration,
    claimed_at: Option<Timestamp>,
    last_at: Timestamp,
    pub cancelling: bool,
    pub cancel_reason: Option<String>,
    /// The newest event that is folded in.
    pub head: u64,
}

#[derive(Debug, Default)]
pub struct StepHistory {
    pub outcome: Option<Result<Json, ErrorReport>>,
    /// Attempts that ended without an outcome.
    pub ended_attempts: u32,
    /// Those among them after which a service asked for a wait.
    pub postponed: u32,
    pub retry_at: Option<Timestamp>,
    pub started: bool,
    is_cleanup: bool,
    /// It has text from an attempt that did not finish.
    pub streamed: bool,
    /// Bytes of text since an attempt began, until it ends or tells what it took.
    untold: Option<usize>,
}

/// What a flow did because something had failed. When the whole function is tried again that may not fail, and
/// then the flow goes another way: nothing of this binds it but the steps that finished.
#[derive(Debug, Default)]
struct Detour {
    places: Vec<(Arc<str>, usize)>,
    scopes: Vec<(Arc<str>, usize)>,
    keys: Vec<Key>,
}

#[derive(Debug)]
pub struct ChildHistory {
    pub id: TaskId,
    pub flow: Arc<str>,
    pub since: Timestamp,
    pub ended: Option<ChildEnded>,
}

impl History {
    /// Of a log that cannot be read: where it ends, and what is asked of its task.
    pub fn unread(head: u64, cancelling: bool) -> Self {
        Self { head, cancelling, ..Self::default() }
    }

    pub fn apply(&mut self, event: Event) {
        self.head = event.seq;
        let at = event.at;
        match event.fact {
            Fact::TaskClaimed(_) => self.claimed_at = Some(at),
            Fact::TaskWaiting(_) | Fact::TaskPaused(_) => self.stop_counting(at),
            Fact::TaskReleased(_) => {
                self.handed_back += 1;
                self.stop_counting(at);
            }
            // The worker was gone some time before anybody noticed: count to the last thing it told.
            Fact::TaskRescued(_) => self.stop_counting(self.last_at),
            Fact::TaskRetrying(_) => {
                self.flow_failures += 1;
                self.forget_failures();
                self.forget_detour();
                self.stop_counting(at);
            }
            Fact::TaskCancelling(cancelling) => {
                self.cancelling = true;
                self.cancel_reason = cancelling.reason;
            }
            Fact::StepStarted(step) => {
                self.place(&step.step, step.ordinal);
                let known = self.step(&step.step);
                known.is_cleanup = is_cleanup(&step.step, step.ordinal);
                known.started = true;
                known.untold = Some(0);
            }
            Fact::StepSucceeded(step) => {
                self.handed_back = 0;
                let known = self.step(&step.step);
                known.outcome = Some(Ok(step.result));
                known.streamed = false;
                known.untold = None;
            }
            Fact::StepCancelled(step) => self.step(&step.step).untold = None,
            Fact::StepFailed(step) => {
                let known = self.step(&step.step);
                known.outcome = Some(Err(step.error));
                known.untold = None;
                self.detour.get_or_insert_default();
            }
            Fact::StepRetrying(step) => {
                let known = self.step(&step.step);
                known.ended_attempts = step.attempt;
                known.postponed += u32::from(step.postponed);
                known.retry_at = Some(step.retry_at);
                known.untold = None;
            }
            Fact::Chunk(chunk) => {
                let known = self.step(&chunk.step);
                known.streamed = true;
                known.untold = known.untold.map(|bytes| bytes + chunk.text.len());
            }
            Fact::ChunkReset(reset) => self.step(&reset.step).streamed = false,
            Fact::Log(log) => self.tell(log.teller.key),
            Fact::Progress(progress) => self.tell(progress.teller.key),
            Fact::ToolResult(result) => self.tell(result.teller.key),
            Fact::Custom(custom) => self.tell(custom.teller.key),
            Fact::Usage(usage) => {
                self.spent.add(&usage);
                if let Some(step) = &usage.teller.step {
                    self.step(step).untold = None;
                }
                self.tell(usage.teller.key);
            }
            other => self.apply_wait(at, event.seq, other),
        }
        self.last_at = at;
    }

    /// The whole log is read and nothing runs yet: an attempt that is open now was cut off.
    pub fn note_lost(&mut self) {
        self.lost = self.steps.iter().filter_map(|(key, step)| Some((key.clone(), step.untold?))).collect();
    }

    fn apply_wait(&mut self, at: Timestamp, seq: u64, fact: Fact) {
        match fact {
            Fact::SignalReceived(signal) => {
                self.received.insert(seq, signal.value.clone());
                self.pending.insert(seq, (signal.name, signal.value));
            }
            Fact::SignalAwaited(awaited) => {
                self.place(&awaited.step, awaited.ordinal);
                self.withdrawn.remove(&awaited.step);
                self.waits.insert(awaited.step, (at, awaited.until));
            }
            Fact::SignalConsumed(consumed) => self.answer(consumed.step, consumed.signal),
            Fact::SignalRejected(rejected) => {
                self.pending.remove(&rejected.signal);
            }
            Fact::ApprovalAsked(asked) => {
                self.place(&asked.step, asked.ordinal);
                self.withdrawn.remove(&asked.step);
                self.waits.insert(asked.step, (at, None));
            }
            Fact::ApprovalAnswered(answered) => self.answer(answered.step, answered.signal),
            Fact::TimerSet(timer) => {
                self.place(&timer.step, timer.ordinal);
                self.waits.insert(timer.step, (at, Some(timer.until)));
            }
            Fact::ChildStarted(child) => {
                self.handed_back = 0;
                self.place(&child.step, child.ordinal);
                self.apply_child_started(child.step, child.child, child.flow, at);
            }
            Fact::ChildEnded(ended) => {
                self.spent.merge(&ended.usage);
                if ended.state != WireState::Success {
                    self.detour.get_or_insert_default();
                }
                if let Some(child) = self.children.get_mut(&ended.step) {
                    child.ended = Some(ended);
                }
            }
            Fact::RaceWon(race) => {
                self.place(&race.step, race.ordinal);
                self.races.insert(race.step, race.winner);
            }
            Fact::Recorded(recorded) if recorded.ordinal == NO_PLACE => self.note(recorded),
            Fact::Recorded(recorded) => {
                self.place(&recorded.step, recorded.ordinal);
                self.recorded.insert(recorded.step, recorded.value);
            }
            Fact::NotificationQueued(notified) => {
                self.place(&notified.step, notified.ordinal);
                self.notified.insert(notified.step);
            }
            _ => {}
        }
    }

    fn note(&mut self, recorded: Recorded) {
        match Note::of(&recorded) {
            Some(Note::Opened(at)) => {
                let (parent, _) = split_key(&recorded.step);
                if put(&mut self.scopes, parent, at, &recorded.step)
                    && let Some(detour) = &mut self.detour
                {
                    detour.scopes.push((parent.into(), at as usize));
                }
            }
            Some(Note::FailedItem(index)) => {
                self.failed_items.insert(recorded.step, index);
            }
            // Whoever waits again asks again.
            Some(Note::Withdrawn(_)) => {
                self.waits.remove(&recorded.step);
                self.withdrawn.insert(recorded.step);
            }
            None => {}
        }
    }

    /// Whether what a wait waits for is here already, though the wait may not have seen it yet.
    pub fn has_ended(&self, wait: &Wait) -> bool {
        match wait.kind {
            WaitKind::Sleep => false,
            WaitKind::Signal | WaitKind::Approval => self.pending.values().any(|(name, _)| *name == wait.name),
            WaitKind::Child => self.children.get(&wait.id).is_some_and(|child| child.ended.is_some()),
        }
    }

    /// A child of this execution's own making: its end will come as news.
    pub fn apply_child_started(&mut self, key: Key, id: TaskId, flow: Arc<str>, since: Timestamp) {
        self.children.entry(key).or_insert(ChildHistory { id, flow, since, ended: None });
    }

    /// The key that the log has at this place, if it has one.
    pub fn key_at(&self, scope: &str, ordinal: u32) -> Option<&Key> {
        self.places.get(scope)?.get(ordinal as usize)?.as_ref()
    }

    /// A key that the log has in this scope at or after a place: what the code did not make any more.
    pub fn key_from(&self, scope: &str, ordinal: u32) -> Option<&Key> {
        self.places.get(scope)?.iter().skip(ordinal as usize).flatten().next()
    }

    /// The scope that the log has at this place of a scope, if it has one.
    pub fn scope_at(&self, parent: &str, ordinal: u32) -> Option<&Key> {
        self.scopes.get(parent)?.get(ordinal as usize)?.as_ref()
    }

    /// A scope that the log has in this one at or after a place.
    pub fn scope_from(&self, parent: &str, ordinal: u32) -> Option<&Key> {
        self.scopes.get(parent)?.iter().skip(ordinal as usize).flatten().next()
    }

    /// The oldest signal of this name, taken so that no other wait gets it.
    pub fn take_signal(&mut self, name: &str) -> Option<(u64, Json)> {
        let seq = self.pending.iter().find(|(_, (pending, _))| &**pending == name).map(|(seq, _)| *seq)?;
        // Whoever takes it keeps it: what is needed on a replay is in the log.
        self.received.remove(&seq);
        self.pending.remove(&seq).map(|(_, value)| (seq, value))
    }

    fn answer(&mut self, step: Key, signal: u64) {
        self.pending.remove(&signal);
        if let Some(value) = self.received.remove(&signal) {
            self.answers.insert(step, value);
        }
    }

    fn step(&mut self, key: &Key) -> &mut StepHistory {
        self.steps.entry(key.clone()).or_default()
    }

    fn tell(&mut self, key: Option<Key>) {
        let Some(key) = key else { return };
        if self.told.insert(key.clone())
            && let Some(detour) = &mut self.detour
        {
            detour.keys.push(key);
        }
    }

    /// When the whole flow is tried again, steps and children that finally failed get their attempts anew, and there will
    /// be something to tidy up again.
    fn forget_failures(&mut self) {
        let is_forgotten = |step: &StepHistory| step.is_cleanup || !matches!(step.outcome, Some(Ok(_)));
        for step in self.steps.values_mut().filter(|step| is_forgotten(step)) {
            step.outcome = None;
            step.ended_attempts = 0;
            step.postponed = 0;
            step.retry_at = None;
        }
        let failed = |child: &ChildHistory| child.ended.as_ref().is_some_and(|end| end.state != WireState::Success);
        self.children.retain(|_, child| !failed(child));
        self.failed_items.clear();
        self.withdrawn.clear();
    }

    fn forget_detour(&mut self) {
        let Detour { places, scopes, keys } = self.detour.take().unwrap_or_default();
        for (of, forgotten) in [(&mut self.places, places), (&mut self.scopes, scopes)] {
            for (scope, at) in forgotten {
                if let Some(place) = of.get_mut(&scope).and_then(|places| places.get_mut(at)) {
                    *place = None;
                }
            }
        }
        for key in keys {
            self.told.remove(&key);
            self.races.remove(&key);
            self.recorded.remove(&key);
            self.waits.remove(&key);
            self.notified.remove(&key);
        }
    }

    fn stop_counting(&mut self, at: Timestamp) {
        if let Some(since) = self.claimed_at.take() {
            self.ran += at.since(since);
        }
    }

    fn place(&mut self, key: &Key, ordinal: u32) {
        if ordinal == NO_PLACE {
            return;
        }
        let (scope, _) = split_key(key);
        if put(&mut self.places, scope, ordinal, key)
            && let Some(detour) = &mut self.detour
        {
            detour.places.push((scope.into(), ordinal as usize));
            detour.keys.push(key.clone());
        }
    }
}

/// Notes what stands at a place of a scope. True when nothing stood there.
fn put(places: &mut HashMap<Arc<str>, Vec<Option<Key>>>, scope: &str, ordinal: u32, key: &Key) -> bool {
    let places = match places.get_mut(scope) {
        Some(places) => places,
        None => places.entry(scope.into()).or_default(),
    };
    let at = ordinal as usize;
    if places.len() <= at {
        places.resize(at + 1, None);
    }
    places[at].replace(key.clone()).is_none()
}

#[cfg(test)]
mod tests;
