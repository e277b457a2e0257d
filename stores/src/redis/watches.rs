//! The tasks that somebody in this process watches, and how far their news was told.
//!
//! Watching is begun in the feed, without asking anybody; then the store is read. So it is the first operation on a
//! watched task that has the task's channel subscribed, and it waits for that: what comes after it is heard.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caudal_engine::ports::{Feed, News};
use caudal_engine::task::{LogEntry, TaskId};
use tokio::sync::Notify;

use super::news;

/// An operation does not wait longer for news to be heard; who watches is then told later that there may be more.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where something is subscribed: the node, and which of its connections.
pub(super) type Place = (String, u64);

#[derive(Debug, Default)]
struct Watched {
    /// Where it is subscribed.
    at: Option<Place>,
    /// Who waits for that.
    standing: Option<Arc<Notify>>,
    /// The newest event that was told; none before the first.
    told: Option<u64>,
    /// An operation went on before anything was heard: something may have been missed.
    in_doubt: bool,
    /// The head a second ago, when it was beyond what was told.
    lagging: Option<u64>,
    /// It was told that the live part has it no more.
    gone: bool,
}

impl Watched {
    /// Who waits for the subscription goes on: it is there, or nobody watches any more.
    fn release(&mut self) {
        if let Some(standing) = self.standing.take() {
            standing.notify_waiters();
        }
    }

    /// The news in it, if there is any.
    fn tell(&mut self, task: TaskId, head: u64, entries: Vec<LogEntry>) -> Option<News> {
        let news = news::beyond(task, head, entries, self.told.unwrap_or(0))?;
        (self.told, self.lagging) = (Some(head), None);
        Some(news)
    }
}

pub(super) struct Watches {
    pub(super) feed: Arc<Feed>,
    tasks: Mutex<HashMap<TaskId, Watched>>,
    /// Those that came since the last look, so that nobody looks at thousands for the sake of one.
    arrivals: Mutex<HashSet<TaskId>>,
    /// Somebody waits to be subscribed.
    pub(super) wanted: Notify,
}

impl Watches {
    pub(super) fn new(feed: Arc<Feed>) -> Arc<Self> {
        Arc::new(Self { feed, tasks: Mutex::default(), arrivals: Mutex::default(), wanted: Notify::new() })
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<TaskId, Watched>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when news of the task is heard, if it is watched.
    pub(super) async fn stand(&self, task: TaskId) {
        if !self.feed.is_watched(task) {
            return;
        }
        let Some(subscribed) = self.standing(task) else { return };
        self.arrivals().insert(task);
        self.wanted.notify_one();
        let subscribed = subscribed.notified();
        tokio::pin!(subscribed);
        // It may have been subscribed meanwhile, or given up.
        subscribed.as_mut().enable();
        let standing = async {
            if self.tasks().get(&task).is_some_and(|watched| watched.at.is_none()) {
                subscribed.await;
            }
        };
        if tokio::time::timeout(PATIENCE, standing).await.is_err()
            && let Some(watched) = self.tasks().get_mut(&task)
        {
            watched.in_doubt = watched.at.is_none();
        }
    }

    /// What tells when it is subscribed; none where it is.
    fn standing(&self, task: TaskId) -> Option<Arc<Notify>> {
        let mut tasks = self.tasks();
        let watched = tasks.entry(task).or_default();
        watched.at.is_none().then(|| watched.standing.get_or_insert_default().clone())
    }

    fn arrivals(&self) -> MutexGuard<'_, HashSet<TaskId>> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came since the last look and has not gone again.
    pub(super) fn take_arrivals(&self) -> Vec<(TaskId, Option<Place>)> {
        let arrivals = std::mem::take(&mut *self.arrivals());
        let tasks = self.tasks();
        arrivals.into_iter().filter(|task| tasks.contains_key(task)).map(|task| (task, None)).collect()
    }

    /// What is to be subscribed and where it is now.
    pub(super) fn all(&self) -> Vec<(TaskId, Option<Place>)> {
        self.tasks().iter().map(|(task, watched)| (*task, watched.at.clone())).collect()
    }

    pub(super) fn contains(&self, task: TaskId) -> bool {
        self.tasks().contains_key(&task)
    }

    /// Forgets some of what nobody watches any more; answers it.
    pub(super) fn drop_abandoned(&self, most: usize) -> Vec<TaskId> {
        let mut tasks = self.tasks();
        let abandoned = tasks.keys().copied().filter(|task| !self.feed.is_watched(*task));
        let abandoned: Vec<TaskId> = abandoned.take(most).collect();
        for mut watched in abandoned.iter().filter_map(|task| tasks.remove(task)) {
            watched.release();
        }
        abandoned
    }

    /// It is subscribed there from now on. Answers whether something may have been missed before.
    pub(super) fn subscribed(&self, task: TaskId, at: Place) -> bool {
        let mut tasks = self.tasks();
        let Some(watched) = tasks.get_mut(&task) else { return false };
        let was_subscribed = watched.at.replace(at).is_some();
        watched.release();
        std::mem::take(&mut watched.in_doubt) || was_subscribed
    }

    /// News up to this head: the entries, or that there may be some.
    pub(super) fn heard(&self, task: TaskId, head: u64, entries: Vec<LogEntry>) {
        let mut tasks = self.tasks();
        let Some(watched) = tasks.get_mut(&task) else { return };
        let news = watched.tell(task, head, entries);
        drop(tasks);
        self.publish(news);
    }

    /// Once a second the heads are asked for: one that was ahead a second ago and still is was not told.
    pub(super) fn saw_head(&self, task: TaskId, head: u64) {
        let mut tasks = self.tasks();
        let Some(watched) = tasks.get_mut(&task) else { return };
        let is_new = head > watched.told.unwrap_or(0);
        let was_missed = watched.told.is_none() || watched.lagging > watched.told;
        watched.lagging = is_new.then_some(head);
        // Of what is known already nobody reads anything.
        let news = (is_new && was_missed).then(|| watched.tell(task, head, Vec::new())).flatten();
        drop(tasks);
        self.publish(news);
    }

    /// It was archived, or forgotten, and its last news may have been lost with it: whoever watches reads what there is.
    pub(super) fn saw_it_gone(&self, task: TaskId) {
        let is_new = self.tasks().get_mut(&task).is_some_and(|watched| !std::mem::replace(&mut watched.gone, true));
        let all_there_is = News { task, head: u64::MAX, entries: Arc::from([]) };
        self.publish(is_new.then_some(all_there_is));
    }

    fn publish(&self, news: Option<News>) {
        if let Some(news) = news {
            self.feed.publish(news);
        }
    }
}

#[cfg(test)]
mod tests {
    use caudal_engine::task::Timestamp;

