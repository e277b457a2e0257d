//! How the newest tasks of each flow went: how many succeeded, and how long they took.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use caudal_engine::task::WireState;
use serde::Serialize;

use super::percentile;

const TASKS_PER_FLOW: usize = 512;
const MOST_FLOWS: usize = 200;

#[derive(Debug, Default)]
pub(super) struct RecentTasks(BTreeMap<Arc<str>, VecDeque<Ended>>);

#[derive(Debug, Clone, Copy)]
struct Ended {
    state: WireState,
    took: Duration,
}

/// Of the newest tasks of a flow. A cancelled one is no failure: somebody wanted it so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Recent {
    pub(crate) count: usize,
    pub(crate) succeeded: usize,
    pub(crate) failed: usize,
    pub(crate) p50_ms: u64,
    pub(crate) p95_ms: u64,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct FlowRecent {
    pub(crate) flow: Arc<str>,
    #[serde(flatten)]
    pub(crate) recent: Recent,
}

impl RecentTasks {
    pub(super) fn note(&mut self, flow: &Arc<str>, state: WireState, took: Duration) {
        if self.0.len() >= MOST_FLOWS && !self.0.contains_key(flow) {
            return;
        }
        let ended = self.0.entry(flow.clone()).or_default();
        ended.push_back(Ended { state, took });
        if ended.len() > TASKS_PER_FLOW {
            ended.pop_front();
        }
    }

    pub(super) fn of(&self, flow: &str) -> Option<Recent> {
        self.0.get(flow).map(summary)
    }

    pub(super) fn all(&self) -> Vec<FlowRecent> {
        self.0.iter().map(|(flow, ended)| FlowRecent { flow: flow.clone(), recent: summary(ended) }).collect()
    }
}

fn summary(ended: &VecDeque<Ended>) -> Recent {
    let mut sorted: Vec<Duration> = ended.iter().map(|task| task.took).collect();
    sorted.sort_unstable();
    let count_of = |state: WireState| ended.iter().filter(|task| task.state == state).count();
    Recent {
        count: ended.len(),
        succeeded: count_of(WireState::Success),
        failed: count_of(WireState::Failure),
        p50_ms: percentile(&sorted, 50),
        p95_ms: percentile(&sorted, 95),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: half of the tasks took no longer than p50, nineteen of twenty no longer than p95; only the newest count.
    #[test]
    fn percentiles_of_the_newest() {
        let mut recent = RecentTasks::default();
        (1..=100).for_each(|ms| recent.note(&"f".into(), WireState::Success, Duration::from_millis(ms)));
        let expected = Recent { count: 100, succeeded: 100, failed: 0, p50_ms: 50, p95_ms: 95 };
        assert_eq!(recent.of("f"), Some(expected));
        (0..TASKS_PER_FLOW).for_each(|_| recent.note(&"f".into(), WireState::Failure, Duration::ZERO));
        assert_eq!(recent.of("f").map(|recent| (recent.count, recent.succeeded)), Some((TASKS_PER_FLOW, 0)));
        assert_eq!(recent.of("g"), None);
    }
}
