//! A series: what happened in each of the last so many stretches of time. It stays bounded whatever comes.

use std::collections::VecDeque;
use std::time::Duration;

use caudal_engine::task::{Timestamp, WireState};
use serde::Serialize;

use super::percentile;

/// So many durations of a stretch are kept; beyond them every other one is left out.
const MOST_DURATIONS: usize = 256;

#[derive(Debug)]
pub(super) struct Series {
    bucket_ms: i64,
    most: usize,
    buckets: VecDeque<Bucket>,
}

#[derive(Debug, Clone, Default)]
struct Bucket {
    /// When it begins.
    at: i64,
    created: u64,
    succeeded: u64,
    failed: u64,
    cancelled: u64,
    durations: Vec<Duration>,
    line: Option<Line>,
}

/// How the line was when it was looked at last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line {
    pub(crate) due: u64,
    pub(crate) oldest_age: Duration,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Rates {
    bucket_seconds: i64,
    points: Vec<Point>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Point {
    pub(super) at: Timestamp,
    pub(super) created: u64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    cancelled: u64,
    /// Of the tasks that ended; nothing when none did.
    pub(super) p50_ms: Option<u64>,
    p95_ms: Option<u64>,
    /// Nothing when nobody looked.
    due: Option<u64>,
    oldest_due_age_ms: Option<u64>,
}

impl Series {
    pub(super) fn new(bucket: Duration, most: usize) -> Self {
        Self { bucket_ms: i64::try_from(bucket.as_millis()).unwrap_or(1).max(1), most, buckets: VecDeque::new() }
    }

    /// Counts what happened to a task at this time. What is older than the series is left out.
    pub(super) fn note(&mut self, state: WireState, took: Option<Duration>, at: Timestamp) {
        let Some(bucket) = self.bucket(at) else { return };
        match state {
            WireState::Pending => bucket.created += 1,
            WireState::Success => bucket.succeeded += 1,
            WireState::Failure => bucket.failed += 1,
            WireState::Cancelled => bucket.cancelled += 1,
            WireState::Progress | WireState::Waiting | WireState::Paused => {}
        }
        if let Some(took) = took {
            if bucket.durations.len() >= MOST_DURATIONS {
                let mut number = 0;
                bucket.durations.retain(|_| {
                    number += 1;
                    number % 2 == 0
                });
            }
            bucket.durations.push(took);
        }
    }

    pub(super) fn note_line(&mut self, line: Line, at: Timestamp) {
        if let Some(bucket) = self.bucket(at) {
            bucket.line = Some(line);
        }
    }

    pub(super) fn rates(&self) -> Rates {
        let points = self.buckets.iter().map(Bucket::point).collect();
        Rates { bucket_seconds: self.bucket_ms / 1_000, points }
    }

    /// The bucket of this time, with empty ones for the times in which nothing happened.
    fn bucket(&mut self, at: Timestamp) -> Option<&mut Bucket> {
        let begin = at.as_millis().div_euclid(self.bucket_ms) * self.bucket_ms;
        let span = self.bucket_ms * (i64::try_from(self.most).unwrap_or(1) - 1);
        let (first, last) = match (self.buckets.front(), self.buckets.back()) {
            (Some(first), Some(last)) => (first.at, last.at),
            _ => {
                self.buckets.push_back(Bucket { at: begin, ..Bucket::default() });
                (begin, begin)
            }
        };
        if begin > last {
            let from = (last + self.bucket_ms).max(begin - span);
            self.extend_to(from, begin);
        } else if begin < first && begin >= last - span {
            let mut at = first;
            while at > begin {
                at -= self.bucket_ms;
                self.buckets.push_front(Bucket { at, ..Bucket::default() });
            }
        }
        while self.buckets.len() > self.most {
            self.buckets.pop_front();
        }
        self.buckets.iter_mut().rev().find(|bucket| bucket.at == begin)
    }

    fn extend_to(&mut self, from: i64, begin: i64) {
        let mut at = from;
        while at <= begin {
            self.buckets.push_back(Bucket { at, ..Bucket::default() });
            at += self.bucket_ms;
        }
    }
}

impl Bucket {
    fn point(&self) -> Point {
        let mut sorted = self.durations.clone();
        sorted.sort_unstable();
        let (p50_ms, p95_ms) = match sorted.is_empty() {
            true => (None, None),
            false => (Some(percentile(&sorted, 50)), Some(percentile(&sorted, 95))),
        };
        Point {
            at: Timestamp::from_millis(self.at),
            created: self.created,
            succeeded: self.succeeded,
            failed: self.failed,
            cancelled: self.cancelled,
            p50_ms,
            p95_ms,
            due: self.line.map(|line| line.due),
            oldest_due_age_ms: self.line.map(|line| u64::try_from(line.oldest_age.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    fn series() -> Series {
        Series::new(Duration::from_secs(5), 120)
    }

    /// Goal: changes are counted in their five seconds, quiet times are zeros, and the series stays bounded.
    #[test]
    fn counted_in_time() {
        let mut series = series();
        series.note(WireState::Pending, None, START);
        series.note(WireState::Success, Some(Duration::from_millis(40)), START + Duration::from_secs(16));
        let counts = |series: &Series| -> Vec<_> {
            series.rates().points.iter().map(|point| (point.created, point.succeeded, point.p50_ms)).collect()
        };
        assert_eq!(counts(&series), [(1, 0, None), (0, 0, None), (0, 0, None), (0, 1, Some(40))]);
        series.note(WireState::Failure, None, START + Duration::from_secs(86_400));
        assert_eq!(series.rates().points.len(), 120);
        assert_eq!(series.rates().points.last().unwrap().failed, 1);
    }

    /// Goal: what was before the process began can be told afterwards, as far back as the series goes.
    #[test]
    fn told_afterwards() {
        let mut series = series();
        series.note(WireState::Pending, None, START);
        series.note(WireState::Pending, None, START - Duration::from_secs(12));
        series.note(WireState::Pending, None, START - Duration::from_secs(86_400));
        let points = series.rates().points;
        assert_eq!(points.iter().map(|point| point.created).collect::<Vec<_>>(), [1, 0, 0, 1]);
    }

    /// Goal: however many tasks end in a stretch, what is kept of them is bounded.
    #[test]
    fn bounded_durations() {
        let mut series = series();
        (0..10_000).for_each(|ms| series.note(WireState::Success, Some(Duration::from_millis(ms)), START));
        assert!(series.buckets[0].durations.len() <= MOST_DURATIONS);
        assert_eq!(series.buckets[0].succeeded, 10_000);
    }
}
