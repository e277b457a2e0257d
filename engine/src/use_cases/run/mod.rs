//! Runs a claimed task until it ends, parks, pauses, is handed back, or the claim is lost.
//!
//! ```text
//! read the log ──▶ run the flow from its top ──▶ ┌ what was told is written, in order, one write at a time
//!                                                ├ what others wrote is read and reaches the waits
//!                                                └ nothing in flight, only waits open ──▶ park
//! the flow ended ──▶ the outcome is written with everything still queued ──▶ done
//! ```

mod attention;
mod driver;
pub mod execution;
pub mod history;
pub mod hold;
mod outcome;
mod pulse;
pub mod queue;
mod telling;
mod writer;

pub use hold::{Hold, HoldState, Order};
pub use pulse::{Flight, Pulse, Shuffle};

use std::sync::Arc;
use std::time::Duration;

use self::driver::Driver;
use self::execution::Execution;
use self::history::History;
use crate::engine::Engine;
use crate::ports::{ClaimedTask, StoreError};
use crate::task::event::TaskClaimed;
use crate::task::{Event, Fact, TaskId};

/// How an execution ended. The store knows the details; a worker needs only this for its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    Succeeded,
    Failed,
    Cancelled,
    Parked,
    Paused,
    Released,
    /// The claim was lost: nothing more was written.
    Lost,
}

impl RunEnd {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Parked => "parked",
            Self::Paused => "paused",
            Self::Released => "released",
            Self::Lost => "lost",
        }
    }
}

/// Runs a claimed task. The caller keeps the other end of `hold`.
pub async fn run_task(engine: &Engine, claimed: ClaimedTask, hold: Hold) -> RunEnd {
    run_observed(engine, claimed, hold, Arc::default(), None).await
}

/// The same, for the test kit: with a look at how busy it is, and branches finishing in an order drawn from a seed.
pub(crate) async fn run_observed(
    engine: &Engine,
    claimed: ClaimedTask,
    hold: Hold,
    pulse: Arc<Pulse>,
    shuffle: Option<Shuffle>,
) -> RunEnd {
    let Some(flow) = engine.registry.find(&claimed.task.flow) else {
        tracing::error!(flow.name = %claimed.task.flow, "claimed a task of a flow that is not known here");
        return RunEnd::Lost;
    };
    // Asked first, so that no ring between the reading and the listening is missed.
    let ear = engine.bell.listen(claimed.task.id);
    let holding = hold.watch();
    let Some((history, unreadable)) = read_history(engine, &claimed, &hold).await else { return RunEnd::Lost };
    let ClaimedTask { task, claim } = claimed;
    let execution = Execution::new(engine.clone(), task, flow, history, holding, pulse, shuffle);
    if let Some(why) = unreadable {
        execution.cannot_go_on(why);
    }
    Driver::new(execution, claim, hold.watch()).drive(ear).await
}

/// What the log says, and why this code cannot read it if it cannot; none when the claim was lost before that was known.
async fn read_history(engine: &Engine, claimed: &ClaimedTask, hold: &Hold) -> Option<(History, Option<String>)> {
    const CREATED_AND_CLAIMED: u64 = 2;
    let task = &claimed.task;
    let mut history = History::default();
    let worker = task.claim.as_ref().map(|(_, worker)| worker.clone());
    if let (CREATED_AND_CLAIMED, Some(worker)) = (task.head, worker) {
        let at = engine.clock.now();
        history.apply(Event { seq: CREATED_AND_CLAIMED, at, fact: Fact::from(TaskClaimed { worker }) });
        return Some((history, None));
    }
    let mut backoff = Backoff::default();
    let mut lost = hold.watch();
    let unreadable = loop {
        if history.head >= task.head {
            history.note_lost();
            return Some((history, None));
        }
        match read_after(engine, task.id, history.head).await {
            Ok(events) if events.is_empty() => {
                break format!("the log ends at event {}, before its head at {}", history.head, task.head);
            }
            Ok(events) => events.into_iter().for_each(|event| history.apply(event)),
            Err(ReadFailed::Unreadable(why)) => break why,
            Err(ReadFailed::Store(error)) => {
                tracing::warn!(task.id = %task.id, %error, "cannot read the log yet");
                tokio::select! {
                    () = backoff.pause() => {}
                    _ = lost.wait_for(|hold| hold.order == Order::Lost) => return None,
                }
            }
        }
    };
    tracing::error!(task.id = %task.id, error = %unreadable, "cannot read the log; the task is paused");
    Some((History::unread(task.head, task.cancelling), Some(unreadable)))
}

/// Why there is nothing to read.
#[derive(Debug)]
pub(crate) enum ReadFailed {
    /// The next try may find it.
    Store(StoreError),
    /// No try will: it is damaged, or newer code wrote it.
    Unreadable(String),
}

/// A piece of what the log has after a sequence number; empty when there is nothing.
pub(crate) async fn read_after(engine: &Engine, task: TaskId, after: u64) -> Result<Vec<Event>, ReadFailed> {
    const BYTES_AT_ONCE: usize = 1024 * 1024;
    let entries = engine.store.events(task, after, BYTES_AT_ONCE).await.map_err(|error| match error {
        StoreError::Corrupt(why) => {
            ReadFailed::Unreadable(format!("the log after event {after} cannot be read: {why}"))
        }
        error => ReadFailed::Store(error),
    })?;
    let decoded = entries.iter().map(|entry| {
        let unreadable = |error| ReadFailed::Unreadable(format!("event {} cannot be read: {error}", entry.seq));
        entry.event().map_err(unreadable)
    });
    decoded.collect()
}

/// Longer each time, up to a second: a store that is away is not hammered.
#[derive(Debug, Default)]
pub(crate) struct Backoff(u32);

impl Backoff {
    pub(crate) async fn pause(&mut self) {
        const LONGEST: Duration = Duration::from_secs(1);
        let pause = Duration::from_millis(20).saturating_mul(1 << self.0.min(7)).min(LONGEST);
        self.0 += 1;
        tokio::time::sleep(pause).await;
    }
}
