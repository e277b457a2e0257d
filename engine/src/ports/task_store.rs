//! The port behind which tasks are kept. Each method is one atomic operation.
//!
//! The store is the queue: creating a task puts it in line, claiming takes it out. It gives each event its sequence
//! number in the operation that changes the state the event tells of. It refuses a write whose claim is stale, and
//! answers a repeated operation with the first answer. Bodies of events are opaque to it.
//!
//! After the operation is durable, and not before, a store rings the [`Bell`](super::Bell) (new due work; news for a
//! claimed task) and tells the [`Feed`](super::Feed).

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use super::idle_worker::IdleWorker;
use super::workers::WorkerStatus;

use crate::notification::NewNotification;
use crate::task::record::Idempotency;
use crate::task::{
    Claim, ErrorReport, Json, LogEntry, NewTask, PauseReason, Summary, TaskId, TaskRecord, TaskState, Tenant,
    Timestamp, UsageTotals, Wait, WireState, WorkerId,
};

#[async_trait]
pub trait TaskStore: Send + Sync + 'static {
    /// How many partitions new task ids are spread over. A task with a key lives at the key's
    /// [home](crate::task::home_of_key), its children live with it. The number may grow.
    fn partitions(&self) -> u16 {
        1
    }

    /// How long a claim lives without renewal; none where claims belong to the living process.
    fn lease(&self) -> Option<Duration>;

    /// Whether the [`Feed`](super::Feed) hears of all news in the end, however much is lost on the way to this process:
    /// the store looks at what is watched by itself. Nothing is lost where there is no way.
    fn finds_lost_news(&self) -> bool {
        self.lease().is_none()
    }

    /// How much of the newest that was answered may be lost when the store itself dies.
    fn may_lose(&self) -> Duration {
        Duration::ZERO
    }

    /// Stores tasks and puts them in line, each alone: one refused does not touch the others. A task whose id is
    /// there already is answered as created.
    async fn create(&self, tasks: Vec<NewTask>) -> Result<Vec<Result<Created, CreateRefused>>, StoreError>;

    /// The task that answered this very request before, as long as its idempotency key is remembered: for a repeat that
    /// could not be created now.
    async fn created_under(&self, tenant: &Tenant, used: &Idempotency) -> Result<Option<TaskId>, StoreError>;

    /// Claims the next due tasks and writes `task.claimed` into their logs.
    async fn claim_next(&self, request: ClaimRequest) -> Result<Claimed, StoreError>;

    /// From now on the store may claim for this worker without being asked, until it is gone. A store that cannot
    /// only rings the bell.
    fn attach(&self, _worker: Weak<dyn IdleWorker>) {}

    /// Keeps what a worker says of itself for other processes to see, until `lifetime` has passed or it reports
    /// again. A store of one process needs no reports: its workers are on the board.
    async fn report_worker(&self, _status: &WorkerStatus, _lifetime: Duration) -> Result<(), StoreError> {
        Ok(())
    }

    /// The worker is gone.
    async fn forget_worker(&self, _worker: &WorkerId) -> Result<(), StoreError> {
        Ok(())
    }

    /// The workers of all processes, by id; none where only the board knows.
    async fn reported_workers(&self) -> Result<Option<Vec<WorkerStatus>>, StoreError> {
        Ok(None)
    }

    /// Renews these claims in one call, and answers for each in the same order. One that could not be asked for, while
    /// others could, is left out.
    async fn renew(&self, worker: &WorkerId, claims: &[(TaskId, Claim)]) -> Result<Vec<Renewed>, StoreError>;

    /// One write of a running task, whatever it carries. One that bears children may be refused as [`StoreError::Full`] by a
    /// store that has no room for anything new: then it is sent again without them, under the same number.
    async fn write(&self, write: TaskWrite) -> Result<Written, WriteRefused>;

    /// Puts tasks whose claim died back in line, at most `most` per call, writing `task.rescued`; one that was being
    /// cancelled is ended with `task.cancelled` instead.
    async fn rescue(&self, most: usize) -> Result<Vec<Rescued>, StoreError>;

    /// Ends a task that is in line and has no claim: the verdict on a crash loop. False when it is not in line now; then
    /// nobody is notified either.
    async fn fail_queued(
        &self,
        task: TaskId,
        error: ErrorReport,
        notifications: Vec<NewNotification>,
    ) -> Result<bool, StoreError>;

    async fn control(&self, tenant: &Tenant, task: TaskId, control: Control) -> Result<TaskState, ControlRefused>;

    async fn signal(&self, tenant: &Tenant, signal: NewSignal) -> Result<SignalAccepted, SignalRefused>;

    async fn task(&self, tenant: &Tenant, task: TaskId) -> Result<Option<TaskRecord>, StoreError>;

    /// The same for somebody who is about to read the log: with all of it up to the record's head where the store has that
    /// at hand and it is short, else with none of it.
    async fn task_and_log(
        &self,
        tenant: &Tenant,
        task: TaskId,
    ) -> Result<Option<(TaskRecord, Vec<LogEntry>)>, StoreError> {
        Ok(self.task(tenant, task).await?.map(|record| (record, Vec::new())))
    }

    /// The log after `after`, in order, at most `most_bytes` of bodies (but at least one entry, if there is one).
    async fn events(&self, task: TaskId, after: u64, most_bytes: usize) -> Result<Vec<LogEntry>, StoreError>;

    /// The newest entry of the log.
    async fn last_event(&self, task: TaskId) -> Result<Option<LogEntry>, StoreError>;

    /// Newest first.
    async fn list(&self, filter: &TaskFilter) -> Result<TaskPage, StoreError>;

    /// Forgets an ended task with its log.
    async fn delete(&self, tenant: &Tenant, task: TaskId) -> Result<(), ControlRefused>;

    async fn stats(&self) -> Result<StoreStats, StoreError>;

    /// Forgets what is older than it must be kept, at most `most` tasks per call. Returns how many.
    async fn clean(&self, keep_ended: Duration, keep_bytes: u64, most: usize) -> Result<usize, StoreError>;

    /// Whether it can serve: a write would succeed now.
    async fn check(&self) -> Result<(), StoreError>;
}

