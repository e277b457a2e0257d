//! What the tests of the Redis store share: a server for all tests of a process, a prefix of its own for each.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::panic,
    reason = "each test file uses what it needs of it"
)]

// The end-to-end tests start the same servers; their kit builds on the stores, so it cannot be a dependency here.
#[path = "../../../tests/src/free_port.rs"]
mod free_port;
#[path = "../../../tests/src/redis_server.rs"]
pub mod redis_server;

pub mod keyspace;
pub mod monitor;
pub mod outbox_scenes;
pub mod proxy;
pub mod scenes;
pub mod spread;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use caudal_engine::testing::conformance::Parts;
use caudal_stores::redis::{RedisSettings, RedisStore, StoreTime};
use redis_server::{RedisCluster, RedisServer};

/// It is never dropped, but it ends with the process.
pub fn shared_server() -> &'static RedisServer {
    static SERVER: OnceLock<RedisServer> = OnceLock::new();
    SERVER.get_or_init(RedisServer::start)
}

pub fn shared_cluster() -> &'static RedisCluster {
    static CLUSTER: OnceLock<RedisCluster> = OnceLock::new();
    CLUSTER.get_or_init(|| RedisCluster::start(3))
}

/// Settings for a store of its own, on the tests' clock.
pub fn settings_of(url: &str, parts: &Parts) -> RedisSettings {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    RedisSettings {
        prefix: format!("test{}:", NEXT.fetch_add(1, Ordering::Relaxed)),
        limits: parts.limits.clone(),
        time: StoreTime::Process,
        ..RedisSettings::new(url)
    }
}

pub async fn open_store(settings: &RedisSettings, parts: &Parts) -> Arc<RedisStore> {
    let Parts { clock, ids, bell, feed, .. } = parts.clone();
    Arc::new(RedisStore::open(settings, clock, ids, bell, feed).await.unwrap())
}
