//! When the worker asks the store again, on a clock that is turned.

use std::sync::atomic::AtomicBool;

use caudal_engine::Engine;
use caudal_engine::flow::{Registry, Resources};
use caudal_engine::ports::{Bell, Feed, RandomIds, WorkerBoard};
use caudal_engine::prelude::*;
use caudal_engine::task::{Limits, WorkerId};
use caudal_engine::testing::clock::{START, TestClock};
use caudal_engine::testing::memory::MemoryStore;

use super::*;
use crate::quarantine::Quarantine;
use crate::running::Running;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

/// Does nothing.
#[flow]
async fn idle_flow(_ctx: &mut FlowContext, _input: Nothing) -> FlowResult<()> {
    Ok(())
}

/// An engine on the memory store that knows one flow.
pub(crate) fn engine(lease: Option<Duration>) -> (Engine, Arc<TestClock>) {
    let clock = Arc::new(TestClock::default());
    let (bell, feed, ids) = (Arc::new(Bell::default()), Arc::new(Feed::default()), Arc::new(RandomIds));
    let store = MemoryStore::new(clock.clone(), ids.clone(), bell.clone(), feed.clone(), Limits::default());
    let store = Arc::new(store.with_lease(lease));
    let engine = Engine {
        notifications: store.to_notify(),
        store,
        bell,
        feed,
        clock: clock.clone(),
        ids,
        registry: Arc::new(Registry::collect(true).unwrap()),
        resources: Resources::default(),
        limits: Arc::new(Limits::default()),
        workers: Arc::new(WorkerBoard::default()),
    };
    (engine, clock)
}

fn claims(lease: Option<Duration>) -> (TaskClaims, Arc<TestClock>) {
    let (engine, clock) = engine(lease);
    let shared = Shared {
        id: WorkerId::new("test"),
        since: START,
        concurrency: 4,
        running: Arc::new(Running::default()),
        quarantine: Quarantine::new(Duration::ZERO).into(),
        draining: AtomicBool::new(false),
        engine,
    };
    (TaskClaims::new(Arc::new(shared)), clock)
}

/// Goal: over a store in this process an idle worker does nothing at all until a ring or a due time.
#[tokio::test(start_paused = true)]
async fn an_idle_worker_sleeps() {
    let (claims, clock) = claims(None);
    let batch = claims.next(4).await.unwrap();
    assert!(batch.items.is_empty() && !batch.more);
    assert!(tokio::time::timeout(DAY, claims.due()).await.is_err(), "it asks without a reason");
    claims.shared.engine.bell.ring_line();
    claims.due().await;
    claims.last().next_due = Some(START + DAY);
    assert!(tokio::time::timeout(DAY, claims.due()).await.is_err(), "the clock of the engine stands still");
    clock.advance(DAY);
    claims.due().await;
}

/// Goal: where rings can be lost, one costs a second.
#[tokio::test(start_paused = true)]
async fn a_lost_ring_costs_a_second() {
    let (claims, _clock) = claims(Some(Duration::from_millis(2_500)));
    claims.next(4).await.unwrap();
    let began = tokio::time::Instant::now();
    claims.due().await;
    assert_eq!(began.elapsed(), RING_MAY_BE_LOST);
}

/// Goal: a store that says more is due and gives nothing is asked less and less often.
#[tokio::test(start_paused = true)]
async fn hollow_answers_do_not_spin() {
    let (claims, _clock) = claims(None);
    let mut pauses = Vec::new();
    for hollow in 1..12 {
        claims.last().hollow = hollow;
        let began = tokio::time::Instant::now();
        claims.due().await;
        pauses.push(began.elapsed());
    }
    assert!(pauses.is_sorted() && pauses[0] >= FIRST_HOLLOW_PAUSE);
    assert_eq!(pauses.last(), Some(&RING_MAY_BE_LOST));
}
