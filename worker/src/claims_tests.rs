//! Tests of when the line is asked again.

use caudal_engine::Engine;
use caudal_engine::flow::{Registry, Resources};
use caudal_engine::ports::{Bell, Feed, RandomIds, WorkerBoard};
use caudal_engine::task::{Limits, WorkerId};
use caudal_engine::testing::clock::TestClock;
use caudal_engine::testing::memory::MemoryStore;
use futures_util::FutureExt;

use super::*;
use crate::quarantine::Quarantine;
use crate::running::Running;

fn shared() -> Arc<Shared> {
    let (clock, ids) = (Arc::new(TestClock::default()), Arc::new(RandomIds));
    let (bell, feed, limits) = (Arc::new(Bell::default()), Arc::new(Feed::default()), Limits::default());
    let store = MemoryStore::new(clock.clone(), ids.clone(), bell.clone(), feed.clone(), limits.clone());
    let engine = Engine {
        store: Arc::new(store.with_lease(None)),
        bell,
        feed,
        clock: clock.clone(),
        ids,
        registry: Arc::new(Registry::of([]).unwrap()),
        resources: Resources::default(),
        limits: Arc::new(limits),
        workers: Arc::new(WorkerBoard::default()),
    };
    Arc::new(Shared {
        id: WorkerId::new("tested"),
        since: engine.clock.now(),
        concurrency: 1,
        running: Arc::new(Running::default()),
        quarantine: Quarantine::new(Duration::ZERO).into(),
        draining: std::sync::atomic::AtomicBool::new(false),
        engine,
    })
}

/// Goal: while a suspect runs alone, tasks that are due are no reason to ask over and over.
#[tokio::test]
async fn a_worker_that_may_not_claim_does_not_spin() {
    let shared = shared();
    let claims = TaskClaims::new(shared.clone());
    shared.quarantine().suspect_answered(Instant::now(), true, true);
    claims.last().next_due = Some(shared.engine.clock.now());
    assert!(claims.next(1).await.unwrap().items.is_empty());
    assert!(claims.due().now_or_never().is_none(), "asked again at once");
    shared.quarantine().suspect_done(Instant::now());
    shared.running.changed.notify_one();
    assert!(claims.due().now_or_never().is_some(), "not asked when it is somebody's turn");
}
