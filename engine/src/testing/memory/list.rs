//! Reading: one task, its log, lists, figures.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::state::{State, Stored};
use crate::ports::{StoreStats, TaskFilter, TaskPage};
use crate::task::{LogEntry, TaskId, TaskState, Timestamp};

impl State {
    pub(super) fn events(&self, task: TaskId, after: u64, most_bytes: usize) -> Vec<LogEntry> {
        let Some(stored) = self.tasks.get(&task) else { return Vec::new() };
        let mut bytes = 0;
        let mut entries = Vec::new();
        for seq in after.saturating_add(1)..=stored.record.head {
            let Some(entry) = stored.entry(seq) else { break };
            bytes += entry.body.len();
            if bytes > most_bytes && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        entries
    }

    pub(super) fn list(&self, filter: &TaskFilter) -> TaskPage {
        let end = filter.cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let older = self.tasks.range((Bound::Unbounded, end)).rev().map(|(_, stored)| stored);
        let mut fitting = older.filter(|stored| fits(stored, filter)).map(|stored| stored.record.clone());
        let items: Vec<_> = fitting.by_ref().take(filter.limit).collect();
        let next = fitting.next().and(items.last()).map(|last| last.id);
        TaskPage { items, next, partial: false }
    }

    pub(super) fn stats(&self, now: Timestamp) -> StoreStats {
        let mut by_state = BTreeMap::new();
        let mut in_line = BTreeMap::new();
        for record in self.tasks.values().map(|stored| &stored.record) {
            *by_state.entry((record.flow.clone(), record.state)).or_insert(0_u64) += 1;
            if record.state == TaskState::Queued {
                let needs = record.version.max(record.ran_version);
                let line = in_line.entry(record.flow.clone()).or_insert((needs, 0_u64));
                *line = (line.0.min(needs), line.1 + 1);
            }
        }
        let due = || self.effects.line.iter().map(|(due_at, _)| *due_at).filter(|due_at| *due_at <= now);
        StoreStats {
            tasks: by_state.into_iter().map(|((flow, state), count)| (flow, state, count)).collect(),
            due: due().count() as u64,
            oldest_due: due().min(),
            bytes: self.bytes(),
            in_line: in_line.into_iter().map(|(flow, (version, count))| (flow, version, count)).collect(),
            set_aside: 0,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.tasks.values().map(|stored| stored.bytes).sum()
    }
}

fn fits(stored: &Stored, filter: &TaskFilter) -> bool {
    let record = &stored.record;
    record.tenant == filter.tenant
        && filter.flow.as_ref().is_none_or(|flow| **flow == *record.flow)
        && (filter.states.is_empty() || filter.states.contains(&record.wire_state()))
        && filter.tag.as_ref().is_none_or(|tag| record.tags.contains(tag))
        && filter.parent.is_none_or(|parent| record.parent.as_ref().is_some_and(|of| of.task == parent))
        && filter.created_after.is_none_or(|after| record.created_at > after)
        && filter.created_before.is_none_or(|before| record.created_at < before)
        && filter.text.as_ref().is_none_or(|text| says(stored, &text.to_lowercase()))
}

fn says(stored: &Stored, text: &str) -> bool {
    let record = &stored.record;
    let (id, input) = (record.id.to_string(), record.options.searchable(stored.input()));
    [&id, &*record.flow, &*record.summary.status, &*input].into_iter().any(|place| place.to_lowercase().contains(text))
}