/// The store itself did not do it. It may or may not have happened; repeating it is always safe.
#[derive(Debug, Clone, Error)]
pub enum StoreError {
    #[error("the store cannot be reached: {0}")]
    Unavailable(String),
    #[error("the store has no space left: {0}")]
    Full(String),
    #[error("the store holds something that cannot be read: {0}")]
    Corrupt(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Created {
    pub id: TaskId,
    /// False when an earlier task answers (the same id, idempotency key or unique key).
    pub new: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CreateRefused {
    #[error("the idempotency key was used with another request")]
    IdempotencyConflict { first: TaskId },
    #[error("the line is full")]
    LineFull,
    /// It asks for notifications, and too many wait to be sent.
    #[error("too many notifications wait to be sent")]
    OutboxFull,
    /// More that has ended than may wait for the archive waits for it.
    #[error("the archive is behind")]
    ArchiveBehind,
}

/// A flow that a worker knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFlow {
    pub name: Arc<str>,
    pub version: u32,
    /// How many more tasks of it this worker may take; none means as many as there are.
    pub free: Option<usize>,
}

#[derive(Debug, Clone)]
pub struct ClaimRequest {
    pub worker: WorkerId,
    pub most: usize,
    pub flows: Arc<[KnownFlow]>,
    pub kind: ClaimKind,
    /// Counts the tasks this worker has claimed; says whose turn it is among the priorities.
    pub turn: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimKind {
    /// Tasks that are not suspected of crashing their worker.
    Ordinary,
    /// At most one task that is: its worker runs nothing beside it.
    Suspect,
}

#[derive(Debug, Clone, Default)]
pub struct Claimed {
    pub tasks: Vec<ClaimedTask>,
    /// When the next task in line (of the asked flows) is due, if none is due now or not all were taken.
    pub next_due: Option<Timestamp>,
    /// A suspect task is due and waits to be claimed alone.
    pub suspect_due: bool,
}

#[derive(Debug, Clone)]
pub struct ClaimedTask {
    /// With the new claim, and `head` at the `task.claimed` event.
    pub task: TaskRecord,
    pub claim: Claim,
}

/// What a renewal says of one claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewed {
    pub task: TaskId,
    pub held: bool,
    pub head: u64,
}

/// A write of a running task: events, and what they change, in one atomic operation.
#[derive(Debug, Clone)]
pub struct TaskWrite {
    pub task: TaskId,
    pub claim: Claim,
    /// 1, 2, 3… within the claim. A repeat of the last number is answered with the first answer; a gap is refused.
    pub number: u64,
    /// The newest event the worker knows of. A [`Then`] that ends the execution without an outcome (park, pause,
    /// release), or goes on in another task, is refused with [`WriteRefused::NewsCame`] when the log is longer, and
    /// nothing is applied.
    pub seen: u64,
    /// Bodies, in order.
    pub events: Vec<String>,
    /// A step finished: takeovers are forgotten.
    pub step_finished: bool,
    /// Sequence numbers of signals that are consumed or rejected.
    pub signals_taken: Vec<u64>,
    pub children: Vec<NewTask>,
    pub notifications: Vec<NewNotification>,
    /// The rows from this event on may be merged into few: a streamed text is finished.
    pub compact_from: Option<u64>,
    pub summary: Summary,
    pub then: Then,
}

#[derive(Debug, Clone)]
pub enum Then {
    /// Keep the claim.
    GoOn,
    /// Keep these waits and let go. `due_at` is the earliest moment at which the task must run again by itself.
    Park { waits: Vec<Wait>, due_at: Option<Timestamp> },
    /// Back in line, to be claimed at once (a drain) or later (a retry of the whole flow).
    Release { due_at: Timestamp },
    /// One that was asked for is refused like what has not seen its news when nobody asks for it any more: a resume that
    /// was answered is not undone.
    Pause { reason: PauseReason },
    /// The last event is terminal. Unended children are cancelled and a waiting parent is told, in the same
    /// operation. A task that continues this one (in `children`, by `continued_from`) inherits its parent.
    End { state: TaskState, outcome: Outcome },
}

/// What a waiting parent learns of its child's end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    pub result: Option<Json>,
    pub error: Option<ErrorReport>,
    /// What it spent, as far as its worker knew; nothing when it was ended without one.
    pub usage: UsageTotals,
    /// The end is not the end for a parent: this task goes on in its place.
    pub continued_as: Option<TaskId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The sequence number of the write's first event (of its last event plus one, if it had none).
    pub first: u64,
    pub head: u64,
    /// What is asked of the task by now; a repeat may know more than the first answer did.
    pub cancelling: bool,
    pub pausing: bool,
}

#[derive(Debug, Clone, Error)]
pub enum WriteRefused {
    /// Another claim holds the task now, or none: the execution ends at once and silently.
    #[error("the claim is stale")]
    Stale,
    /// Something came meanwhile (a signal, a child's end, a control): nothing was applied.
    #[error("news came; the log's head is {head}")]
    NewsCame { head: u64, cancelling: bool, pausing: bool },
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Rescued {
    pub task: TaskId,
    pub tenant: Tenant,
    pub flow: Arc<str>,
    pub takeovers: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Control {
    Cancel,
    Pause,
    Resume,
}

#[derive(Debug, Clone, Error)]
pub enum ControlRefused {
    #[error("there is no such task")]
    NotFound,
    #[error("the task is {state:?}")]
    WrongState { state: WireState },
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Clone)]
pub struct NewSignal {
    pub task: TaskId,
    pub name: Arc<str>,
    pub value: Json,
    /// The sender's own name for it: a repeat is accepted and does nothing.
    pub id: Option<Arc<str>>,
    /// Signals of this name that may wait to be consumed.
    pub most_pending: usize,
    /// A log that has so many events takes no more signals, of whatever name.
    pub most_events: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalAccepted {
    pub seq: u64,
}

#[derive(Debug, Clone, Error)]
pub enum SignalRefused {
    #[error("there is no such task")]
    NotFound,
    #[error("the task has ended")]
    WrongState { state: WireState },
    /// The name is an approval's and it was answered before.
    #[error("the approval was answered already")]
    AlreadyAnswered,
    #[error("too many signals of this name are waiting, or the task's log is full")]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    pub tenant: Tenant,
    pub flow: Option<String>,
    /// Any of these; empty means all.
    pub states: Vec<WireState>,
    pub tag: Option<String>,
    /// Text in the id, the flow's name, the status or the input.
    pub text: Option<String>,
    pub parent: Option<TaskId>,
    pub created_after: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
    /// The last id of the page before.
    pub cursor: Option<TaskId>,
    pub limit: usize,
}

#[derive(Debug, Clone, Default)]
pub struct TaskPage {
    pub items: Vec<TaskRecord>,
    pub next: Option<TaskId>,
    /// A part of the store is away: tasks that only it holds are missing.
    pub partial: bool,
}

#[derive(Debug, Clone, Default)]
pub struct StoreStats {
    /// Unended tasks by flow and state; and all that are kept, ended ones included.
    pub tasks: Vec<(Arc<str>, TaskState, u64)>,
    /// In line and due now.
    pub due: u64,
    pub oldest_due: Option<Timestamp>,
    pub bytes: u64,
    /// Lowest version and number of the tasks in line, by flow.
    pub in_line: Vec<(Arc<str>, u32, u64)>,
    /// Tasks that somebody must look at: ended ones that cannot be taken to where they are kept, and those nobody can read.
    pub set_aside: u64,
}
