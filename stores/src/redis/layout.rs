//! How the store is laid out: the version of its keys, and how many partitions there are.
//!
//! The number may grow while tasks run: a task's partition is in its id. Keys (idempotency, unique) have a home that
//! depends on the number, so all numbers that ever were are kept: a key that is not at home is looked for where it would
//! have been before. Each partition knows the newest number too, and corrects a process that creates by an older one.

use std::sync::{PoisonError, RwLock};

use caudal_engine::ports::StoreError;
use caudal_engine::task::{Tenant, home_of_key};
use futures_util::future::try_join_all;

use super::fault::unreadable;
use super::keys::Keys;
use super::nodes::Nodes;
use super::reply;
use super::scripts::{GROW, LAYOUT};

/// Raised when a process of the old version could not live with the keys of the new one.
pub(super) const VERSION: u32 = 1;

/// As many as an id can name.
pub(super) const MOST_PARTITIONS: u16 = 4_096;

#[derive(Debug)]
pub(super) struct Layout {
    /// All numbers of partitions that ever were, the newest last.
    counts: RwLock<Vec<u16>>,
}

/// A version that is not ours.
pub(super) struct OtherVersion(pub(super) u32);

impl Layout {
    /// Reads the layout, makes it if there is none, and lets it grow to what is wanted.
    pub(super) async fn establish(
        nodes: &Nodes,
        keys: &Keys,
        wanted: Option<u16>,
        of_new: u16,
    ) -> Result<Result<Self, OtherVersion>, StoreError> {
        let wanted = wanted.map(|wanted| wanted.to_string()).unwrap_or_default();
        let call = LAYOUT.call(&keys.of(0)).arg(VERSION).arg(wanted).arg(of_new);
        let [version, counts] = reply::tuple(nodes.call(0, &call).await?)?;
        let version = u32::try_from(reply::count(&version)?).map_err(unreadable)?;
        if version != VERSION {
            return Ok(Err(OtherVersion(version)));
        }
        let counts = counts_of(&reply::text(counts)?)?;
        grow(nodes, keys, *counts.last().unwrap_or(&1)).await?;
        Ok(Ok(Self { counts: RwLock::new(counts) }))
    }

    pub(super) fn partitions(&self) -> u16 {
        self.counts.read().unwrap_or_else(PoisonError::into_inner).last().copied().unwrap_or(1)
    }

    /// Where the key lived while there were fewer partitions, if that was elsewhere.
    pub(super) fn earlier_homes(&self, tenant: &Tenant, key: &str) -> Vec<u16> {
        let counts = self.counts.read().unwrap_or_else(PoisonError::into_inner);
        let Some((newest, earlier)) = counts.split_last() else { return Vec::new() };
        let home = home_of_key(tenant, key, *newest);
        let mut homes: Vec<u16> = earlier.iter().map(|count| home_of_key(tenant, key, *count)).collect();
        homes.retain(|earlier| *earlier != home);
        homes.dedup();
        homes
    }

    /// Asks whether the store has grown.
    pub(super) async fn refresh(&self, nodes: &Nodes, keys: &Keys) -> Result<(), StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(format!("{}layout", keys.of(0))).arg("partitions");
        let counts = counts_of(&reply::text(nodes.send(0, &command).await?)?)?;
        if counts.last() > Some(&self.partitions()) {
            // Nobody may go on creating by the old number once somebody creates by the new one.
            grow(nodes, keys, *counts.last().unwrap_or(&1)).await?;
            tracing::info!(partitions = counts.last(), "the store has grown");
            *self.counts.write().unwrap_or_else(PoisonError::into_inner) = counts;
        }
        Ok(())
    }
}

async fn grow(nodes: &Nodes, keys: &Keys, count: u16) -> Result<(), StoreError> {
    let growing = (0..count)
        .map(|partition| async move { nodes.call(partition, &GROW.call(&keys.of(partition)).arg(count)).await });
    try_join_all(growing).await.map(drop)
}

fn counts_of(text: &str) -> Result<Vec<u16>, StoreError> {
    text.split(' ').map(|count| count.parse().map_err(unreadable)).collect()
}