    use super::*;

    fn place() -> Place {
        ("here".to_owned(), 1)
    }

    /// Goal: nothing is told twice, and a lost last event is told within two looks at the heads.
    #[tokio::test]
    async fn a_lost_event_is_noticed() {
        let watches = Watches::new(Arc::default());
        let task = TaskId::from_parts(Timestamp::default(), 0, 1);
        let mut watch = watches.feed.watch(task);
        let standing = tokio::spawn({
            let watches = watches.clone();
            async move { watches.stand(task).await }
        });
        watches.wanted.notified().await;
        assert_eq!(watches.take_arrivals(), [(task, None)]);
        assert!(!watches.subscribed(task, place()), "who reads now sees all of it");
        standing.await.unwrap();
        let entries = |from: u64, to: u64| (from..=to).map(|seq| LogEntry::new(seq, "{}")).collect::<Vec<_>>();
        watches.heard(task, 5, entries(4, 5));
        assert_eq!(watch.try_next().unwrap().entries.len(), 2);
        watches.heard(task, 5, entries(4, 5));
        assert!(watch.try_next().is_none());
        watches.saw_head(task, 6);
        watches.heard(task, 6, entries(6, 6));
        assert_eq!(watch.try_next().unwrap().head, 6);
        watches.saw_head(task, 6);
        watches.saw_head(task, 7);
        assert!(watch.try_next().is_none());
        watches.saw_head(task, 7);
        let news = watch.try_next().unwrap();
        assert_eq!((news.head, news.entries.len()), (7, 0));
        assert!(watches.subscribed(task, ("there".to_owned(), 1)), "while it was not subscribed");
        watches.heard(task, 9, Vec::new());
        assert_eq!(watch.try_next().unwrap().head, 9);
        watches.saw_it_gone(task);
        watches.saw_it_gone(task);
        let news = watch.try_next().unwrap();
        assert!(news.is_urgent() && news.head > 9, "its end may have been lost");
        assert!(watch.try_next().is_none());
        drop(watch);
        assert_eq!(watches.drop_abandoned(10), [task]);
        assert!(!watches.contains(task));
    }

    /// Goal: who waits for a subscription waits no longer when nobody watches any more.
    #[tokio::test(start_paused = true)]
    async fn an_abandoned_watch_holds_up_nobody() {
        let watches = Watches::new(Arc::default());
        let task = TaskId::from_parts(Timestamp::default(), 0, 1);
        let watch = watches.feed.watch(task);
        let mut standing = tokio::spawn({
            let watches = watches.clone();
            async move { watches.stand(task).await }
        });
        watches.wanted.notified().await;
        let began = tokio::time::Instant::now();
        drop(watch);
        assert_eq!(watches.drop_abandoned(10), [task]);
        (&mut standing).await.unwrap();
        assert!(began.elapsed() < PATIENCE);
    }
}
