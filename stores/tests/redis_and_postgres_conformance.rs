//! The store made of Redis and Postgres against the rules that hold for every store, where every ended task is archived
//! before anybody can ask for it. (With a live part of the engine's memory store: `live_and_kept_conformance.rs`.)

#![expect(clippy::unwrap_used, reason = "these are tests")]
#![expect(clippy::duplicate_mod, reason = "both kits bring the ports of the end-to-end tests")]

mod kit;
mod redis_support;

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
use caudal_stores::redis::{RedisSettings, RedisStore};

/// Archives before each operation.
struct Eager {
    live: Arc<RedisStore>,
    whole: LiveAndKeptStore,
    archiver: Archiver,
}

impl Eager {
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
        // What is kept is gone from Redis by then, so that what is forgotten is counted once.
        self.live.clean(Duration::ZERO, u64::MAX, 10_000).await?;
        self.whole.clean(keep_ended, keep_bytes, most).await
    }
} }

struct Opened {
    store: Arc<Eager>,
    live: Arc<RedisStore>,
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
    let settings = redis_support::settings_of(&redis_support::shared_server().url(), &parts);
    let settings = RedisSettings { most_unarchived_bytes: Some(u64::MAX), archived_grace: Duration::ZERO, ..settings };
    let live = redis_support::open_store(&settings, &parts).await;
    let kept = kit::open(&kit::settings(), parts.clock.clone()).await;
    let (feed, clock) = (parts.feed.clone(), parts.clock.clone());
    let archiver = Archiver::new(live.clone(), kept.clone(), feed, clock.clone(), ArchiverSettings::default());
    let whole = LiveAndKeptStore::new(live.clone(), kept);
    Opened { store: Arc::new(Eager { live: live.clone(), whole, archiver }), live, clock }
}

caudal_engine::conformance_tests!(open by theme);
