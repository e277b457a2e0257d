//! The store made of two parts against the rules that hold for every store, where every ended task is archived before
//! anybody can ask for it, and readers find it in the kept part alone.

mod kit;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::notification::NewNotification;
use caudal_engine::ports::{
    ClaimRequest, Claimed, Control, ControlRefused, CreateRefused, Created, NewSignal, Renewed, Rescued,
    SignalAccepted, SignalRefused, StoreError, StoreStats, TaskFilter, TaskPage, TaskStore, TaskWrite, WriteRefused,
    Written,
};
use caudal_engine::task::{Claim, ErrorReport, LogEntry, NewTask, TaskId, TaskRecord, TaskState, Tenant, WorkerId};
use caudal_engine::testing::clock::TestClock;
use caudal_engine::testing::conformance::{Harness, Parts};
use caudal_stores::live_and_kept::{Archiver, ArchiverSettings, LiveAndKeptStore};
use kit::MemoryLive;

/// Archives before each operation.
struct Eager {
    whole: LiveAndKeptStore,
    archiver: Archiver,
}

impl Eager {
    #[expect(clippy::unwrap_used, reason = "a test may end with a crash")]
    async fn archive(&self) {
        self.archiver.catch_up().await.unwrap();
    }
}

store_over! { Eager, whole, archive, {
    async fn stats(&self) -> Result<StoreStats, StoreError> {
        self.archive().await;
        self.whole.stats().await
    }

    async fn clean(&self, keep_ended: Duration, keep_bytes: u64, most: usize) -> Result<usize, StoreError> {
        self.archive().await;
        self.whole.clean(keep_ended, keep_bytes, most).await
    }
} }

struct Opened {
    store: Arc<Eager>,
    live: Arc<MemoryLive>,
    clock: Arc<TestClock>,
}

#[async_trait]
impl Harness for Opened {
    fn store(&self) -> Arc<dyn TaskStore> {
        self.store.clone()
    }

    async fn holders_die(&mut self) {
        self.clock.advance(self.live.lease().unwrap_or_default());
    }
}

async fn open(parts: Parts) -> Opened {
    let live = MemoryLive::new(parts.clone(), true);
    let kept = kit::open(&kit::settings(), parts.clock.clone()).await;
    let (feed, clock) = (parts.feed.clone(), parts.clock.clone());
    let archiver = Archiver::new(live.clone(), kept.clone(), feed, clock.clone(), ArchiverSettings::default());
    Opened { store: Arc::new(Eager { whole: LiveAndKeptStore::new(live.clone(), kept), archiver }), live, clock }
}

caudal_engine::conformance_tests!(open by theme);
