//! Reading tasks, one or many. Lists are newest first: each partition keeps its tasks by id, which is by age; the
//! partitions' lists are merged.
//!
//! Tasks in states that few are in have lists of their own. There is no index by flow, other states or tag: a page reads on
//! until it is full, first the little that says flow and state, then the tasks whole; but it looks at a bounded number of
//! tasks and a bounded number of bytes. It may then be short, and its cursor goes on where it stopped.

use std::collections::{BTreeMap, BTreeSet};

use caudal_engine::ports::{StoreError, TaskFilter, TaskPage};
use caudal_engine::task::{LogEntry, TaskId, TaskRecord, TaskState, Tenant, WireState};
use futures_util::future::{join_all, try_join_all};

use super::archive::SHORT;
use super::create::id_of;
use super::fault::unreadable;
use super::log::details_and_log;
use super::packed::unpacked;
use super::record::Fields;
use super::reply;
use super::scripts::{LIST, READ, READ_WITH_LOG};
use super::store::RedisStore;
use crate::log_page::LogPage;

/// Tasks that one page looks at: the small part of them, them whole, and their inputs.
const MOST_SEARCHED: usize = 20_000;
const MOST_READ: usize = 5_000;
const MOST_SEARCHED_BYTES: usize = 16 * 1024 * 1024;
/// Inputs in one page, about, and in one answer of Redis.
const MOST_PAGE_BYTES: usize = 8 * 1024 * 1024;
const MOST_ANSWERED_BYTES: usize = 2 * 1024 * 1024;
/// Tasks that one script looks at; that one script reads whole.
const MOST_LOOKED: usize = 1_000;
const BITE: usize = 100;
/// The same while it is not known how large they are.
const FIRST_BITE: usize = 16;

/// What one script found below the cursor, newest first.
struct Walk {
    ids: Vec<TaskId>,
    /// The last one that was looked at; none when there are no more.
    looked_to: Option<TaskId>,
    looked: usize,
}

/// Candidates below a cursor, newest first: all down to where the search goes on.
struct Candidates {
    ids: Vec<TaskId>,
    go_on_below: Option<TaskId>,
    looked: usize,
}

/// A page as far as it has come.
#[derive(Default)]
struct Found {
    items: Vec<TaskRecord>,
    kept_bytes: usize,
    read: usize,
    read_bytes: usize,
    searched: usize,
}

impl Found {
    /// Tasks to be read whole at once: no more than a page takes, if they are as large as those before.
    fn next_bite(&self, filter: &TaskFilter) -> usize {
        let usual = self.read_bytes / self.read.max(1);
        let most = if self.read == 0 { FIRST_BITE } else { (MOST_PAGE_BYTES / usual.max(1)).clamp(1, BITE) };
        let left = filter.limit.saturating_add(1).saturating_sub(self.items.len());
        if is_read_whole(filter) { most } else { most.min(left) }
    }

    /// No more is to be read whole.
    fn is_full(&self, filter: &TaskFilter) -> bool {
        self.items.len() > filter.limit
            || self.read >= MOST_READ
            || self.read_bytes >= MOST_SEARCHED_BYTES
            || self.kept_bytes >= MOST_PAGE_BYTES
    }
}

impl RedisStore {
    pub(super) async fn read_task(&self, tenant: &Tenant, task: TaskId) -> Result<Option<TaskRecord>, StoreError> {
        let mut records = self.read_some(task.partition(), &[task]).await?;
        Ok(records.pop().filter(|record| record.tenant == *tenant))
    }

    /// The task, and its log if that is short: both of one moment.
    pub(super) async fn read_task_and_log(
        &self,
        tenant: &Tenant,
        task: TaskId,
    ) -> Result<Option<(TaskRecord, Vec<LogEntry>)>, StoreError> {
        let partition = task.partition();
        let call = READ_WITH_LOG.call(&self.keys.of(partition)).arg(task.to_string()).arg(SHORT);
        let [fields, waits, elements] = reply::tuple(self.nodes.call(partition, &call).await?)?;
        let Some(fields) = Fields::of_values(fields)? else { return Ok(None) };
        let (details, pages) = details_and_log(elements)?;
        let record = fields.into_record(task, &details, &reply::bytes(waits)?)?;
        if record.tenant != *tenant {
            return Ok(None);
        }
        Ok(Some((record, pages.iter().flat_map(LogPage::entries).collect())))
    }

    pub(super) async fn list_page(&self, filter: &TaskFilter) -> Result<TaskPage, StoreError> {
        let text = filter.text.as_ref().map(|text| text.to_lowercase());
        let mut found = Found::default();
        let mut cursor = filter.cursor;
        loop {
            let Candidates { ids, go_on_below, looked } = self.candidates(filter, cursor).await?;
            found.searched += looked;
            let mut rest = &ids[..];
            while !rest.is_empty() && !found.is_full(filter) {
                let (bite, behind) = rest.split_at(rest.len().min(found.next_bite(filter)));
                for record in self.read_in_order(bite).await? {
                    found.read += 1;
                    found.read_bytes += record.input.len();
                    if fits(&record, filter, &text) {
                        found.kept_bytes += record.input.len();
                        found.items.push(record);
                    }
                }
                cursor = bite.last().copied().or(cursor);
                rest = behind;
            }
            if !rest.is_empty() {
                break;
            }
            // What all walks looked at counts when it is used up: many partitions together look at more than a page may.
            cursor = go_on_below;
            if cursor.is_none() || found.is_full(filter) || found.searched >= MOST_SEARCHED {
                break;
            }
        }
        let Found { mut items, .. } = found;
        let next = if items.len() > filter.limit {
            items.truncate(filter.limit);
            items.last().map(|last| last.id)
        } else {
            cursor
        };
        Ok(TaskPage { items, next, partial: false })
    }

