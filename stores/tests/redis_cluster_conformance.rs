//! The Redis store on a cluster of three nodes with sixteen partitions, against the rules that hold for every store.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod redis_support;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::ports::{NotificationOutbox, TaskStore};
use caudal_engine::testing::conformance::{Harness, Parts};
use caudal_engine::testing::outbox_conformance::OutboxHarness;
use caudal_stores::redis::RedisStore;
use redis_support::{open_store, settings_of, shared_cluster};

const PARTITIONS: u16 = 16;

struct Cluster {
    store: Arc<RedisStore>,
    parts: Parts,
}

#[async_trait]
impl Harness for Cluster {
    fn store(&self) -> Arc<dyn TaskStore> {
        self.store.clone()
    }

    async fn holders_die(&mut self) {
        self.parts.clock.advance(self.store.lease().unwrap_or(Duration::ZERO));
    }
}

async fn open(parts: Parts) -> Cluster {
    let mut settings = settings_of(&shared_cluster().url(), &parts);
    // The bound is each partition's share, and a trial lives in one.
    settings.limits.line_per_tenant *= u64::from(PARTITIONS);
    settings.limits.outbox_per_tenant *= u64::from(PARTITIONS);
    Cluster { store: open_store(&settings, &parts).await, parts }
}

#[async_trait]
impl OutboxHarness for Cluster {
    fn tasks(&self) -> Arc<dyn TaskStore> {
        self.store.clone()
    }

    fn outbox(&self) -> Arc<dyn NotificationOutbox> {
        self.store.clone()
    }

    async fn holders_die(&mut self) {
        Harness::holders_die(self).await;
    }
}

caudal_engine::conformance_tests!(open by theme);
caudal_engine::outbox_conformance_tests!(open);

/// Goal: a new store on a cluster is spread over all nodes without being told.
#[tokio::test]
async fn a_cluster_has_sixteen_partitions() {
    let cluster = open(Parts::default()).await;
    assert_eq!(cluster.store.partitions(), PARTITIONS);
}
