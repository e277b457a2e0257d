//! The store behind the ports, and how it is let go.

use std::sync::Arc;

use anyhow::{Result, bail};
use caudal_engine::ports::{Bell, Feed, RandomIds, SystemClock, TaskStore};
use caudal_stores::sqlite::{self, SqliteSettings, SqliteStore};

use super::role::Role;
use crate::settings::{Durability, Settings};

/// What a process keeps its tasks in.
pub(super) enum OpenedStore {
    /// One file, of this process alone.
    Sqlite(Arc<SqliteStore>),
}

impl OpenedStore {
    pub(super) async fn open(role: Role, settings: &Settings, bell: &Arc<Bell>, feed: &Arc<Feed>) -> Result<Self> {
        if role != Role::All {
            bail!(
                "`caudal {}` is one process of several, which meet in Redis: name it with --redis-url; without it \
                 `caudal serve` does everything in one process",
                role.as_str()
            );
        }
        Ok(Self::Sqlite(Arc::new(open_sqlite(settings, bell, feed)?)))
    }

    pub(super) fn port(&self) -> Arc<dyn TaskStore> {
        match self {
            Self::Sqlite(store) => store.clone(),
        }
    }

    /// Where everything is kept, by name, for people and programs.
    pub(super) fn describe(&self, settings: &Settings) -> Vec<(&'static str, String)> {
        match self {
            Self::Sqlite(_) => {
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
