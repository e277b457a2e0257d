//! The feed of a process: news of tasks for those who watch.
//!
//! A store publishes here what has become durable: one subscription per process, however many watch. News carries
//! the new entries themselves, so that nobody reads them back from the store; a watcher that fell behind, or news
//! without entries, is answered by reading the store after the last number seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use tokio::sync::{Notify, broadcast, mpsc};

use super::recent_logs::{LogEnd, RecentLogs};
use crate::task::{LogEntry, TaskId, Tenant, WireState};

/// Something new in the log of a watched task.
#[derive(Debug, Clone)]
pub struct News {
    pub task: TaskId,
    pub head: u64,
    /// The entries up to `head`, in order and without a gap; empty when they must be read.
    pub entries: Arc<[LogEntry]>,
}

impl News {
    /// Whether it must be looked at now: it ends the log, or does not say what came.
    pub fn is_urgent(&self) -> bool {
        self.entries.last().is_none_or(LogEntry::is_terminal)
    }
}

/// A task came, changed its state or went; for lists, whatever they watch.
#[derive(Debug, Clone)]
pub struct TaskChange {
    pub task: TaskId,
    pub tenant: Tenant,
    pub flow: Arc<str>,
    pub state: WireState,
}

/// A change with the moment at which it was told: who listens need not listen all the time.
#[derive(Debug, Clone)]
pub struct ToldChange {
    pub change: TaskChange,
    pub at: Instant,
}

/// The other end of a watch.
#[derive(Debug)]
struct Watcher {
    number: u64,
    news: mpsc::UnboundedSender<News>,
    urgent: Arc<Notify>,
}

#[derive(Debug)]
pub struct Feed {
    watches: RwLock<HashMap<TaskId, Vec<Watcher>>>,
    changes: broadcast::Sender<ToldChange>,
    next: Mutex<u64>,
    recent: RecentLogs,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            watches: RwLock::default(),
            changes: broadcast::channel(4096).0,
            next: Mutex::default(),
            recent: RecentLogs::default(),
        }
    }
}

impl Feed {
    /// Whether a store needs to build news for this task at all.
    pub fn is_watched(&self, task: TaskId) -> bool {
        self.watches.read().unwrap_or_else(PoisonError::into_inner).contains_key(&task)
    }

    pub fn publish(&self, news: News) {
        let watches = self.watches.read().unwrap_or_else(PoisonError::into_inner);
        for watcher in watches.get(&news.task).into_iter().flatten() {
            // A watch that is gone takes itself out.
            let _ = watcher.news.send(news.clone());
            if news.is_urgent() {
                watcher.urgent.notify_one();
            }
        }
    }

    /// A page of a log that this process has written, bodies on a line each: kept for a while, if `birth` names the
    /// tenant of a new task or the log's beginning was kept, and told to those who watch.
    pub fn publish_page(&self, task: TaskId, first: u64, page: String, birth: Option<Tenant>) {
        let page: Arc<str> = page.into();
        // Kept before it is told: who begins to watch in between has it from the one or the other.
        match birth {
            Some(tenant) => self.recent.begin(task, tenant, page.clone()),
            None => self.recent.go_on(task, first, page.clone()),
        }
        if self.is_watched(task) {
            let entries: Arc<[LogEntry]> =
                (first..).zip(page.split('\n')).map(|(seq, body)| LogEntry::new(seq, body)).collect();
            let head = entries.last().map_or(first, |entry| entry.seq);
            self.publish(News { task, head, entries });
        }
    }

    /// Where the log of a task ends that was born here a moment ago. To be asked after the watch began.
    pub fn recent_end(&self, tenant: &Tenant, task: TaskId) -> Option<LogEnd> {
        self.recent.end_of(tenant, task)
    }

    /// The whole log of such a task.
    pub fn recent_entries(&self, task: TaskId) -> Option<Vec<LogEntry>> {
        self.recent.entries(task)
    }

    /// The task was deleted.
    pub fn forget(&self, task: TaskId) {
        self.recent.forget(task);
    }

    pub fn publish_change(&self, change: TaskChange) {
        // Nobody listening is fine.
        let _ = self.changes.send(ToldChange { change, at: Instant::now() });
    }

    /// Watches one task from now on. Begin to watch first, then read the store: what comes between is then in both.
    ///
    /// One watch per process and task is meant (the web's live view); it must drain the news promptly.
    pub fn watch(self: &Arc<Self>, task: TaskId) -> Watch {
        let (sender, news) = mpsc::unbounded_channel();
        let urgent = Arc::new(Notify::new());
        let number = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            *next += 1;
            *next
        };
        let watcher = Watcher { number, news: sender, urgent: urgent.clone() };
        self.watches.write().unwrap_or_else(PoisonError::into_inner).entry(task).or_default().push(watcher);
        Watch { feed: self.clone(), task, number, news, urgent }
    }

    /// Changes of all tasks. A listener that falls behind gets `Lagged` and asks for the list again. On a busy server there are
    /// thousands a second: each wakes a thread for whoever waits for the next one, so it is better not to wait for each.
    pub fn changes(&self) -> broadcast::Receiver<ToldChange> {
        self.changes.subscribe()
    }
}

/// One watch of one task.
#[derive(Debug)]
pub struct Watch {
    feed: Arc<Feed>,
    task: TaskId,
    number: u64,
    news: mpsc::UnboundedReceiver<News>,
    urgent: Arc<Notify>,
}

impl Watch {
    pub async fn next(&mut self) -> Option<News> {
        self.news.recv().await
    }

    /// Returns when there is news that must be looked at now; whoever waits for this alone is not woken by others.
    pub async fn urgent(&self) {
        self.urgent.notified().await;
    }

    pub fn try_next(&mut self) -> Option<News> {
        self.news.try_recv().ok()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watches = self.feed.watches.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(watchers) = watches.get_mut(&self.task) {
            watchers.retain(|watcher| watcher.number != self.number);
            if watchers.is_empty() {
                watches.remove(&self.task);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::task::Timestamp;

    /// Goal: who waits for urgent news hears of the end and of what must be read, and nothing is lost meanwhile.
    #[test]
    fn what_is_urgent() {
        let (feed, task) = (Arc::new(Feed::default()), TaskId::from_parts(Timestamp::from_millis(1), 0, 1));
        let mut watch = feed.watch(task);
        let tell = |head, body: Option<&str>| {
            feed.publish(News {
                task,
                head,
                entries: body.map(|body| LogEntry::new(head, body)).into_iter().collect(),
            });
        };
        tell(1, Some("{\"kind\":\"log\"}"));
        assert!(watch.urgent().now_or_never().is_none());
        tell(2, None);
        assert!(watch.urgent().now_or_never().is_some());
        tell(3, Some("{\"kind\":\"log\"}"));
        assert!(watch.urgent().now_or_never().is_none());
        tell(4, Some("{\"kind\":\"task.succeeded\"}"));
        assert!(watch.urgent().now_or_never().is_some());
        let heads: Vec<u64> = std::iter::from_fn(|| watch.try_next()).map(|news| news.head).collect();
        assert_eq!(heads, [1, 2, 3, 4]);
    }
}
