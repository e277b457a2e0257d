//! Figures for plots that no store keeps: how many tasks came and ended in the last minutes, and how long they took.
//!
//! A small ring in the process, fed by the feed's changes. It begins empty with each start.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use caudal_engine::ports::{Clock, TaskChange};
use caudal_engine::task::{TaskId, Timestamp, WireState};
use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;

const BUCKET_MS: i64 = 5_000;
/// Ten minutes.
const BUCKETS: usize = 120;
const DURATIONS_PER_FLOW: usize = 512;
const MOST_FLOWS: usize = 200;

#[derive(Default)]
pub(crate) struct Figures(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    buckets: VecDeque<Bucket>,
    durations: BTreeMap<Arc<str>, VecDeque<Duration>>,
}

/// What happened in five seconds, from `at` on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Bucket {
    at: Timestamp,
    created: u64,
    succeeded: u64,
    failed: u64,
    cancelled: u64,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct FlowDuration {
    flow: Arc<str>,
    count: usize,
    p50_ms: u64,
    p95_ms: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Rates {
    bucket_seconds: i64,
    points: Vec<Bucket>,
}

impl Figures {
    pub(crate) fn rates(&self) -> Rates {
        Rates { bucket_seconds: BUCKET_MS / 1_000, points: self.kept().buckets.iter().copied().collect() }
    }

    /// From creation to end, of the newest tasks of each flow.
    pub(crate) fn durations(&self) -> Vec<FlowDuration> {
        let kept = self.kept();
        let of_flow = |(flow, durations): (&Arc<str>, &VecDeque<Duration>)| {
            let mut sorted: Vec<_> = durations.iter().copied().collect();
            sorted.sort_unstable();
            let at = |percent: usize| {
                let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
                sorted.get(rank).map_or(0, |took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
            };
            FlowDuration { flow: flow.clone(), count: sorted.len(), p50_ms: at(50), p95_ms: at(95) }
        };
        kept.durations.iter().map(of_flow).collect()
    }

    fn note(&self, change: &TaskChange, now: Timestamp) {
        let mut kept = self.kept();
        let bucket = kept.bucket(now);
        match change.state {
            WireState::Pending => bucket.created += 1,
            WireState::Success => bucket.succeeded += 1,
            WireState::Failure => bucket.failed += 1,
            WireState::Cancelled => bucket.cancelled += 1,
            WireState::Progress | WireState::Waiting | WireState::Paused => return,
        }
        if change.state.is_ended() && (kept.durations.len() < MOST_FLOWS || kept.durations.contains_key(&change.flow)) {
            let durations = kept.durations.entry(change.flow.clone()).or_default();
            durations.push_back(now.since(created_at(change.task)));
            if durations.len() > DURATIONS_PER_FLOW {
                durations.pop_front();
            }
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// The bucket of now, with empty ones for the time in which nothing happened.
    fn bucket(&mut self, now: Timestamp) -> &mut Bucket {
        let at = now.as_millis().div_euclid(BUCKET_MS) * BUCKET_MS;
        let oldest = at - BUCKET_MS * (BUCKETS as i64 - 1);
        let mut next = self.buckets.back().map_or(at, |last| (last.at.as_millis() + BUCKET_MS).max(oldest));
        while next <= at {
            self.buckets.push_back(Bucket { at: Timestamp::from_millis(next), ..Bucket::default() });
            next += BUCKET_MS;
        }
        while self.buckets.len() > BUCKETS {
            self.buckets.pop_front();
        }
        let last = self.buckets.len().saturating_sub(1);
        &mut self.buckets[last]
    }
}

/// The first 48 bits of an id are the milliseconds at which its task was created.
fn created_at(task: TaskId) -> Timestamp {
    let millis = task.as_bytes()[..6].iter().fold(0i64, |millis, byte| (millis << 8) | i64::from(*byte));
    Timestamp::from_millis(millis)
}

/// Takes in the changes until the server stops.
pub(crate) async fn follow(
    figures: Weak<Figures>,
    clock: Arc<dyn Clock>,
    mut changes: broadcast::Receiver<TaskChange>,
    stop: CancellationToken,
) {
    loop {
        let change = tokio::select! {
            () = stop.cancelled() => return,
            change = changes.recv() => change,
        };
        let Some(figures) = figures.upgrade() else { return };
        match change {
            Ok(change) => figures.note(&change, clock.now()),
            // Figures for plots may miss some.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use caudal_engine::task::Tenant;

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    fn change(state: WireState) -> TaskChange {
        let task = TaskId::from_parts(START, 0, 1);
        TaskChange { task, tenant: Tenant::default(), flow: "f".into(), state }
    }

    /// Goal: changes are counted in their five seconds, quiet times are zeros, and the ring stays bounded.
    #[test]
    fn counted_in_time() {
        let figures = Figures::default();
        figures.note(&change(WireState::Pending), START);
        figures.note(&change(WireState::Success), START + Duration::from_secs(16));
        let points = figures.rates().points;
        assert_eq!(
            points.iter().map(|b| (b.created, b.succeeded)).collect::<Vec<_>>(),
            [(1, 0), (0, 0), (0, 0), (0, 1)]
        );
        figures.note(&change(WireState::Failure), START + Duration::from_secs(86_400));
        assert_eq!(figures.rates().points.len(), BUCKETS);
        assert_eq!(figures.rates().points.last().unwrap().failed, 1);
    }

    /// Goal: half of the tasks took no longer than p50, nineteen of twenty no longer than p95.
    #[test]
    fn percentiles() {
        let figures = Figures::default();
        (1..=100).for_each(|ms| figures.note(&change(WireState::Success), START + Duration::from_millis(ms)));
        let expected = FlowDuration { flow: "f".into(), count: 100, p50_ms: 50, p95_ms: 95 };
        assert_eq!(figures.durations(), [expected]);
    }
}
