//! The store behind the ports, and how it is let go: one file of this process's own, or Redis and Postgres, where the
//! processes of an installation meet.

use std::sync::Arc;

use anyhow::{Result, bail};
use caudal_engine::ports::{Bell, Feed, NotificationOutbox, RandomIds, SystemClock, TaskStore};
use caudal_stores::live_and_kept::{
    Archiver, ArchiverSettings, LiveAndKeptOutbox, LiveAndKeptStore, OutboxArchiver, OutboxArchiverSettings,
};
use caudal_stores::postgres::{PostgresSettings, PostgresStore};
use caudal_stores::redis::{RedisSettings, RedisStore};
use caudal_stores::sqlite::{self, SqliteSettings, SqliteStore};
use reqwest::Url;
use tokio::task::JoinHandle;

use super::role::Role;
use crate::settings::{Durability, MachineSettings, Settings};

/// What a process keeps its tasks in.
pub(super) enum OpenedStore {
    /// One file, of this process alone.
    Sqlite(Arc<SqliteStore>),
    Shared(SharedStore),
}

/// What processes share.
pub(super) struct SharedStore {
    live: Arc<RedisStore>,
    kept: Option<Arc<PostgresStore>>,
    /// Take what has ended from one to the other.
    archivers: Vec<JoinHandle<()>>,
}

impl OpenedStore {
    pub(super) async fn open(role: Role, settings: &Settings, bell: &Arc<Bell>, feed: &Arc<Feed>) -> Result<Self> {
        match &settings.machines {
            Some(machines) => SharedStore::open(role, settings, machines, bell, feed).await.map(Self::Shared),
            None if role == Role::All => Ok(Self::Sqlite(Arc::new(open_sqlite(settings, bell, feed)?))),
            None => bail!(
                "`caudal {}` is one process of several, which meet in Redis: name it with --redis-url; without it \
                 `caudal serve` does everything in one process",
                role.as_str()
            ),
        }
    }

    pub(super) fn port(&self) -> Arc<dyn TaskStore> {
        match self {
            Self::Sqlite(store) => store.clone(),
            Self::Shared(SharedStore { live, kept: Some(kept), .. }) => {
                Arc::new(LiveAndKeptStore::new(live.clone(), kept.clone()))
            }
            Self::Shared(SharedStore { live, .. }) => live.clone(),
        }
    }

    pub(super) fn outbox(&self) -> Arc<dyn NotificationOutbox> {
        match self {
            Self::Sqlite(store) => store.clone(),
            Self::Shared(SharedStore { live, kept: Some(kept), .. }) => {
                Arc::new(LiveAndKeptOutbox::new(live.clone(), kept.clone()))
            }
            Self::Shared(SharedStore { live, .. }) => live.clone(),
        }
    }

    /// The part that all processes of the installation reach, if there is one.
    pub(super) fn shared(&self) -> Option<&RedisStore> {
        match self {
            Self::Sqlite(_) => None,
            Self::Shared(store) => Some(&store.live),
        }
    }

    /// Where everything is kept, by name, for people and programs.
    pub(super) fn describe(&self, settings: &Settings) -> Vec<(&'static str, String)> {
        match (self, &settings.machines) {
            (Self::Shared(_), Some(machines)) => {
                let database = machines.database_url.as_ref().map(|url| ("database", without_password(url)));
                [("redis", without_password(&machines.redis_url))].into_iter().chain(database).collect()
            }
            _ => {
                let folder =
                    std::path::absolute(&settings.data_folder).unwrap_or_else(|_| settings.data_folder.clone());
                let durability = match settings.durability {
                    Durability::Full => "full",
                    Durability::Normal => "normal",
                };
                vec![("data_folder", folder.display().to_string()), ("durability", durability.to_owned())]
            }
        }
    }

    pub(super) async fn shutdown(&self) {
        match self {
            Self::Sqlite(store) => store.shutdown().await,
            Self::Shared(store) => store.shutdown().await,
        }
    }
}

impl SharedStore {
    async fn open(
        role: Role,
        settings: &Settings,
        machines: &MachineSettings,
        bell: &Arc<Bell>,
        feed: &Arc<Feed>,
    ) -> Result<Self> {
        let clock = Arc::new(SystemClock);
        let redis = RedisSettings {
            prefix: machines.redis_prefix.clone(),
            partitions: machines.redis_partitions,
            may_lose_seconds: machines.redis_may_lose_seconds,
            limits: settings.limits.clone(),
            most_unarchived_bytes: machines.database_url.as_ref().map(|_| machines.unarchived_bytes),
            archived_grace: machines.archived_grace,
            most_archived_bytes: machines.archived_bytes,
            ..RedisSettings::new(machines.redis_url.as_str())
        };
        let live = RedisStore::open(&redis, clock.clone(), Arc::new(RandomIds), bell.clone(), feed.clone()).await?;
        let live = Arc::new(live);
        let kept = match &machines.database_url {
            Some(url) => {
                let postgres = PostgresSettings {
                    schema: machines.database_schema.clone(),
                    ..PostgresSettings::new(url.as_str())
                };
                Some(Arc::new(PostgresStore::open(&postgres, clock.clone()).await?))
            }
            None => None,
        };
        let of_tasks = kept.clone().filter(|_| role.runs_tasks()).map(|kept| {
            let archiver = Archiver::new(live.clone(), kept, feed.clone(), clock, ArchiverSettings::default());
            tokio::spawn(async move { archiver.run().await })
        });
        let of_notifications = kept.clone().filter(|_| role.sends_notifications()).map(|kept| {
            let archiver = OutboxArchiver::new(live.clone(), kept, OutboxArchiverSettings::default());
            tokio::spawn(async move { archiver.run().await })
        });
        Ok(Self { live, kept, archivers: of_tasks.into_iter().chain(of_notifications).collect() })
    }

    async fn shutdown(&self) {
        for archiver in &self.archivers {
            // What it has not archived is archived by another process, or by the next start.
            archiver.abort();
        }
        self.live.shutdown().await;
        if let Some(kept) = &self.kept {
            kept.close().await;
        }
    }
}

fn open_sqlite(settings: &Settings, bell: &Arc<Bell>, feed: &Arc<Feed>) -> Result<SqliteStore> {
    let store = SqliteSettings {
        durability: match settings.durability {
            Durability::Full => sqlite::Durability::Full,
            Durability::Normal => sqlite::Durability::Normal,
        },
        limits: settings.limits.clone(),
        ..SqliteSettings::new(&settings.data_folder)
    };
    Ok(SqliteStore::open(&store, Arc::new(SystemClock), Arc::new(RandomIds), bell.clone(), feed.clone())?)
}

/// Where a service is, for people to read.
fn without_password(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_password(None);
    // A key or certificate may stand there.
    url.set_query(None);
    url.to_string()
}
