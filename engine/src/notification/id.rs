//! The name of a notification.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::task::{TaskId, Timestamp};

/// Laid out as a task's id is: it sorts by creation, and names the partition it lives in, which is its task's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NotificationId(TaskId);

/// The lower bits of an id that count the addresses of one wish; all are 0 in the first.
const PLACE_BITS: u32 = 14;
/// How many notifications one wish may make.
pub const MOST_OF_ONE_WISH: usize = 1 << PLACE_BITS;

impl NotificationId {
    /// The first of a wish's notifications.
    pub fn first(created: Timestamp, partition: u16, random: u64) -> Self {
        Self(TaskId::from_parts(created, partition, random & !(MOST_OF_ONE_WISH as u64 - 1)))
    }

    /// That of the address at this place, of the wish that this one is the first of.
    pub fn nth(self, place: usize) -> Self {
        let (high, low) = Uuid::from_bytes(*self.0.as_bytes()).as_u64_pair();
        let low = (low & !(MOST_OF_ONE_WISH as u64 - 1)) | (place % MOST_OF_ONE_WISH) as u64;
        Self(TaskId::from_bytes(*Uuid::from_u64_pair(high, low).as_bytes()))
    }

    pub fn partition(self) -> u16 {
        self.0.partition()
    }

    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(TaskId::from_bytes(bytes))
    }
}

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for NotificationId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the notifications of one wish have names of their own that follow from the first one's.
    #[test]
    fn a_wish_names_its_notifications() {
        let first = NotificationId::first(Timestamp::from_millis(1_795_235_195_123), 7, u64::MAX);
        assert_eq!(first.nth(0), first);
        assert_eq!(first.nth(3).nth(0), first, "each knows the first");
        let all: std::collections::BTreeSet<_> = (0..20).map(|place| first.nth(place)).collect();
        assert_eq!(all.len(), 20);
        assert!(all.iter().all(|id| id.partition() == 7 && id.to_string().parse() == Ok(*id)));
    }
}
