//! The runtime against a line in memory: it wakes by the bell, stays within its slots, survives everything, and
//! stops in bounded time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use caudal_runtime::{Batch, Claims, Runtime};
use tokio::sync::{Notify, mpsc};

#[derive(Clone, Default)]
struct MemoryLine(Arc<Inside>);

#[derive(Default)]
struct Inside {
    items: Mutex<VecDeque<u32>>,
    bell: Notify,
    claims: AtomicUsize,
    most_asked: AtomicUsize,
    /// The next claims that go wrong.
    failures: AtomicUsize,
    panics: AtomicUsize,
    /// When set, claims wait here before they answer.
    gate: Mutex<Option<Arc<Notify>>>,
    began: Notify,
}

impl MemoryLine {
    fn push(&self, items: impl IntoIterator<Item = u32>) {
        self.0.items.lock().unwrap().extend(items);
        self.0.bell.notify_one();
    }

    fn claims(&self) -> usize {
        self.0.claims.load(Ordering::SeqCst)
    }
}

fn take_one(counter: &AtomicUsize) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

#[async_trait]
impl Claims for MemoryLine {
    type Item = u32;
    type Error = &'static str;

    async fn next(&self, free: usize) -> Result<Batch<u32>, &'static str> {
        self.0.claims.fetch_add(1, Ordering::SeqCst);
        self.0.most_asked.fetch_max(free, Ordering::SeqCst);
        assert!(!take_one(&self.0.panics), "a planted panic");
        if take_one(&self.0.failures) {
            return Err("planted");
        }
        let gate = self.0.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            self.0.began.notify_one();
            gate.notified().await;
        }
        let mut line = self.0.items.lock().unwrap();
        let most = free.min(line.len());
        let items = line.drain(..most).collect();
        Ok(Batch { items, more: !line.is_empty() })
    }

    async fn due(&self) {
        self.0.bell.notified().await;
    }
}

/// A runtime whose items report when they ended.
fn reporting(line: &MemoryLine, slots: usize) -> (Runtime, mpsc::UnboundedReceiver<u32>) {
    let (ended, ends) = mpsc::unbounded_channel();
    let runtime = Runtime::start("test", slots, line.clone(), move |item| {
        let ended = ended.clone();
        async move { ended.send(item).unwrap() }
    });
    (runtime, ends)
}

/// Goal: an idle runtime asks nobody anything; a ring makes it claim at once, with one or two calls.
#[tokio::test(start_paused = true)]
async fn a_ring_wakes_an_idle_one() {
    let line = MemoryLine::default();
    let (runtime, mut ends) = reporting(&line, 8);
    line.push([0]);
    assert_eq!(ends.recv().await, Some(0));
    let before = line.claims();
    // The paused clock jumps an hour: whoever polled would have been seen.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(line.claims() <= before + 1, "it polls");
    let before = line.claims();
    line.push([1]);
    assert_eq!(ends.recv().await, Some(1));
    assert_eq!(line.claims(), before + 1);
    assert_eq!(runtime.finish(Duration::from_secs(1)).await, 0);
}

/// Goal: 10,000 items pass through 64 slots, each once, and no claim asks for more than is free at that moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_items_through_few_slots() {
    const ITEMS: u32 = 10_000;
    const SLOTS: usize = 64;
    let line = MemoryLine::default();
    line.push(0..ITEMS);
    let running = Arc::new(AtomicUsize::new(0));
    let most_running = Arc::new(AtomicUsize::new(0));
    let (ended, mut ends) = mpsc::unbounded_channel();
    let runtime = {
        let most_running = most_running.clone();
        Runtime::start("test", SLOTS, line.clone(), move |item| {
            let (running, most_running, ended) = (running.clone(), most_running.clone(), ended.clone());
            async move {
                most_running.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
                ended.send(item).unwrap();
            }
        })
    };
    let mut seen = vec![false; ITEMS as usize];
    for _ in 0..ITEMS {
        let item = ends.recv().await.unwrap() as usize;
        assert!(!std::mem::replace(&mut seen[item], true), "item {item} ran twice");
    }
    assert!(most_running.load(Ordering::SeqCst) <= SLOTS);
    assert_eq!(line.0.most_asked.load(Ordering::SeqCst), SLOTS);
    assert_eq!(runtime.finish(Duration::from_secs(5)).await, 0);
}