    async fn candidates(&self, filter: &TaskFilter, below: Option<TaskId>) -> Result<Candidates, StoreError> {
        if let Some(parent) = filter.parent {
            let ids = self.ids_of_children(parent, below).await?;
            return Ok(Candidates { looked: ids.len(), ids, go_on_below: None });
        }
        let lists = lists_of(&filter.states);
        let walks = (0..self.layout.partitions())
            .flat_map(|partition| lists.iter().map(move |list| self.walk(partition, filter, *list, below)));
        let walks = try_join_all(walks).await?;
        // Below where a walk stopped there may be more of it: only what is above is in order.
        let go_on_below = walks.iter().filter_map(|walk| walk.looked_to).max();
        let looked = walks.iter().map(|walk| walk.looked).sum();
        let mut ids: Vec<TaskId> = walks.into_iter().flat_map(|walk| walk.ids).collect();
        ids.sort_unstable_by(|one, other| other.cmp(one));
        // One may have gone from one list to another between two questions.
        ids.dedup();
        ids.retain(|id| go_on_below.is_none_or(|known_to| *id >= known_to));
        Ok(Candidates { ids, go_on_below, looked })
    }

    async fn walk(
        &self,
        partition: u16,
        filter: &TaskFilter,
        list: Option<(TaskState, WireState)>,
        below: Option<TaskId>,
    ) -> Result<Walk, StoreError> {
        let states: Vec<&str> = match list {
            Some((_, shown)) => vec![shown.as_str()],
            None => filter.states.iter().map(|state| state.as_str()).collect(),
        };
        let call = LIST
            .call(&self.keys.of(partition))
            .arg(filter.tenant.as_str())
            .arg(below.map(|below| below.to_string()).unwrap_or_default())
            .arg(list.map_or("", |(state, _)| state.as_str()))
            .arg(states.join(" "))
            .arg(filter.flow.as_deref().unwrap_or_default())
            .arg(if is_read_whole(filter) { 2 * BITE } else { filter.limit.saturating_add(1).min(MOST_LOOKED) })
            .arg(MOST_LOOKED);
        let [looked_to, looked, ids] = reply::tuple(self.nodes.call(partition, &call).await?)?;
        let looked_to = reply::text(looked_to)?;
        Ok(Walk {
            ids: reply::list(ids)?.into_iter().map(id_of).collect::<Result<_, _>>()?,
            looked_to: (!looked_to.is_empty()).then(|| looked_to.parse().map_err(unreadable)).transpose()?,
            looked: usize::try_from(reply::count(&looked)?).unwrap_or(usize::MAX),
        })
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
        let reads = bites.map(|(partition, bite)| async move { self.read_readable(partition, &bite).await });
        let mut records = Vec::with_capacity(ids.len());
        for read in join_all(reads).await {
            records.extend(read?);
        }
        records.sort_unstable_by_key(|record: &TaskRecord| std::cmp::Reverse(record.id));
        Ok(records)
    }

    /// One that cannot be read hides none of the others.
    async fn read_readable(&self, partition: u16, ids: &[TaskId]) -> Result<Vec<TaskRecord>, StoreError> {
        match self.read_some(partition, ids).await {
            Err(StoreError::Corrupt(_)) => {}
            read => return read,
        }
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            match self.read_some(partition, &[*id]).await {
                Ok(read) => records.extend(read),
                Err(StoreError::Corrupt(reason)) => {
                    tracing::warn!(task.id = %id, reason, "a task cannot be read; no list has it");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(records)
    }

    /// Those of one partition that are there.
    pub(super) async fn read_some(&self, partition: u16, ids: &[TaskId]) -> Result<Vec<TaskRecord>, StoreError> {
        let mut records = Vec::with_capacity(ids.len());
        let mut rest = ids;
        while !rest.is_empty() {
            let call = READ.call(&self.keys.of(partition)).arg(MOST_ANSWERED_BYTES);
            let call = rest.iter().fold(call, |call, id| call.arg(id.to_string()));
            let answers = reply::list(unpacked(self.nodes.call(partition, &call).await?)?)?;
            // It answers at least one.
            let (read, behind) = rest.split_at(answers.len().clamp(1, rest.len()));
            for (id, answer) in read.iter().zip(answers) {
                let mut parts = reply::list(answer)?.into_iter();
                if let (Some(flat), Some(details), Some(waits)) = (parts.next(), parts.next(), parts.next()) {
                    let fields = Fields::read(flat)?;
                    records.push(fields.into_record(*id, &reply::bytes(details)?, &reply::bytes(waits)?)?);
                }
            }
            rest = behind;
        }
        Ok(records)
    }
}

/// The lists by state that say all that is asked for; the one list of all tasks where there is none of a state.
fn lists_of(states: &[WireState]) -> Vec<Option<(TaskState, WireState)>> {
    let listed: Option<BTreeMap<&str, (TaskState, WireState)>> = states
        .iter()
        .map(|shown| match shown {
            WireState::Waiting => Some(TaskState::Waiting),
            WireState::Paused => Some(TaskState::Paused),
            WireState::Failure => Some(TaskState::Failed),
            WireState::Cancelled => Some(TaskState::Cancelled),
            _ => None,
        })
        .zip(states)
        .map(|(state, shown)| Some((shown.as_str(), (state?, *shown))))
        .collect();
    match listed {
        Some(lists) if !lists.is_empty() => lists.into_values().map(Some).collect(),
        _ => vec![None],
    }
}

/// Whether only the whole task says if it is asked for.
fn is_read_whole(filter: &TaskFilter) -> bool {
    filter.text.is_some() || filter.tag.is_some() || filter.created_after.is_some() || filter.created_before.is_some()
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
