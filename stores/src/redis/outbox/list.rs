//! Lists, newest first: each partition keeps a tenant's notifications by id, which is by age; they are merged.
//!
//! As for tasks there is no index by state: a page reads on until it is full, but looks at a bounded number.

use std::collections::BTreeSet;

use caudal_engine::notification::mailbox::key_of;
use caudal_engine::notification::{NotificationId, NotificationRecord};
use caudal_engine::ports::{NotificationFilter, NotificationPage, StoreError};
use futures_util::future::try_join_all;
use redis::Cmd;

use super::super::reply;
use super::super::scripts::OUTBOX_READ;
use super::super::store::RedisStore;
use super::record::{id_of, record_of};

/// Notifications that one page looks at.
const MOST_SEARCHED: usize = 5_000;
/// Ids read from a partition at once, notifications read by one script.
const BITE: usize = 100;
/// Greater than all ids.
const END: &str = "+";

/// An id and what is there under it.
pub(super) type Read = (NotificationId, Result<Option<NotificationRecord>, StoreError>);

/// One partition's ids from the cursor on, newest first.
struct Walk {
    ids: Vec<NotificationId>,
    ended: bool,
}

impl RedisStore {
    pub(super) async fn notifications_page(&self, filter: &NotificationFilter) -> Result<NotificationPage, StoreError> {
        let mut items: Vec<NotificationRecord> = Vec::new();
        let (mut cursor, mut searched) = (filter.cursor, 0);
        while items.len() <= filter.limit {
            let (ids, ended) = self.next_notifications(filter, cursor).await?;
            searched += ids.len();
            cursor = ids.last().copied().or(cursor);
            let found = self.read_all_notifications(&ids).await?;
            items.extend(found.into_iter().filter(|record| fits(record, filter)));
            if ended {
                cursor = None;
                break;
            }
            if searched >= MOST_SEARCHED {
                break;
            }
        }
        let more = items.len() > filter.limit;
        items.truncate(filter.limit);
        let last = items.last().map(|last| last.id);
        Ok(NotificationPage { next: if more { last } else { cursor }, items, partial: false })
    }

    /// Some ids below the cursor, newest first, and whether these are the last ones.
    async fn next_notifications(
        &self,
        filter: &NotificationFilter,
        below: Option<NotificationId>,
    ) -> Result<(Vec<NotificationId>, bool), StoreError> {
        let set = match filter.task {
            Some(task) => format!("nt:{task}"),
            None => format!("na:{}", filter.tenant),
        };
        // Notifications live with their task.
        let partitions = match filter.task {
            Some(task) => task.partition()..task.partition() + 1,
            None => 0..self.layout.partitions(),
        };
        let walks = partitions.map(|partition| self.walk_notifications(partition, &set, below));
        let walks = try_join_all(walks).await?;
        // Below the last id of a walk that has not ended there may be more of it: only what is above is in order.
        let known_to = walks.iter().filter(|walk| !walk.ended).filter_map(|walk| walk.ids.last()).max().copied();
        let mut ids: Vec<NotificationId> = walks.into_iter().flat_map(|walk| walk.ids).collect();
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids.retain(|id| known_to.is_none_or(|known_to| *id >= known_to));
        Ok((ids, known_to.is_none()))
    }

    async fn walk_notifications(
        &self,
        partition: u16,
        set: &str,
        below: Option<NotificationId>,
    ) -> Result<Walk, StoreError> {
        let end = below.map_or(END.to_owned(), |below| format!("({below}"));
        let mut command = Cmd::new();
        command.arg("ZRANGE").arg(format!("{}{set}", self.keys.of(partition))).arg(end).arg("-");
        command.arg("BYLEX").arg("REV").arg("LIMIT").arg(0).arg(BITE);
        let ids = reply::list(self.nodes.send(partition, &command).await?)?;
        let ids = ids.into_iter().map(id_of).collect::<Result<Vec<_>, _>>()?;
        Ok(Walk { ended: ids.len() < BITE, ids })
    }

    pub(super) async fn read_all_notifications(
        &self,
        ids: &[NotificationId],
    ) -> Result<Vec<NotificationRecord>, StoreError> {
        let partitions: BTreeSet<u16> = ids.iter().map(|id| id.partition()).collect();
        let reads = partitions.into_iter().map(|partition| async move {
            let of: Vec<_> = ids.iter().copied().filter(|id| id.partition() == partition).collect();
            self.read_notifications(partition, &of).await
        });
        let mut records: Vec<NotificationRecord> = try_join_all(reads).await?.into_iter().flatten().collect();
        records.sort_unstable_by_key(|record| std::cmp::Reverse(record.id));
        Ok(records)
    }

    /// Those of one partition that are there. One that cannot be read must not hide the others.
    async fn read_notifications(
        &self,
        partition: u16,
        ids: &[NotificationId],
    ) -> Result<Vec<NotificationRecord>, StoreError> {
        let mut records = Vec::with_capacity(ids.len());
        for (id, read) in self.read_each(partition, ids).await? {
            match read {
                Ok(found) => records.extend(found),
                Err(error) => tracing::warn!(notification.id = %id, %error, "a notification cannot be read"),
            }
        }
        Ok(records)
    }

    /// What is there under each of these ids of one partition.
    pub(super) async fn read_each(&self, partition: u16, ids: &[NotificationId]) -> Result<Vec<Read>, StoreError> {
        let mut read = Vec::with_capacity(ids.len());
        for bite in ids.chunks(BITE) {
            let call = OUTBOX_READ.call(&self.keys.of(partition));
            let call = bite.iter().fold(call, |call, id| call.arg(id.to_string()));
            let answers = reply::list(self.nodes.call(partition, &call).await?)?;
            read.extend(bite.iter().zip(answers).map(|(id, flat)| (*id, record_of(*id, flat))));
        }
        Ok(read)
    }
}

fn fits(record: &NotificationRecord, filter: &NotificationFilter) -> bool {
    record.tenant == filter.tenant
        && filter.task.is_none_or(|task| record.task == Some(task))
        && (filter.states.is_empty() || filter.states.contains(&record.state))
        && filter.channel.is_none_or(|channel| record.channel == channel)
        && filter.recipient.as_ref().is_none_or(|recipient| key_of(&record.recipient) == key_of(recipient))
}
