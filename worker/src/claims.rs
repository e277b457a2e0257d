//! The worker's side of the line: what to ask the store for, and when to ask again.
//!
//! An idle worker of a store in this process asks only when the bell rings or the next due time comes. Where rings
//! can be lost between processes it asks every second, too. A store that can claims for it what is due the moment it
//! is born (`offers`).

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use caudal_engine::flow::FlowDefinition;
use caudal_engine::ports::{ClaimKind, ClaimRequest, Claimed, ClaimedTask, StoreError};
use caudal_engine::task::Timestamp;
use caudal_engine::use_cases::run::Hold;
use caudal_engine::use_cases::run::hold::Order;
use caudal_runtime::{Batch, Claims, Intake};
use tokio::sync::Mutex as AsyncMutex;

use self::offers::Offer;
use crate::flow_limits::{self, FlowLimits};
use crate::quarantine::Pick;
use crate::running::Place;
use crate::shared::Shared;

/// How long a lost ring can delay a task.
const RING_MAY_BE_LOST: Duration = Duration::from_secs(1);
/// The first pause after an answer that said more was due and brought nothing; it doubles up to the one above.
const FIRST_HOLLOW_PAUSE: Duration = Duration::from_millis(5);

/// A claimed task, written down as running.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) claimed: ClaimedTask,
    pub(crate) hold: Hold,
    pub(crate) suspect: bool,
    pub(crate) place: Place,
}

pub(crate) struct TaskClaims {
    shared: Arc<Shared>,
    limits: FlowLimits,
    /// Counts the tasks that were claimed.
    turn: AtomicU64,
    /// Counts the questions for ordinary tasks: says which of a limited flow's names is asked for.
    asked: AtomicUsize,
    last: Mutex<LastAnswer>,
    /// One question at a time, or two would count the same free places.
    asking: Arc<AsyncMutex<()>>,
    intake: OnceLock<Intake<Work>>,
    offer: Mutex<Option<Offer>>,
}

/// What the last answer means for when to ask again.
#[derive(Debug, Clone)]
struct LastAnswer {
    pick: Pick,
    next_due: Option<Timestamp>,
    /// Flows of which no more could be taken.
    full: Vec<&'static FlowDefinition>,
    /// Answers in a row that said more was due and brought nothing.
    hollow: u32,
    /// Answers that brought nothing since one brought something, or since a reason came to ask again.
    questions: usize,
}

