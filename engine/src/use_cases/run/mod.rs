//! Runs a claimed task until it ends, parks, pauses, is handed back, or the claim is lost.

pub mod hold;

pub use hold::Hold;

use crate::engine::Engine;
use crate::ports::ClaimedTask;

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

/// Runs a claimed task. The caller keeps the other end of `hold`.
pub async fn run_task(_engine: &Engine, _claimed: ClaimedTask, _hold: Hold) -> RunEnd {
    RunEnd::Lost
}
