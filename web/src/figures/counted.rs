//! Which beginnings and ends have been counted: what was read from the store is told by the feed once more when it happened
//! meanwhile, and a task that is handed back into the line is told as if it had come.

use std::collections::{HashSet, VecDeque};

use caudal_engine::task::TaskId;

/// So many are remembered, the newest.
const MOST: usize = 4_096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum What {
    Came,
    Ended,
}

#[derive(Debug, Default)]
pub(super) struct Counted {
    known: HashSet<(TaskId, What)>,
    in_order: VecDeque<(TaskId, What)>,
}

impl Counted {
    /// True the first time.
    pub(super) fn is_first(&mut self, task: TaskId, what: What) -> bool {
        if !self.known.insert((task, what)) {
            return false;
        }
        self.in_order.push_back((task, what));
        if self.in_order.len() > MOST
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}
