//! The states of a task and the only ways between them.
//!
//! ```text
//!                     ┌─────────── released, rescued ───────────┐
//!                     ▼                                         │
//!   created ──▶  Queued ──────────── claimed ───────────▶  Running ──▶ Succeeded
//!                 │  ▲ ▲                                   │ │ │ │ ├──▶ Failed
//!          paused │  │ │ resumed                   waiting │ │ │ │ └──▶ Cancelled
//!                 ▼  │ │                                   ▼ │ │ │
//!               Paused │◀──────── paused ─────────── Waiting │ │
//!                 ▲    │                                │    │ │
//!                 │    └──── (claimed again: Running) ──┘    │ │
//!                 └───────────────── paused ─────────────────┘ │
//!   Queued, Waiting, Paused ──▶ Cancelled (at once); Queued ──▶ Failed (crash loop)
//! ```
//!
//! A task that is asked to cancel or pause while it runs stays `Running` and carries a flag (`cancelling`,
//! `pausing`) until its worker has brought it there. Stores call [`TaskState::after`] before they write.

use serde::{Deserialize, Serialize};
use thiserror::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// In line: due now or later.
    Queued,
    /// A worker holds the claim.
    Running,
    /// Parked: nobody holds it until a wait is over.
    Waiting,
    Paused,
    Succeeded,
    Failed,
    Cancelled,
}

/// What moves a task from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    Claim,
    Park,
    Release,
    Rescue,
    Pause,
    Resume,
    Succeed,
    Fail,
    Cancel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a task that is {from:?} cannot {by:?}")]
pub struct IllegalMove {
    pub from: TaskState,
    pub by: Move,
}

impl TaskState {
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Running, Self::Waiting, Self::Paused, Self::Succeeded, Self::Failed, Self::Cancelled];

    pub fn after(self, by: Move) -> Result<Self, IllegalMove> {
        use {Move as M, TaskState as S};
        match (self, by) {
            (S::Queued | S::Waiting, M::Claim) => Ok(S::Running),
            (S::Running, M::Park) => Ok(S::Waiting),
            (S::Running, M::Release | M::Rescue) | (S::Paused, M::Resume) => Ok(S::Queued),
            (S::Queued | S::Running | S::Waiting, M::Pause) => Ok(S::Paused),
            (S::Running, M::Succeed) => Ok(S::Succeeded),
            (S::Running | S::Queued, M::Fail) => Ok(S::Failed),
            (S::Queued | S::Running | S::Waiting | S::Paused, M::Cancel) => Ok(S::Cancelled),
            (from, by) => Err(IllegalMove { from, by }),
        }
    }

    pub fn is_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// What clients see of it. `is_started`: it was claimed at least once.
    pub fn wire_state(self, is_started: bool) -> WireState {
        match self {
            Self::Queued if !is_started => WireState::Pending,
            Self::Queued | Self::Running => WireState::Progress,
            Self::Waiting => WireState::Waiting,
            Self::Paused => WireState::Paused,
            Self::Succeeded => WireState::Success,
            Self::Failed => WireState::Failure,
            Self::Cancelled => WireState::Cancelled,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// The states that clients see. A task is `PENDING` until its first claim and `PROGRESS` from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum WireState {
    Pending,
    Progress,
    Waiting,
    Paused,
    Success,
    Failure,
    Cancelled,
}

impl WireState {
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::Progress, Self::Waiting, Self::Paused, Self::Success, Self::Failure, Self::Cancelled];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Progress => "PROGRESS",
            Self::Waiting => "WAITING",
            Self::Paused => "PAUSED",
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
            Self::Cancelled => "CANCELLED",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str().eq_ignore_ascii_case(text))
    }

    pub fn is_ended(self) -> bool {
        matches!(self, Self::Success | Self::Failure | Self::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: clients see the same end as the state machine, and `PENDING` only before the first claim.
    #[test]
    fn what_clients_see() {
        for state in TaskState::ALL {
            assert_eq!(state.wire_state(true).is_ended(), state.is_ended(), "{state:?}");
            let differs = state.wire_state(true) != state.wire_state(false);
            assert_eq!(differs, state == TaskState::Queued, "{state:?}");
        }
        assert_eq!(TaskState::Queued.wire_state(false), WireState::Pending);
        assert_eq!(TaskState::Queued.wire_state(true), WireState::Progress);
    }

    /// Goal: nothing leaves an ended state, and only a claimed task can succeed.
    #[test]
    fn ended_is_ended() {
        use Move as M;
        for by in [M::Claim, M::Park, M::Release, M::Rescue, M::Pause, M::Resume, M::Succeed, M::Fail, M::Cancel] {
            for from in TaskState::ALL {
                if from.is_ended() {
                    assert!(from.after(by).is_err());
                }
                if by == M::Succeed {
                    assert_eq!(from.after(by).is_ok(), from == TaskState::Running);
                }
            }
        }
    }
}
