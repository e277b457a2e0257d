//! The logs of tasks that were born in this process a moment ago, whole: who starts a task watches it next, and need not
//! ask the store for what it has just told.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::task::{LogEntry, TaskId, Tenant};

const MOST_TASKS: usize = 256;
const MOST_BYTES: usize = 1024 * 1024;
/// A log that grows beyond it is no longer kept.
const MOST_BYTES_OF_ONE: usize = 64 * 1024;

/// Where a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEnd {
    pub head: u64,
    /// Its last event is terminal.
    pub ended: bool,
}

#[derive(Debug, Default)]
pub(super) struct RecentLogs(Mutex<Logs>);

#[derive(Debug, Default)]
struct Logs {
    by_task: HashMap<TaskId, RecentLog>,
    /// Oldest first; some may be gone already.
    order: VecDeque<TaskId>,
    bytes: usize,
}

#[derive(Debug)]
struct RecentLog {
    tenant: Tenant,
    end: LogEnd,
    /// Bodies on a line each, as they were written.
    pages: Vec<Arc<str>>,
    bytes: usize,
}

impl RecentLogs {
    /// The first page of a new task's log.
    pub(super) fn begin(&self, task: TaskId, tenant: Tenant, page: Arc<str>) {
        let mut logs = self.logs();
        logs.forget(task);
        let end = LogEnd { head: 0, ended: false };
        logs.by_task.insert(task, RecentLog { tenant, end, pages: Vec::new(), bytes: 0 });
        logs.order.push_back(task);
        logs.go_on(task, 1, page);
        while logs.by_task.len() > MOST_TASKS || logs.bytes > MOST_BYTES {
            let Some(oldest) = logs.order.pop_front() else { break };
            logs.forget(oldest);
        }
    }

    /// A page whose first event has this number. One that does not follow makes the log unknown.
    pub(super) fn go_on(&self, task: TaskId, first: u64, page: Arc<str>) {
        self.logs().go_on(task, first, page);
    }

    pub(super) fn end_of(&self, tenant: &Tenant, task: TaskId) -> Option<LogEnd> {
        self.logs().by_task.get(&task).filter(|log| log.tenant == *tenant).map(|log| log.end)
    }

    /// The whole log, from its first event on.
    pub(super) fn entries(&self, task: TaskId) -> Option<Vec<LogEntry>> {
        let pages = self.logs().by_task.get(&task)?.pages.clone();
        Some(
            (1..)
                .zip(pages.iter().flat_map(|page| page.split('\n')))
                .map(|(seq, body)| LogEntry::new(seq, body))
                .collect(),
        )
    }

    pub(super) fn forget(&self, task: TaskId) {
        self.logs().forget(task);
    }

    fn logs(&self) -> MutexGuard<'_, Logs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Logs {
    fn go_on(&mut self, task: TaskId, first: u64, page: Arc<str>) {
        let Some(log) = self.by_task.get_mut(&task) else { return };
        if first != log.end.head + 1 || log.bytes + page.len() > MOST_BYTES_OF_ONE {
            return self.forget(task);
        }
        let count = page.bytes().filter(|byte| *byte == b'\n').count() as u64 + 1;
        let head = log.end.head + count;
        let last = LogEntry::new(head, page.rsplit('\n').next().unwrap_or_default());
        log.end = LogEnd { head, ended: last.is_terminal() };
        log.bytes += page.len();
        self.bytes += page.len();
        log.pages.push(page);
    }

    fn forget(&mut self, task: TaskId) {
        if let Some(log) = self.by_task.remove(&task) {
            self.bytes -= log.bytes;
        }
        // A task that begins again later must not be taken for the one that was forgotten.
        if self.order.front() == Some(&task) {
            self.order.pop_front();
        } else if self.order.len() > 2 * MOST_TASKS {
            self.order.retain(|task| self.by_task.contains_key(task));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(number: u64) -> TaskId {
        TaskId::from_parts(crate::task::Timestamp::from_millis(1), 0, number)
    }

    /// Goal: a log is known whole or not at all, to its tenant alone, within bounds.
    #[test]
    fn whole_or_not_at_all() {
        let (logs, tenant) = (RecentLogs::default(), Tenant::default());
        logs.begin(task(1), tenant.clone(), "{\"kind\":\"task.created\"}".into());
        logs.go_on(task(1), 2, "{\"kind\":\"log\"}\n{\"kind\":\"task.succeeded\"}".into());
        assert_eq!(logs.end_of(&tenant, task(1)), Some(LogEnd { head: 3, ended: true }));
        assert_eq!(logs.end_of(&Tenant::new("other"), task(1)), None);
        let entries = logs.entries(task(1)).unwrap();
        assert_eq!(
            entries.iter().map(|entry| (entry.seq, entry.kind())).collect::<Vec<_>>(),
            [(1, "task.created"), (2, "log"), (3, "task.succeeded")]
        );
        logs.go_on(task(1), 5, "{}".into());
        assert!(logs.entries(task(1)).is_none(), "a gap");
        logs.go_on(task(2), 2, "{}".into());
        assert!(logs.entries(task(2)).is_none(), "its beginning is not known");
        for number in 0..2_000 {
            logs.begin(task(number), tenant.clone(), "x".repeat(9_000).into());
        }
        let inside = logs.logs();
        assert!(inside.by_task.len() <= MOST_TASKS && inside.bytes <= MOST_BYTES && inside.order.len() <= MOST_TASKS);
        drop(inside);
        assert!(logs.end_of(&tenant, task(1_999)).is_some());
        logs.begin(task(1_999), tenant.clone(), "x".repeat(MOST_BYTES_OF_ONE + 1).into());
        assert!(logs.end_of(&tenant, task(1_999)).is_none(), "too long for one");
    }
}
