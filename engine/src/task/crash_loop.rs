//! When a task keeps taking its worker down with it.
//!
//! The store counts takeovers (a worker was gone, another took its task) and forgets them when a step finishes.
//! Up to the third nothing happens: the task was probably only near. From the third on it is *suspect*: claimed
//! alone, so that it can hurt nobody else, and later each time. The tenth ends it.

use std::time::Duration;

/// From this many takeovers without a finished step on, a task is claimed alone in its process.
pub const SUSPECT_TAKEOVERS: u32 = 3;
/// This many takeovers without a finished step end the task with `crash_loop`.
pub const FATAL_TAKEOVERS: u32 = 10;

/// How long a task stays in line after a takeover before it may be claimed again.
pub fn backoff(takeovers: u32) -> Duration {
    match takeovers.checked_sub(SUSPECT_TAKEOVERS) {
        None => Duration::ZERO,
        Some(doublings) => Duration::from_secs(1 << doublings.min(6)).min(Duration::from_secs(60)),
    }
}

pub fn is_suspect(takeovers: u32) -> bool {
    takeovers >= SUSPECT_TAKEOVERS
}