impl TaskClaims {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let limits = FlowLimits::of(&shared.engine.registry, &shared.engine.resources);
        let last = LastAnswer { pick: Pick::Ordinary, next_due: None, full: Vec::new(), hollow: 0, questions: 0 };
        Self {
            shared,
            limits,
            turn: AtomicU64::new(0),
            asked: AtomicUsize::new(0),
            last: Mutex::new(last),
            asking: Arc::default(),
            intake: OnceLock::new(),
            offer: Mutex::new(None),
        }
    }

    /// Asks the store, and writes down as running what it gave.
    async fn claim(&self, kind: ClaimKind, most: usize) -> Result<(Vec<Work>, Claimed), StoreError> {
        let request = self.request(kind, most);
        let sent = Instant::now();
        let mut answer = self.shared.engine.store.claim_next(request).await?;
        metrics::histogram!("caudal_claim_seconds").record(sent.elapsed());
        Ok((self.begin_all(&mut answer, kind, sent), answer))
    }

    fn request(&self, kind: ClaimKind, most: usize) -> ClaimRequest {
        let flows = match kind {
            ClaimKind::Ordinary => self.limits.ask(&self.shared.running, self.asked.fetch_add(1, Ordering::Relaxed)),
            ClaimKind::Suspect => self.limits.ask_for_one(),
        };
        ClaimRequest { worker: self.shared.id.clone(), most, flows, kind, turn: self.turn.load(Ordering::Relaxed) }
    }

    /// Takes the tasks out of an answer and writes them down as running.
    fn begin_all(&self, answer: &mut Claimed, kind: ClaimKind, sent: Instant) -> Vec<Work> {
        let tasks = std::mem::take(&mut answer.tasks);
        metrics::counter!("caudal_claims_total").increment(tasks.len() as u64);
        self.turn.fetch_add(tasks.len() as u64, Ordering::Relaxed);
        let until = self.shared.engine.store.lease().map(|lease| sent + lease);
        tasks.into_iter().map(|claimed| self.begin(claimed, kind, until)).collect()
    }

    fn begin(&self, claimed: ClaimedTask, kind: ClaimKind, until: Option<Instant>) -> Work {
        let engine = &self.shared.engine;
        let hold = Hold::new(until);
        // A store gives only flows that were asked for; what is not known counts against nobody's limit.
        let counted_as = engine.registry.find(&claimed.task.flow).map_or("", |definition| definition.name);
        let place = self.shared.running.begin(&claimed, counted_as, engine.clock.now(), hold.clone());
        Work { claimed, hold, suspect: kind == ClaimKind::Suspect, place }
    }

    async fn claim_ordinary(&self, most: usize) -> Result<Batch<Work>, StoreError> {
        let (items, answer) = self.claim(ClaimKind::Ordinary, most).await?;
        let more = self.ordinary_answered(&answer, !items.is_empty());
        Ok(Batch { items, more })
    }

    /// Writes down what an answer means for when to ask again. True: at once.
    fn ordinary_answered(&self, answer: &Claimed, found: bool) -> bool {
        let due_now = answer.next_due.is_some_and(|due| due <= self.shared.engine.clock.now());
        self.shared.quarantine().ordinary_answered(Instant::now(), found, answer.suspect_due);
        let mut last = self.last();
        last.next_due = answer.next_due;
        last.full = self.limits.full(&self.shared.running);
        last.hollow = if due_now && !found { last.hollow.saturating_add(1) } else { 0 };
        last.questions = if found { 0 } else { last.questions + 1 };
        let names_left = self.limits.questions() > 1 && last.questions < self.limits.questions();
        (found && due_now) || names_left
    }

    async fn claim_suspect(&self) -> Result<Batch<Work>, StoreError> {
        let (work, answer) = self.claim(ClaimKind::Suspect, 1).await?;
        let found = !work.is_empty();
        if let Some(work) = work.first() {
            let task = &work.claimed.task;
            tracing::warn!(
                task.id = %task.id, flow.name = %task.flow, takeovers = task.takeovers,
                "running alone a task whose workers died"
            );
        }
        self.shared.quarantine().suspect_answered(Instant::now(), found, answer.suspect_due);
        self.last().next_due = answer.next_due;
        // Without a suspect the others are asked for at once.
        Ok(Batch { items: work, more: !found })
    }

    /// Whether what just changed makes it worth asking again.
    fn worth_asking(&self) -> bool {
        let running = &self.shared.running;
        let pick = self.shared.quarantine().decide(Instant::now(), running.len());
        let mut last = self.last();
        match pick {
            Pick::Nothing => {
                last.pick = Pick::Nothing;
                false
            }
            Pick::Suspect => true,
            Pick::Ordinary => {
                let has_room = |definition: &&'static FlowDefinition| flow_limits::free(definition, running) != Some(0);
                last.pick != Pick::Ordinary || last.full.iter().any(has_room)
            }
        }
    }

    /// Returns when time alone is a reason to ask again.
    async fn time_comes(&self) {
        let (pick, next_due, hollow) = {
            let last = self.last();
            (last.pick, last.next_due, last.hollow)
        };
        if pick == Pick::Nothing {
            // Something may well be due, but it is not the time of anything: asking again would change nothing.
            return std::future::pending().await;
        }
        if hollow > 0 {
            let pause = FIRST_HOLLOW_PAUSE.saturating_mul(1 << hollow.min(10)).min(RING_MAY_BE_LOST);
            return tokio::time::sleep(pause).await;
        }
        let engine = &self.shared.engine;
        let ring_lost = sleep_for(engine.store.lease().map(|_| RING_MAY_BE_LOST));
        match next_due {
            Some(due) => tokio::select! {
                () = engine.clock.sleep_until(due) => {}
                () = ring_lost => {}
            },
            None => ring_lost.await,
        }
    }

    /// Returns when something that ended makes room.
    async fn room_comes(&self) {
        loop {
            self.shared.running.changed.notified().await;
            if self.worth_asking() {
                return;
            }
        }
    }

    /// Returns when it is somebody else's turn.
    async fn turn_comes(&self) {
        loop {
            let now = Instant::now();
            let wake_at = {
                let mut quarantine = self.shared.quarantine();
                if quarantine.asks_to_release(now) {
                    self.shared.running.order_all(Order::Release);
                }
                quarantine.wake_at(self.shared.running.len())
            };
            sleep_for(wake_at.map(|at| at.saturating_duration_since(now))).await;
            if self.worth_asking() {
                return;
            }
        }
    }

    fn last(&self) -> MutexGuard<'_, LastAnswer> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Claims for TaskClaims {
    type Item = Work;
    type Error = StoreError;

    fn begin(self: &Arc<Self>, intake: Intake<Work>) {
        self.attach(intake);
    }

    async fn next(&self, free: usize) -> Result<Batch<Work>, StoreError> {
        let _asking = self.asking.lock().await;
        let pick = self.shared.quarantine().decide(Instant::now(), self.shared.running.len());
        self.last().pick = pick;
        let batch = match pick {
            Pick::Nothing => Ok(Batch { items: Vec::new(), more: false }),
            Pick::Ordinary => self.claim_ordinary(free).await,
            Pick::Suspect => self.claim_suspect().await,
        };
        if batch.is_err() {
            metrics::counter!("caudal_claim_errors_total").increment(1);
        }
        batch
    }

    async fn due(&self) {
        tokio::select! {
            () = self.shared.engine.bell.line_rung() => {}
            () = self.time_comes() => {}
            () = self.room_comes() => {}
            () = self.turn_comes() => {}
        }
        self.last().questions = 0;
    }
}

async fn sleep_for(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

mod offers;
#[cfg(test)]
mod quiet_tests;
#[cfg(test)]
pub(crate) mod tests;
