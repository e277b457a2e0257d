//! Names of keys: `<prefix>{p<partition>}:…`. The braces tell a cluster that all keys of a partition live together.
//!
//! | key | what |
//! |---|---|
//! | `t:<id>` | hash: what of a task changes, and what scripts must know of it |
//! | `l:<id>` | list: what of it never changes (a line of JSON, then the input); then its log, one element per write |
//! | `w:<id>` | while it is parked: what it hears, then its waits |
//! | `s:<id>` | hash: its signals |
//! | `c:<id>` | sorted set: its children, 0 unended, 1 ended |
//! | `q:<lane>`, `lanes` | sorted sets: who is in line when, and when each lane's first one is due |
//! | `leases` | sorted set: until when each claim lives |
//! | `a:<tenant>` | sorted set: all tasks of a tenant, by id |
//! | `i:<state>:<tenant>` | the same of those that wait, are paused, have failed or are cancelled |
//! | `listed` | these say all of the partition: it holds no task that is older than they are |
//! | `k:<tenant>\0<key>`, `u:<tenant>\0<key>` | idempotency keys, unique keys |
//! | `ended`, `archived`, `aside` | ended tasks; those archived, by when they are forgotten at the latest; those that cannot be |
//! | `unreadable` | hash: tasks that lack what nobody can tell, out of line and unclaimed, and why |
//! | `n:<id>` | hash: a notification |
//! | `o:<channel>` | sorted set: those in line, by when each is due or its claim runs out |
//! | `no`, `ne` | sorted sets: notifications that are open, by since when; that have ended, by when |
//! | `nb` | hash: those that have ended and cannot be kept elsewhere, and why |
//! | `na:<tenant>`, `nt:<task>` | sorted sets: all notifications of a tenant, of a task, by id |
//! | `naside` | hash: notifications that cannot be read, and why |
//! | `x:<tenant>`, `xa:<tenant>`, `hm:<tenant>\0<address>\0<hour>` | in partition 0: who wants no mail; mails of an hour |
//! | `workers` | hash, in the first partition: what each worker last said of itself, behind the time it holds to |
//! | `shared` | hash, in the first partition: what all processes must know alike |
//! | `counts`, `orphans`, `server`, `partitions` | figures; ended parents with children left; see `rescue.lua`, `layout.rs` |
//!
//! Channels: `bell` (rings, and changes of state), `log:<id>`.

use std::borrow::Cow;

use caudal_engine::task::TaskId;

/// Prefixes that are made once.
const READY: u16 = 64;

#[derive(Debug)]
pub(super) struct Keys {
    prefix: String,
    ready: Vec<String>,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ready: (0..READY).map(|partition| make(prefix, partition)).collect() }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What all keys of a partition begin with.
    pub(super) fn of(&self, partition: u16) -> Cow<'_, str> {
        match self.ready.get(usize::from(partition)) {
            Some(ready) => ready.into(),
            None => make(&self.prefix, partition).into(),
        }
    }

    pub(super) fn of_task(&self, kind: &str, task: TaskId) -> String {
        format!("{}{kind}:{task}", self.of(task.partition()))
    }
}

fn make(prefix: &str, partition: u16) -> String {
    format!("{prefix}{{p{partition}}}:")
}

/// The slot of a cluster in which a partition lives: CRC16 (XModem) of what stands in the braces.
pub(super) fn slot_of(partition: u16) -> u16 {
    let crc = format!("p{partition}").bytes().fold(0_u16, |crc, byte| {
        (0..8)
            .fold(crc ^ (u16::from(byte) << 8), |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 })
    });
    crc % 16_384
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: slots are those that `CLUSTER KEYSLOT` names.
    #[test]
    fn slots_are_the_clusters() {
        assert_eq!([slot_of(0), slot_of(1), slot_of(15)], [15_882, 11_819, 2_138]);
    }
}
