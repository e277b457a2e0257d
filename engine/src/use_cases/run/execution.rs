//! The state that a running flow, its steps and the loop that drives them share.
//!
//! The flow side tells facts, awaits their durability, opens waits and asks whether it may go on; the driver sends
//! what was told, brings news and decides when the task parks. Both run in one tokio task; the lock is held for
//! moments and never across an await.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::attention::Attention;
use super::history::History;
use super::hold::{HoldState, holds};
use super::pulse::{Flight, Pulse, Shuffle};
use super::queue::Queue;
use crate::engine::Engine;
use crate::flow::budget::Purse;
use crate::flow::definition::FlowDefinition;
use crate::flow::error::{FlowError, FlowResult};
use crate::ports::StoreError;
use crate::task::{Fact, Key, Note, Summary, TaskRecord, Timestamp, Wait};

/// How far an execution may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Running,
    /// No step begins; when none is in flight the task is paused, handed back, or stopped for changed code.
    Settling,
    /// Steps in flight are dropped and nothing but cleanup begins.
    Stopping(StopReason),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    Cancelled,
    Timeout,
    Deadline,
    TooManyEvents,
}

pub struct Execution {
    pub engine: Engine,
    pub task: TaskRecord,
    pub flow: &'static FlowDefinition,
    state: Mutex<State>,
    phase: watch::Sender<Phase>,
    /// Counts what others wrote into the log while we run.
    news: watch::Sender<u64>,
    hold: watch::Receiver<HoldState>,
    pub pulse: Arc<Pulse>,
    pub(crate) attention: Arc<Attention>,
    shuffle: Option<Shuffle>,
    /// Held by the one step that asks for more budget.
    pub(crate) purse_turn: tokio::sync::Mutex<()>,
}

/// Everything that changes.
pub struct State {
    pub history: History,
    pub queue: Queue,
    pub summary: Summary,
    pub mismatch: Option<String>,
    /// Why the store took no children: nothing begins any more, and the task is handed back to ask for them again later.
    pub(super) no_room: Option<StoreError>,
    open_waits: HashMap<Key, Wait>,
    /// What is to be told of open waits as soon as it is known that the flow does not only pass by them, by their ids.
    pub(super) untold_waits: BTreeMap<Key, Fact>,
    /// Where the text of each running step begins in the log.
    pub chunk_starts: HashMap<Key, u64>,
    /// The ticket of the last fact that must be durable before a step begins.
    pub(super) promised: u64,
    /// Events of this task so far, queued ones included.
    pub(super) events: u64,
    pub(super) warned: bool,
    pub children: u32,
    /// How often the code has asked for a mail.
    pub notified: usize,
    pub(crate) purse: Purse,
    /// The driver lets go: what is dropped now is not cancelled.
    pub(super) closed: bool,
}

