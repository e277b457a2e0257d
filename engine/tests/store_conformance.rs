//! The memory store against the rules that hold for every store, and what only it can show.

use std::sync::Arc;

use async_trait::async_trait;
use caudal_engine::notification::{Channel, NewNotification, NotificationId};
use caudal_engine::ports::{Bell, Feed, NotificationOutbox, RandomIds, TaskStore, TaskWrite};
use caudal_engine::task::{Json, Limits};
use caudal_engine::testing::clock::TestClock;
use caudal_engine::testing::conformance::held::line;
use caudal_engine::testing::conformance::{Harness, Parts, Trial};
use caudal_engine::testing::memory::MemoryStore;
use caudal_engine::testing::outbox_conformance::OutboxHarness;

struct Memory {
    store: Arc<MemoryStore>,
    clock: Arc<TestClock>,
}

#[async_trait]
impl Harness for Memory {
    fn store(&self) -> Arc<dyn TaskStore> {
        self.store.clone()
    }

    async fn holders_die(&mut self) {
        self.clock.advance(self.store.lease().unwrap_or_default());
    }
}

async fn open(parts: Parts) -> Memory {
    let Parts { clock, ids, bell, feed, limits } = parts;
    let store = MemoryStore::new(clock.clone(), ids, bell, feed, limits);
    Memory { store: Arc::new(store), clock }
}

#[async_trait]
impl OutboxHarness for Memory {
    fn tasks(&self) -> Arc<dyn TaskStore> {
        self.store.clone()
    }

    fn outbox(&self) -> Arc<dyn NotificationOutbox> {
        self.store.clone()
    }

    async fn holders_die(&mut self) {
        self.store.expire_claims();
    }
}

caudal_engine::conformance_tests!(open);
caudal_engine::outbox_conformance_tests!(open);

/// Goal: tests can read which notifications were born, each once.
#[tokio::test]
async fn notifications_can_be_read() {
    let parts = Parts::default();
    let memory = open(parts.clone()).await;
    let store = memory.store.clone();
    let trial = Trial::new(parts, memory);
    let mut held = trial.running().await;
    let notification = NewNotification {
        id: NotificationId::from_bytes([1; 16]),
        channel: Channel::Mail,
        recipient: "a@b.org".into(),
        body: Json::null(),
    };
    for _ in 0..2 {
        let write = TaskWrite { notifications: vec![notification.clone()], ..held.go_on(&[line("a mail")]) };
        held.send(&*store, write).await.unwrap();
    }
    let born = store.all_notifications();
    assert_eq!((born.len(), born[0].id, born[0].task), (1, notification.id, Some(held.task)));
}

/// Goal: without a lease, time alone takes no claim; expiring them by hand does.
#[tokio::test]
async fn claims_without_a_lease_live_until_they_are_expired() {
    let clock = Arc::new(TestClock::default());
    let (bell, feed) = (Arc::new(Bell::default()), Arc::new(Feed::default()));
    let parts = Parts { clock: clock.clone(), bell: bell.clone(), feed: feed.clone(), ..Parts::default() };
    let store = MemoryStore::new(clock.clone(), Arc::new(RandomIds), bell, feed, Limits::default()).with_lease(None);
    let store = Arc::new(store);
    let trial = Trial::new(parts, Memory { store: store.clone(), clock: clock.clone() });
    let held = trial.running().await;
    clock.advance(std::time::Duration::from_secs(1_000_000));
    assert!(store.rescue(10).await.unwrap().is_empty());
    store.expire_claims();
    assert_eq!(store.rescue(10).await.unwrap()[0].task, held.task);
}
