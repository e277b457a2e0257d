//! Lists, newest first: each partition keeps a tenant's notifications by id, which is by age; they are merged.
//!
//! As for tasks there is no index by state: a page reads on until it is full, but looks at a bounded number, and at a
//! bounded number of bytes. It may then be short, and its cursor goes on where it stopped.

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

/// Notifications that one page looks at, and how much of them.
const MOST_SEARCHED: usize = 5_000;
const MOST_SEARCHED_BYTES: usize = 16 * 1024 * 1024;
/// What one page holds, about, and one answer of Redis.
const MOST_PAGE_BYTES: usize = 8 * 1024 * 1024;
const MOST_ANSWERED_BYTES: usize = 2 * 1024 * 1024;
/// Ids read from a partition at once, notifications read at once.
const BITE: usize = 100;
/// The same while it is not known how large they are.
const FIRST_BITE: usize = 16;
/// Greater than all ids.
const END: &str = "+";

/// An id and what is there under it.
pub(super) type Read = (NotificationId, Result<Option<NotificationRecord>, StoreError>);

/// One partition's ids from the cursor on, newest first.
struct Walk {
    ids: Vec<NotificationId>,
    ended: bool,
}

/// A page as far as it has come.
#[derive(Default)]
struct Found {
    items: Vec<NotificationRecord>,
    kept_bytes: usize,
    read: usize,
    read_bytes: usize,
}

impl Found {
    /// Beside those of a full page one more is read, that tells whether there is another page.
    fn lacks(&self, filter: &NotificationFilter) -> usize {
        filter.limit.saturating_add(1).saturating_sub(self.items.len())
    }

    /// Ids to be looked for at once in each partition.
    fn next_walk(&self, filter: &NotificationFilter) -> usize {
        if is_sifted(filter) { BITE } else { self.lacks(filter).clamp(1, BITE) }
    }

    /// Notifications to be read at once: no more than a page takes, if they are as large as those before.
    fn next_bite(&self, filter: &NotificationFilter) -> usize {
        let usual = self.read_bytes / self.read.max(1);
        let most = if self.read == 0 { FIRST_BITE } else { (MOST_PAGE_BYTES / usual.max(1)).clamp(1, BITE) };
        if is_sifted(filter) { most } else { most.min(self.lacks(filter)) }
    }

    /// No more is to be read.
    fn is_full(&self, filter: &NotificationFilter) -> bool {
        self.lacks(filter) == 0
            || self.read >= MOST_SEARCHED
            || self.read_bytes >= MOST_SEARCHED_BYTES
            || self.kept_bytes >= MOST_PAGE_BYTES
    }
}

impl RedisStore {
    pub(super) async fn notifications_page(&self, filter: &NotificationFilter) -> Result<NotificationPage, StoreError> {
        let mut found = Found::default();
        let mut cursor = filter.cursor;
        while !found.is_full(filter) {
            let (ids, ended) = self.next_notifications(filter, cursor, found.next_walk(filter)).await?;
            let mut rest = &ids[..];
            while !rest.is_empty() && !found.is_full(filter) {
                let (bite, behind) = rest.split_at(rest.len().min(found.next_bite(filter)));
                found.read += bite.len();
                for record in self.read_all_notifications(bite).await? {
                    found.read_bytes += size_of(&record);
                    if fits(&record, filter) {
                        found.kept_bytes += size_of(&record);
                        found.items.push(record);
                    }
                }
                cursor = bite.last().copied().or(cursor);
                rest = behind;
            }
            if rest.is_empty() && ended {
                cursor = None;
                break;
            }
        }
        let Found { mut items, .. } = found;
        let more = items.len() > filter.limit;
        items.truncate(filter.limit);
        let last = items.last().map(|last| last.id);
        Ok(NotificationPage { next: if more { last } else { cursor }, items, partial: false })
    }

    /// Some ids below the cursor, at most so many of each partition, newest first; and whether these are the last ones.
    async fn next_notifications(
        &self,
        filter: &NotificationFilter,
        below: Option<NotificationId>,
        most: usize,
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
        let walks = partitions.map(|partition| self.walk_notifications(partition, &set, below, most));
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
        most: usize,
    ) -> Result<Walk, StoreError> {
        let end = below.map_or(END.to_owned(), |below| format!("({below}"));
        let mut command = Cmd::new();
        command.arg("ZRANGE").arg(format!("{}{set}", self.keys.of(partition))).arg(end).arg("-");
        command.arg("BYLEX").arg("REV").arg("LIMIT").arg(0).arg(most);
        let ids = reply::list(self.nodes.send(partition, &command).await?)?;
        let ids = ids.into_iter().map(id_of).collect::<Result<Vec<_>, _>>()?;
        Ok(Walk { ended: ids.len() < most, ids })
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
        let mut rest = ids;
        while !rest.is_empty() {
            let bite = rest.get(..BITE).unwrap_or(rest);
            let call = OUTBOX_READ.call(&self.keys.of(partition)).arg(MOST_ANSWERED_BYTES);
            let call = bite.iter().fold(call, |call, id| call.arg(id.to_string()));
            let answers = reply::list(self.nodes.call(partition, &call).await?)?;
            // It answers at least one.
            let (answered, behind) = rest.split_at(answers.len().clamp(1, bite.len()));
            read.extend(answered.iter().zip(answers).map(|(id, flat)| (*id, record_of(*id, flat))));
            rest = behind;
        }
        Ok(read)
    }
}

/// Whether only the notification itself says if it is asked for.
fn is_sifted(filter: &NotificationFilter) -> bool {
    !filter.states.is_empty() || filter.channel.is_some() || filter.recipient.is_some()
}

/// What can be long of it.
fn size_of(record: &NotificationRecord) -> usize {
    record.body.len() + record.recipient.len() + record.error.as_ref().map_or(0, String::len)
}

fn fits(record: &NotificationRecord, filter: &NotificationFilter) -> bool {
    record.tenant == filter.tenant
        && filter.task.is_none_or(|task| record.task == Some(task))
        && (filter.states.is_empty() || filter.states.contains(&record.state))
        && filter.channel.is_none_or(|channel| record.channel == channel)
        && filter.recipient.as_ref().is_none_or(|recipient| key_of(&record.recipient) == key_of(recipient))
}