impl Execution {
    pub fn new(
        engine: Engine,
        task: TaskRecord,
        flow: &'static FlowDefinition,
        history: History,
        hold: watch::Receiver<HoldState>,
        pulse: Arc<Pulse>,
        shuffle: Option<Shuffle>,
    ) -> Arc<Self> {
        let stopping = history.cancelling;
        let state = State {
            queue: Queue::default(),
            summary: task.summary.clone(),
            mismatch: None,
            no_room: None,
            open_waits: HashMap::new(),
            untold_waits: BTreeMap::new(),
            chunk_starts: HashMap::new(),
            promised: 0,
            events: task.head,
            warned: task.head > engine.limits.events_per_task / 5 * 4,
            children: u32::try_from(history.children.len()).unwrap_or(u32::MAX),
            notified: history.notified.len(),
            purse: Purse::of(task.options.budget(), &history),
            closed: false,
            history,
        };
        let phase = if stopping { Phase::Stopping(StopReason::Cancelled) } else { Phase::Running };
        Arc::new(Self {
            engine,
            task,
            flow,
            state: Mutex::new(state),
            phase: watch::Sender::new(phase),
            news: watch::Sender::new(0),
            hold,
            pulse,
            attention: Arc::default(),
            shuffle,
            purse_turn: tokio::sync::Mutex::new(()),
        })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    // ---- going on

    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub fn watch_phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    pub fn set_phase(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            // A stop is final.
            let allowed = *now != phase && !matches!(now, Phase::Stopping(_));
            if allowed {
                *now = phase;
            }
            allowed
        });
    }

    pub fn stop(&self, reason: StopReason) {
        self.set_phase(Phase::Stopping(reason));
    }

    pub fn is_stopping(&self) -> bool {
        matches!(self.phase(), Phase::Stopping(_))
    }

    /// The code met another key than the log has: nothing begins any more.
    pub fn mismatch(&self, log_has: &str, code_met: &str) {
        self.cannot_go_on(format!("log has {log_has}, code met {code_met}"));
    }

    /// The log and the code do not go together: nothing begins any more, and the task pauses saying why.
    pub fn cannot_go_on(&self, why: String) {
        self.state().mismatch.get_or_insert(why);
        self.set_phase(Phase::Settling);
    }

    /// Returns when something new may begin; does not return while the task is settling.
    pub async fn enter(&self, cleanup: bool) -> FlowResult<()> {
        let (mut phase, mut hold) = (self.phase.subscribe(), self.hold.clone());
        loop {
            let now = *phase.borrow_and_update();
            hold.borrow_and_update();
            match now {
                Phase::Stopping(_) if !cleanup => return Err(FlowError::Cancelled),
                Phase::Running | Phase::Stopping(_) if self.lease_holds() => {
                    if self.state().queue.has_room() {
                        return Ok(());
                    }
                    // No parked task could hear that there is room, so the task must not park meanwhile.
                    let _busy = self.pulse.be_busy();
                    self.room().await;
                    if self.is_closed() {
                        // Nobody makes room any more, and nothing may begin.
                        std::future::pending::<()>().await;
                    }
                    continue;
                }
                _ => {}
            }
            // A lease that was nearly over may have been renewed.
            let changed = tokio::select! {
                changed = phase.changed() => changed,
                changed = hold.changed() => changed,
            };
            if changed.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Returns when what is in flight must be dropped.
    pub async fn stopped(&self) {
        let mut phase = self.phase.subscribe();
        if phase.wait_for(|phase| matches!(phase, Phase::Stopping(_))).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    fn lease_holds(&self) -> bool {
        holds(&self.hold, Instant::now)
    }

    // ---- being busy

    pub fn begin_flight(&self) -> Flight {
        self.pulse.be_busy()
    }

    pub fn in_flight(&self) -> usize {
        self.pulse.in_flight()
    }

    /// Sleeps on the clock inside a step.
    pub async fn doze(&self, duration: Duration) {
        let _dozing = self.pulse.doze();
        self.engine.clock.sleep_until(self.now() + duration).await;
    }

    /// With a shuffle: steps aside a few times, so that others overtake.
    pub async fn step_aside(&self) {
        const MOST: u32 = 8;
        let times = self.shuffle.as_ref().map_or(0, |shuffle| shuffle.draw() % MOST);
        for _ in 0..times {
            tokio::task::yield_now().await;
        }
    }

    // ---- waiting

    pub fn open_wait(self: &Arc<Self>, wait: Wait) -> OpenWait {
        let id = wait.id.clone();
        self.state().open_waits.insert(id.clone(), wait);
        OpenWait { execution: self.clone(), id, withdraws: None }
    }

    /// The open waits if the task could park now: nothing in flight, and no wait ends by itself within a second.
    pub fn parkable(&self) -> Option<Vec<Wait>> {
        const WORTH_PARKING: Duration = Duration::from_secs(1);
        let state = self.state();
        let now = self.now();
        let long = |wait: &Wait| {
            wait.until.is_none_or(|until| until.since(now) >= WORTH_PARKING) && !state.history.has_ended(wait)
        };
        if self.in_flight() > 0 || state.open_waits.is_empty() || !state.open_waits.values().all(long) {
            return None;
        }
        let mut waits: Vec<Wait> = state.open_waits.values().cloned().collect();
        waits.sort_by(|a, b| (a.since, &a.id).cmp(&(b.since, &b.id)));
        Some(waits)
    }

    pub fn watch_news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    pub fn announce_news(&self) {
        self.news.send_modify(|count| *count += 1);
    }

    // ---- ending

    /// From here on, dropping what is in flight tells nothing.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.queue.wake_all();
    }

    pub fn is_closed(&self) -> bool {
        self.state().closed
    }
}

/// A wait is open as long as this lives.
pub struct OpenWait {
    execution: Arc<Execution>,
    id: Key,
    /// The key of a question that others see, unless what it waits for has come.
    withdraws: Option<Key>,
}

impl OpenWait {
    /// Others see this wait, under the key: dropped before it is over, it says so.
    #[must_use]
    pub fn seen_by_others(mut self, key: Key) -> Self {
        self.withdraws = Some(key);
        self
    }

    /// Others hear of it only if it outlives the poll that opened it: a replay may pass by a wait that was dropped.
    #[must_use]
    pub fn told_if_it_lasts(self, asked: Fact) -> Self {
        self.execution.state().untold_waits.insert(self.id.clone(), asked);
        self
    }

    /// What it waits for has come.
    pub fn is_over(mut self) {
        self.withdraws = None;
        let untold = self.execution.state().untold_waits.remove(&self.id);
        if let Some(asked) = untold {
            // Nobody needs to be called for it any more.
            self.execution.tell(asked);
        }
    }
}

impl Drop for OpenWait {
    fn drop(&mut self) {
        let is_untold = {
            let mut state = self.execution.state();
            state.open_waits.remove(&self.id);
            state.untold_waits.remove(&self.id).is_some()
        };
        if let Some(key) = self.withdraws.take()
            && !is_untold
            && !self.execution.is_stopping()
        {
            self.execution.tell(Note::Withdrawn(self.id.clone()).record(key).into());
        }
    }
}
