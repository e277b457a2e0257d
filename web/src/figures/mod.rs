//! Figures for plots that no store keeps: how many tasks came and ended over time, how long they took, how the line was.
//!
//! Bounded, in the process. A start reads the newest tasks of the store once, so that a restart does not blank the page;
//! from then on the feed's changes are counted.

mod counted;
mod follow;
mod recent;
mod series;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caudal_engine::ports::TaskChange;
use caudal_engine::task::{TaskId, TaskRecord, Timestamp, WireState};

pub(crate) use follow::follow;
pub(crate) use recent::{FlowRecent, Recent};
pub(crate) use series::{Line, Rates};

use counted::{Counted, What};
use recent::RecentTasks;
use series::Series;

/// Of the shorter series.
const SPAN: Duration = Duration::from_secs(600);

pub(crate) struct Figures(Mutex<Kept>);

struct Kept {
    /// Ten minutes.
    rates: Series,
    /// A day.
    history: Series,
    recent: RecentTasks,
    counted: Counted,
}

impl Default for Figures {
    fn default() -> Self {
        Self(Mutex::new(Kept {
            rates: Series::new(Duration::from_secs(5), 120),
            history: Series::new(Duration::from_secs(600), 144),
            recent: RecentTasks::default(),
            counted: Counted::default(),
        }))
    }
}

impl Figures {
    pub(crate) fn rates(&self) -> Rates {
        self.kept().rates.rates()
    }

    pub(crate) fn history(&self) -> Rates {
        self.kept().history.rates()
    }

    /// From creation to end, of the newest tasks of each flow.
    pub(crate) fn durations(&self) -> Vec<FlowRecent> {
        self.kept().recent.all()
    }

    pub(crate) fn recent(&self, flow: &str) -> Option<Recent> {
        self.kept().recent.of(flow)
    }

    fn note(&self, change: &TaskChange, now: Timestamp) {
        let age = now.since(created_at(change.task));
        let (what, took) = match change.state {
            state if state.is_ended() => (What::Ended, Some(age)),
            // An old one was handed back into the line.
            WireState::Pending if age < SPAN => (What::Came, None),
            _ => return,
        };
        let mut kept = self.kept();
        if kept.counted.is_first(change.task, what) {
            kept.note(&change.flow, change.state, took, now);
        }
    }

    /// A task of before this process looked.
    fn note_earlier(&self, task: &TaskRecord, before: Timestamp) {
        let mut kept = self.kept();
        if task.created_at < before && kept.counted.is_first(task.id, What::Came) {
            kept.note(&task.flow, WireState::Pending, None, task.created_at);
        }
        if let Some(ended) = task.ended_at.filter(|ended| *ended < before)
            && kept.counted.is_first(task.id, What::Ended)
        {
            kept.note(&task.flow, task.wire_state(), Some(ended.since(task.created_at)), ended);
        }
    }

    fn note_line(&self, line: Line, now: Timestamp) {
        let mut kept = self.kept();
        kept.rates.note_line(line, now);
        kept.history.note_line(line, now);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn note(&mut self, flow: &Arc<str>, state: WireState, took: Option<Duration>, at: Timestamp) {
        self.rates.note(state, took, at);
        self.history.note(state, took, at);
        if let Some(took) = took {
            self.recent.note(flow, state, took);
        }
    }
}

/// The first 48 bits of an id are the milliseconds at which its task was created.
fn created_at(task: TaskId) -> Timestamp {
    let millis = task.as_bytes()[..6].iter().fold(0i64, |millis, byte| (millis << 8) | i64::from(*byte));
    Timestamp::from_millis(millis)
}

/// Of durations in order: so many of a hundred are no longer than this.
fn percentile(sorted: &[Duration], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).map_or(0, |took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use caudal_engine::task::Tenant;

    use super::*;

    /// Goal: what is counted is what came and what ended, each once, also when a task is handed back into the line.
    #[test]
    fn what_counts() {
        let figures = Figures::default();
        let start = Timestamp::from_millis(1_767_225_600_000);
        let change = |state| TaskChange {
            task: TaskId::from_parts(start, 0, 1),
            tenant: Tenant::default(),
            flow: "f".into(),
            state,
        };
        for state in [WireState::Pending, WireState::Progress, WireState::Pending, WireState::Waiting] {
            figures.note(&change(state), start);
        }
        figures.note(&change(WireState::Success), start + Duration::from_millis(250));
        let recent = figures.recent("f").unwrap();
        assert_eq!((recent.count, recent.p50_ms), (1, 250));
        let rates = serde_json::to_value(figures.rates()).unwrap();
        let point = &rates["points"][0];
        assert_eq!((&point["created"], &point["succeeded"]), (&1.into(), &1.into()));
    }
}
