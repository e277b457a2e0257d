//! Reading tasks, one or many. Lists are newest first: each partition keeps its tasks by id, which is by age; the
//! partitions' lists are merged.
//!
//! There is no index by flow, state or tag: a page reads on until it is full, but looks at a bounded number of tasks. It
//! may then be short, and its cursor goes on where it stopped.

use std::collections::BTreeSet;

use caudal_engine::ports::{StoreError, TaskFilter, TaskPage};
use caudal_engine::task::{TaskId, TaskRecord, Tenant};
use futures_util::future::{join_all, try_join_all};
use redis::Cmd;

use super::create::id_of;
use super::record::Fields;
use super::reply;
use super::scripts::READ;
use super::store::RedisStore;

/// Tasks that one page looks at.
const MOST_SEARCHED: usize = 5_000;
/// Ids read from a partition at once, tasks read by one script.
const BITE: usize = 100;
/// Greater than all ids.
const END: &str = "+";

/// One partition's ids from the cursor on, newest first, read as far as it was needed.
struct Walk {
    ids: Vec<TaskId>,
    ended: bool,
}

impl RedisStore {
    pub(super) async fn read_task(&self, tenant: &Tenant, task: TaskId) -> Result<Option<TaskRecord>, StoreError> {
        let mut records = self.read_some(task.partition(), &[task]).await?;
        Ok(records.pop().filter(|record| record.tenant == *tenant))
    }

    pub(super) async fn list_page(&self, filter: &TaskFilter) -> Result<TaskPage, StoreError> {
        let text = filter.text.as_ref().map(|text| text.to_lowercase());
        let (mut items, mut searched): (Vec<TaskRecord>, usize) = (Vec::new(), 0);
        let mut cursor = filter.cursor;
        while items.len() <= filter.limit && searched < MOST_SEARCHED {
            let (ids, ended) = self.next_ids(filter, cursor).await?;
            let mut rest = &ids[..];
            while !rest.is_empty() && items.len() <= filter.limit && searched < MOST_SEARCHED {
                // At first no more than a page without a filter needs: a record may be large.
                let most = if searched == 0 { filter.limit.saturating_add(1).min(BITE) } else { BITE };
                let (bite, behind) = rest.split_at(rest.len().min(most));
                let records = self.read_in_order(bite).await?;
                items.extend(records.into_iter().filter(|record| fits(record, filter, &text)));
                searched += bite.len();
                cursor = bite.last().copied().or(cursor);
                rest = behind;
            }
            if ended && rest.is_empty() {
                cursor = None;
                break;
            }
        }
        let next = if items.len() > filter.limit {
            items.truncate(filter.limit);
            items.last().map(|last| last.id)
        } else {
            cursor
        };
        Ok(TaskPage { items, next, partial: false })
    }

    /// Some ids below the cursor, newest first, and whether these are the last ones.
    async fn next_ids(&self, filter: &TaskFilter, below: Option<TaskId>) -> Result<(Vec<TaskId>, bool), StoreError> {
        if let Some(parent) = filter.parent {
            return Ok((self.ids_of_children(parent, below).await?, true));
        }
        let walks = (0..self.layout.partitions()).map(|partition| self.walk(partition, &filter.tenant, below));
        let walks = try_join_all(walks).await?;
        // Below the last id of a walk that has not ended there may be more of it: only what is above is in order.
        let known_to = walks.iter().filter(|walk| !walk.ended).filter_map(|walk| walk.ids.last()).max().copied();
        let mut ids: Vec<TaskId> = walks.into_iter().flat_map(|walk| walk.ids).collect();
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids.retain(|id| known_to.is_none_or(|known_to| *id >= known_to));
        Ok((ids, known_to.is_none()))
    }

    async fn walk(&self, partition: u16, tenant: &Tenant, below: Option<TaskId>) -> Result<Walk, StoreError> {
        let key = format!("{}a:{tenant}", self.keys.of(partition));
        let end = below.map_or(END.to_owned(), |below| format!("({below}"));
        let mut command = Cmd::new();
        command.arg("ZRANGE").arg(key).arg(end).arg("-").arg("BYLEX").arg("REV").arg("LIMIT").arg(0).arg(BITE);
        let ids = reply::list(self.nodes.send(partition, &command).await?)?;
        let ids = ids.into_iter().map(id_of).collect::<Result<Vec<_>, _>>()?;
        Ok(Walk { ended: ids.len() < BITE, ids })
    }

    /// Children live with their parent.
    async fn ids_of_children(&self, parent: TaskId, below: Option<TaskId>) -> Result<Vec<TaskId>, StoreError> {
        let mut command = redis::cmd("ZRANGE");
        command.arg(self.keys.of_task("c", parent)).arg(0).arg(-1);
        let ids = reply::list(self.nodes.send(parent.partition(), &command).await?)?;
        let ids = ids.into_iter().map(id_of).collect::<Result<BTreeSet<_>, _>>()?;
        Ok(ids.into_iter().rev().filter(|id| below.is_none_or(|below| *id < below)).collect())
    }

    async fn read_in_order(&self, ids: &[TaskId]) -> Result<Vec<TaskRecord>, StoreError> {
        let partitions: BTreeSet<u16> = ids.iter().map(|id| id.partition()).collect();
        let of = |partition: u16| ids.iter().copied().filter(|id| id.partition() == partition).collect::<Vec<_>>();
        let bites = partitions.into_iter().flat_map(|partition| {
            of(partition).chunks(BITE).map(|bite| (partition, bite.to_vec())).collect::<Vec<_>>()
        });
        let reads = bites.map(|(partition, bite)| async move { self.read_some(partition, &bite).await });
        let mut records = Vec::with_capacity(ids.len());
        for read in join_all(reads).await {
            records.extend(read?);
        }
        records.sort_unstable_by_key(|record: &TaskRecord| std::cmp::Reverse(record.id));
        Ok(records)
    }

    /// Those of one partition that are there.
    pub(super) async fn read_some(&self, partition: u16, ids: &[TaskId]) -> Result<Vec<TaskRecord>, StoreError> {
        let call = ids.iter().fold(READ.call(&self.keys.of(partition)), |call, id| call.arg(id.to_string()));
        let answers = reply::list(self.nodes.call(partition, &call).await?)?;
        let mut records = Vec::with_capacity(ids.len());
        for (id, answer) in ids.iter().zip(answers) {
            let mut parts = reply::list(answer)?.into_iter();
            if let (Some(flat), Some(details), Some(waits)) = (parts.next(), parts.next(), parts.next()) {
                let fields = Fields::read(flat)?;
                records.push(fields.into_record(*id, &reply::bytes(details)?, &reply::bytes(waits)?)?);
            }
        }
        Ok(records)
    }
}

fn fits(record: &TaskRecord, filter: &TaskFilter, text: &Option<String>) -> bool {
    record.tenant == filter.tenant
        && filter.flow.as_ref().is_none_or(|flow| **flow == *record.flow)
        && (filter.states.is_empty() || filter.states.contains(&record.wire_state()))
        && filter.tag.as_ref().is_none_or(|tag| record.tags.contains(tag))
        && filter.created_after.is_none_or(|after| record.created_at > after)
        && filter.created_before.is_none_or(|before| record.created_at < before)
        && text.as_ref().is_none_or(|text| says(record, text))
}

fn says(record: &TaskRecord, text: &str) -> bool {
    let (id, input) = (record.id.to_string(), record.options.searchable(&record.input));
    [&id, &*record.flow, &*record.summary.status, &*input].into_iter().any(|place| place.to_lowercase().contains(text))
}
