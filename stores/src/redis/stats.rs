//! Figures: from what the scripts count; only the due ones are counted when asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use caudal_engine::ports::{StoreError, StoreStats};
use caudal_engine::task::{TaskState, Timestamp};
use futures_util::future::try_join_all;
use redis::Value;

use super::reply;
use super::scripts::STATS;
use super::store::RedisStore;

type Counts = BTreeMap<(Arc<str>, TaskState), i64>;

/// What one partition says.
#[derive(Default)]
struct Part {
    counts: Counts,
    set_aside: u64,
    due: u64,
    oldest_due: Option<i64>,
    /// The lowest version that a flow's tasks need.
    lowest: BTreeMap<Arc<str>, u32>,
}

impl RedisStore {
    pub(super) async fn read_stats(&self) -> Result<StoreStats, StoreError> {
        let now = self.store_now().await?;
        let partitions = 0..self.layout.partitions();
        let (mut counts, mut lowest) = (Counts::new(), BTreeMap::<Arc<str>, u32>::new());
        let mut stats = StoreStats { bytes: self.used_bytes().await?, ..StoreStats::default() };
        for part in try_join_all(partitions.map(|partition| self.part_of_stats(partition, now))).await? {
            part.counts.into_iter().for_each(|(kind, count)| *counts.entry(kind).or_default() += count);
            stats.due += part.due;
            stats.set_aside += part.set_aside;
            let oldest = part.oldest_due.map(Timestamp::from_millis);
            stats.oldest_due = stats.oldest_due.into_iter().chain(oldest).min();
            for (flow, needs) in part.lowest {
                let known = lowest.entry(flow).or_insert(needs);
                *known = needs.min(*known);
            }
        }
        for ((flow, state), count) in counts {
            let Some(count) = u64::try_from(count).ok().filter(|count| *count > 0) else { continue };
            if state == TaskState::Queued
                && let Some(needs) = lowest.get(&flow)
            {
                stats.in_line.push((flow.clone(), *needs, count));
            }
            stats.tasks.push((flow, state, count));
        }
        Ok(stats)
    }

    async fn part_of_stats(&self, partition: u16, now: i64) -> Result<Part, StoreError> {
        let answer = self.nodes.call(partition, &STATS.call(&self.keys.of(partition)).arg(now)).await?;
        let [counts, lanes, due, aside] = reply::tuple(answer)?;
        let mut part = Part { counts: counts_of(counts)?, set_aside: reply::count(&aside)?, ..Part::default() };
        let mut lanes = reply::list(lanes)?.into_iter();
        for due in reply::list(due)? {
            let (Some(lane), Some(first)) = (lanes.next(), lanes.next()) else { break };
            let (lane, first) = (reply::text(lane)?, reply::int(&first)?);
            // Two letters, the version that is needed, the flow.
            let Some((kind, flow)) = lane.split_once(' ') else { continue };
            let needs = kind.get(2..).and_then(|needs| needs.parse().ok()).unwrap_or(0);
            let known = part.lowest.entry(flow.into()).or_insert(needs);
            *known = needs.min(*known);
            part.due += reply::count(&due)?;
            if first <= now {
                part.oldest_due = part.oldest_due.into_iter().chain([first]).min();
            }
        }
        Ok(part)
    }

    /// What all servers have in memory, ours or not.
    pub(super) async fn used_bytes(&self) -> Result<u64, StoreError> {
        let mut bytes = 0;
        for node in self.nodes.all() {
            let mut command = redis::cmd("INFO");
            command.arg("memory");
            let info = node.commands.send(&command).await.map_err(|error| super::fault::to_store_error(&error))?;
            bytes += info_field(&reply::text(info)?, "used_memory").and_then(|used| used.parse().ok()).unwrap_or(0);
        }
        Ok(bytes)
    }
}

/// Changes of state are counted as `<from>><to> <flow>`: what came into a state less what left it is there.
fn counts_of(flat: Value) -> Result<Counts, StoreError> {
    let mut flat = reply::list(flat)?.into_iter();
    let mut counts = Counts::new();
    while let (Some(name), Some(count)) = (flat.next(), flat.next()) {
        let (name, count) = (reply::text(name)?, reply::int(&count)?);
        let change = name.split_once(' ').and_then(|(change, flow)| Some((change.split_once('>')?, flow)));
        let Some(((from, to), flow)) = change else { continue };
        let flow: Arc<str> = flow.into();
        for (state, count) in [(from, -count), (to, count)] {
            if let Some(state) = TaskState::parse(state) {
                *counts.entry((flow.clone(), state)).or_default() += count;
            }
        }
    }
    Ok(counts)
}

/// A line of `INFO`.
pub(super) fn info_field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