/// Goal: while all slots are taken nothing is claimed; a freed one claims again without a ring.
#[tokio::test]
async fn a_freed_slot_claims_at_once() {
    let line = MemoryLine::default();
    line.push(0..3);
    let (began, mut begins) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let runtime = {
        let go_on = go_on.clone();
        Runtime::start("test", 2, line.clone(), move |item| {
            let (began, go_on) = (began.clone(), go_on.clone());
            async move {
                began.send(item).unwrap();
                go_on.notified().await;
            }
        })
    };
    assert_eq!(begins.recv().await, Some(0));
    assert_eq!(begins.recv().await, Some(1));
    tokio::task::yield_now().await;
    assert_eq!(line.claims(), 1, "it claimed with no slot free");
    go_on.notify_one();
    assert_eq!(begins.recv().await, Some(2));
    assert_eq!(line.claims(), 2);
    drop(runtime);
}

/// Goal: errors and panics of the line cost pauses that grow to two seconds, and never the worker.
#[tokio::test(start_paused = true)]
async fn a_line_that_fails_is_asked_again() {
    let line = MemoryLine::default();
    line.0.failures.store(10, Ordering::SeqCst);
    line.0.panics.store(1, Ordering::SeqCst);
    line.push([7]);
    let began = tokio::time::Instant::now();
    let (runtime, mut ends) = reporting(&line, 4);
    assert_eq!(ends.recv().await, Some(7));
    // The ring of the push may have been heard after that.
    assert!((12..=13).contains(&line.claims()), "{}", line.claims());
    // 50, 100, … 1600, then five times 2000 milliseconds, each shortened by at most a half.
    let (least, most) = (Duration::from_millis(13_150 / 2), Duration::from_millis(13_250));
    assert!((least..=most).contains(&began.elapsed()), "{:?}", began.elapsed());
    runtime.finish(Duration::from_secs(1)).await;
}

/// Goal: what panics takes only itself down, and its slot is free again.
#[tokio::test]
async fn a_panic_ends_only_its_execution() {
    let line = MemoryLine::default();
    let (ended, mut ends) = mpsc::unbounded_channel();
    let runtime = Runtime::start("test", 1, line.clone(), move |item: u32| {
        let ended = ended.clone();
        async move {
            assert!(item % 2 == 1, "a planted panic");
            ended.send(item).unwrap();
        }
    });
    line.push(0..10);
    for expected in [1, 3, 5, 7, 9] {
        assert_eq!(ends.recv().await, Some(expected));
    }
    assert_eq!(runtime.finish(Duration::from_secs(5)).await, 0);
}

/// Goal: stopping takes as long as it may, also when something never ends.
#[tokio::test(start_paused = true)]
async fn stopping_is_bounded() {
    let line = MemoryLine::default();
    let (began, mut begins) = mpsc::unbounded_channel();
    let runtime = Runtime::start("test", 4, line.clone(), move |item| {
        let began = began.clone();
        async move {
            began.send(item).unwrap();
            std::future::pending::<()>().await;
        }
    });
    line.push(0..3);
    for _ in 0..3 {
        begins.recv().await.unwrap();
    }
    let stopping = tokio::time::Instant::now();
    assert_eq!(runtime.finish(Duration::from_secs(30)).await, 3);
    assert!(stopping.elapsed() < Duration::from_secs(32));
}

/// Goal: a claim that is under way when claiming stops is not lost: what it brings is run, and waited for.
#[tokio::test]
async fn a_claim_under_way_is_run() {
    let line = MemoryLine::default();
    let gate = Arc::new(Notify::new());
    *line.0.gate.lock().unwrap() = Some(gate.clone());
    line.push([5]);
    let (runtime, mut ends) = reporting(&line, 2);
    line.0.began.notified().await;
    runtime.stop_claiming();
    gate.notify_one();
    runtime.idle().await;
    assert_eq!(ends.try_recv(), Ok(5));
    line.push([6]);
    assert_eq!(runtime.finish(Duration::from_secs(5)).await, 0);
    assert_eq!(ends.recv().await, None, "nothing is claimed after the stop");
}
