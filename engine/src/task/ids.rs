//! Names of things: tasks, tenants, workers, claims.
//!
//! A task's id is a UUID of version 8: 48 bits of milliseconds (ids sort by creation), 12 bits that name the
//! partition the task lives in, 62 random bits. The partition is in the id so that the number of partitions can
//! grow while tasks are running.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::time::Timestamp;

/// One run of a flow.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(Uuid);

impl TaskId {
    /// Builds an id from its parts; only the lower 12 bits of `partition` and 62 bits of `random` count.
    pub fn from_parts(created: Timestamp, partition: u16, random: u64) -> Self {
        let millis = created.as_millis().max(0).cast_unsigned() & 0xFFFF_FFFF_FFFF;
        let high = (millis << 16) | 0x8000 | u64::from(partition & 0x0FFF);
        let low = (random & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000;
        Self(Uuid::from_u64_pair(high, low))
    }

    /// The partition that was written into the id when the task was created.
    pub fn partition(self) -> u16 {
        let (high, _) = self.0.as_u64_pair();
        u16::try_from(high & 0x0FFF).unwrap_or(0)
    }

    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TaskId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// The partition in which a tenant's key lives: an idempotency key or a unique key. All processes must agree on it, of
/// whatever version they are, so the hash is written out here (FNV-1a, its bits mixed once more at the end).
pub fn home_of_key(tenant: &Tenant, key: &str, partitions: u16) -> u16 {
    let bytes = tenant.as_str().bytes().chain([0]).chain(key.bytes());
    let hash = bytes
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3));
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    u16::try_from(mixed % u64::from(partitions.max(1))).unwrap_or(0)
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);
        impl $name {
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type! {
    /// Who a task belongs to. Everything that is stored or asked for names its tenant.
    Tenant
}
name_type! {
    /// One worker process, unique per start: `host:pid:random`.
    WorkerId
}

impl Default for Tenant {
    fn default() -> Self {
        Self::new("default")
    }
}

/// A worker's right to run one task for a while. Every write of a running task carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Claim {
    /// Counts the claims of this task.
    pub epoch: u32,
    /// Random, so that a claim cannot be confused with another's of the same epoch after a restore from a backup.
    pub id: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: where a key lives never changes, and keys are spread.
    #[test]
    fn keys_have_a_home() {
        let tenant = Tenant::default();
        assert_eq!([1, 16, 4_096].map(|partitions| home_of_key(&tenant, "report-7", partitions)), [0, 1, 3_041]);
        let mut counts = [0; 16];
        for number in 0..1_600 {
            counts[usize::from(home_of_key(&tenant, &format!("report-{number}"), 16))] += 1;
        }
        assert!(counts.iter().all(|count| (50..150).contains(count)), "{counts:?}");
    }
}
