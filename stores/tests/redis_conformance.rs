//! The Redis store against the rules that hold for every store.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod redis_support;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::ports::{NotificationOutbox, TaskStore};
use caudal_engine::testing::conformance::{Harness, Parts};
use caudal_engine::testing::outbox_conformance::OutboxHarness;
use caudal_stores::redis::RedisStore;
use redis_support::{open_store, settings_of, shared_server};

struct Redis {
    store: Arc<RedisStore>,
    parts: Parts,
}

#[async_trait]
impl Harness for Redis {
    fn store(&self) -> Arc<dyn TaskStore> {
        self.store.clone()
    }

    async fn holders_die(&mut self) {
        self.parts.clock.advance(self.store.lease().unwrap_or(Duration::ZERO));
    }
}

async fn open(parts: Parts) -> Redis {
    let settings = settings_of(&shared_server().url(), &parts);
    Redis { store: open_store(&settings, &parts).await, parts }
}

#[async_trait]
impl OutboxHarness for Redis {
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

caudal_engine::conformance_tests!(open);
caudal_engine::outbox_conformance_tests!(open);
