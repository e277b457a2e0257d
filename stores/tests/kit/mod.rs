//! What the tests of the kept part share: a server, ended tasks, a live part in memory.

#![allow(dead_code, unused_imports, unreachable_pub, clippy::allow_attributes, reason = "each test file uses its part")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may end with a crash: that is how it fails")]

pub mod delegate;
pub mod ended;
pub mod memory_live;
// The end-to-end tests start the same servers; their kit builds on the stores, so it cannot be a dependency here.
#[path = "../../../tests/src/free_port.rs"]
mod free_port;
#[path = "../../../tests/src/postgres_server.rs"]
pub mod postgres_server;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use caudal_engine::ports::Clock;
use caudal_stores::postgres::{PostgresSettings, PostgresStore};

pub use ended::{ended_task, ended_with};
pub use memory_live::MemoryLive;
pub use postgres_server::PostgresServer;

/// One server for all tests of a process that do no harm to it.
pub fn shared_server() -> &'static PostgresServer {
    static SERVER: OnceLock<PostgresServer> = OnceLock::new();
    SERVER.get_or_init(PostgresServer::start)
}

/// A schema that nobody else uses, not made yet.
pub fn settings_on(server: &PostgresServer) -> PostgresSettings {
    static SCHEMAS: AtomicU32 = AtomicU32::new(0);
    let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    PostgresSettings { schema: format!("test_{number}"), ..PostgresSettings::new(server.url("postgres")) }
}

pub fn settings() -> PostgresSettings {
    settings_on(shared_server())
}

pub async fn open(settings: &PostgresSettings, clock: Arc<dyn Clock>) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(settings, clock).await.unwrap())
}
