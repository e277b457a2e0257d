//! The SQLite store against the rules that hold for every store.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;

use async_trait::async_trait;
use caudal_engine::ports::{NotificationOutbox, TaskStore};
use caudal_engine::testing::conformance::{Harness, Parts};
use caudal_engine::testing::outbox_conformance::OutboxHarness;
use caudal_stores::sqlite::{SqliteSettings, SqliteStore};
use tempfile::TempDir;

struct Sqlite {
    store: Arc<SqliteStore>,
    folder: TempDir,
    parts: Parts,
}

fn open_store(folder: &TempDir, parts: Parts) -> Arc<SqliteStore> {
    let Parts { clock, ids, bell, feed, limits } = parts;
    let settings = SqliteSettings { limits, ..SqliteSettings::new(folder.path()) };
    Arc::new(SqliteStore::open(&settings, clock, ids, bell, feed).unwrap())
}

#[async_trait]
impl Harness for Sqlite {
    fn store(&self) -> Arc<dyn TaskStore> {
        self.store.clone()
    }

    /// Claims live as long as the process that gave them: the folder is opened as by another one.
    async fn holders_die(&mut self) {
        self.store.shutdown().await;
        self.store = open_store(&self.folder, self.parts.clone());
    }
}

async fn open(parts: Parts) -> Sqlite {
    let folder = tempfile::tempdir().unwrap();
    Sqlite { store: open_store(&folder, parts.clone()), folder, parts }
}

#[async_trait]
impl OutboxHarness for Sqlite {
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
