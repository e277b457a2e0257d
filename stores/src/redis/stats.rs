//! Figures: from what the scripts count; only the due ones are counted when asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use caudal_engine::ports::{StoreError, StoreStats};
use caudal_engine::task::{TaskState, Timestamp};
use futures_util::future::try_join_all;

use super::reply;
use super::store::RedisStore;

type Counts = BTreeMap<(Arc<str>, TaskState), i64>;

/// What one partition's line holds.
#[derive(Default)]
struct Line {
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
        for counted in try_join_all(partitions.clone().map(|partition| self.counts_in(partition))).await? {
            counted.into_iter().for_each(|(kind, count)| *counts.entry(kind).or_default() += count);
        }
        for line in try_join_all(partitions.map(|partition| self.line_in(partition, now))).await? {
            stats.due += line.due;
            let oldest = line.oldest_due.map(Timestamp::from_millis);
            stats.oldest_due = stats.oldest_due.into_iter().chain(oldest).min();
            for (flow, needs) in line.lowest {
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

    /// Changes of state are counted as `<from>><to> <flow>`: what came into a state less what left it is there.
    async fn counts_in(&self, partition: u16) -> Result<Counts, StoreError> {
        let mut command = redis::cmd("HGETALL");
        command.arg(format!("{}counts", self.keys.of(partition)));
        let mut flat = reply::list(self.nodes.send(partition, &command).await?)?.into_iter();
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

    async fn line_in(&self, partition: u16, now: i64) -> Result<Line, StoreError> {
        let keys = self.keys.of(partition);
        let mut command = redis::cmd("ZRANGE");
        command.arg(format!("{keys}lanes")).arg(0).arg(-1).arg("WITHSCORES");
        let mut lanes = reply::list(self.nodes.send(partition, &command).await?)?.into_iter();
        let (mut line, mut due) = (Line::default(), Vec::new());
        while let (Some(lane), Some(first)) = (lanes.next(), lanes.next()) {
            let (lane, first) = (reply::text(lane)?, reply::int(&first)?);
            // Two letters, the version that is needed, the flow.
            let Some((kind, flow)) = lane.split_once(' ') else { continue };
            let needs = kind.get(2..).and_then(|needs| needs.parse().ok()).unwrap_or(0);
            let known = line.lowest.entry(flow.into()).or_insert(needs);
            *known = needs.min(*known);
            if first <= now {
                line.oldest_due = line.oldest_due.into_iter().chain([first]).min();
                let mut command = redis::cmd("ZCOUNT");
                command.arg(format!("{keys}q:{lane}")).arg("-inf").arg(now);
                due.push(command);
            }
        }
        let counted = due.iter().map(|command| self.nodes.send(partition, command));
        for count in try_join_all(counted).await? {
            line.due += reply::count(&count)?;
        }
        Ok(line)
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

/// A line of `INFO`.
pub(super) fn info_field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
