//! The pump of a watched task: reads its log, folds it, publishes, and goes on with what the feed brings, gaplessly.
//!
//! It never publishes faster than clients may be sent, and nothing that shows what was shown already; the end goes
//! out at once. When the feed leaves a gap, or another process may have written, it reads the store.

use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use caudal_engine::Engine;
use caudal_engine::ports::{News, StoreError, Watch};
use caudal_engine::task::{LogEntry, TaskId, TaskView};

use super::channel::{Channel, Signs};
use super::frames::Snapshot;
use super::unfolded::Unfolded;
use super::watched::Watched;

/// At most 20 snapshots in any second, the first one and the end included.
const BETWEEN_SNAPSHOTS: Duration = Duration::from_millis(56);
/// What comes within this time after readers of the log were told is told together: about a frame of a screen. A running
/// task may write every few hundred microseconds, and each telling wakes a thread and sends a packet for every reader.
const GATHERING: Duration = Duration::from_millis(16);
const BETWEEN_HEAD_CHECKS: Duration = Duration::from_secs(1);
const AFTER_STORE_ERROR: Duration = Duration::from_millis(500);
pub(super) const PAGE_BYTES: usize = 256 * 1024;

pub(super) struct Pump {
    channel: Weak<Channel>,
    signs: Signs,
    task: TaskId,
    engine: Engine,
    watch: Watch,
    /// The newest event that is taken in.
    head: u64,
    /// The newest one that was heard of: up to here the store has what the feed does not bring.
    behind_to: u64,
    /// The log's beginning, as it was read when the watch began.
    known: Vec<LogEntry>,
    view: TaskView,
    /// Taken in, but not folded into the view before somebody wants to see it.
    unfolded: Unfolded,
    /// When readers of the log were told last.
    told: Option<Instant>,
    /// When the next snapshot may be published.
    publish_from: Instant,
    head_check_at: Option<Instant>,
}

impl Pump {
    pub(super) fn new(channel: &Arc<Channel>, engine: Engine, watched: Watched) -> Self {
        let now = Instant::now();
        // To watch comes before to read: what comes between is then in both.
        let watch = watched.watch.unwrap_or_else(|| engine.feed.watch(channel.task));
        // Another process's news may get lost on the way.
        let head_check_at = (!engine.store.finds_lost_news()).then_some(now + BETWEEN_HEAD_CHECKS);
        Self {
            channel: Arc::downgrade(channel),
            signs: channel.signs.clone(),
            task: channel.task,
            engine,
            watch,
            head: 0,
            // Of what is not known the store is asked.
            behind_to: watched.head.unwrap_or(u64::MAX),
            known: watched.entries,
            view: TaskView::default(),
            unfolded: Unfolded::default(),
            told: None,
            publish_from: now,
            head_check_at,
        }
    }

    /// Ends with the task or with the last watcher.
    pub(super) async fn run(mut self) {
        let abandoned = self.signs.abandoned.clone();
        tokio::select! {
            () = abandoned.cancelled() => {}
            () = self.pump() => {}
        }
    }

    async fn pump(&mut self) {
        let loaded = self.read_from_the_beginning().await;
        let failed = loaded.is_err();
        if let Some(channel) = self.channel.upgrade() {
            channel.set_loaded(loaded);
        }
        if failed {
            return;
        }
        // Who came first is told what is there, and what comes right after with what comes then.
        self.told = Some(Instant::now());
        loop {
            let Some(wake_at) = self.publish() else { return };
            self.wait(wake_at).await;
        }
    }

    /// Waits for whatever comes first, and takes it in.
    async fn wait(&mut self, wake_at: Option<Instant>) {
        let timer = async {
            match wake_at {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(timer);
        // What comes right after readers were told is let come together. Only what is urgent wakes this meanwhile.
        let is_time = match self.told.map(|told| told + GATHERING).filter(|until| *until > Instant::now()) {
            Some(until) => tokio::select! {
                () = self.watch.urgent() => true,
                () = self.signs.poke.notified() => true,
                () = &mut timer => true,
                () = tokio::time::sleep_until(until.into()) => false,
            },
            None => false,
        };
        if !is_time {
            tokio::select! {
                news = self.watch.next() => match news {
                    Some(news) => self.take_in(news),
                    None => std::future::pending().await,
                },
                () = self.signs.poke.notified() => {}
                () = timer => {}
            }
        }
        while let Some(news) = self.watch.try_next() {
            self.take_in(news);
        }
        if self.head_check_at.is_some_and(|at| at <= Instant::now()) {
            self.check_head().await;
        }
        if self.behind_to > self.head
            && let Err(error) = self.read_store().await
        {
            tracing::warn!(task.id = %self.task, %error, "a watched task cannot be read; trying again");
            tokio::time::sleep(AFTER_STORE_ERROR).await;
        }
    }

    fn take_in(&mut self, news: News) {
        if news.entries.first().is_some_and(|first| first.seq <= self.head + 1) {
            self.take(&news.entries);
        }
        self.behind_to = self.behind_to.max(news.head);
    }

    async fn check_head(&mut self) {
        self.head_check_at = Some(Instant::now() + BETWEEN_HEAD_CHECKS);
        // A failed check is made again in a second.
        if let Ok(Some(last)) = self.engine.store.last_event(self.task).await {
            self.behind_to = self.behind_to.max(last.seq);
        }
    }

    /// From what was told a moment ago, if it is that new, else from what came with the record, else from the store.
    async fn read_from_the_beginning(&mut self) -> Result<(), StoreError> {
        let known = std::mem::take(&mut self.known);
        if let Some(entries) = self.engine.feed.recent_entries(self.task) {
            self.take(&entries);
            // The watch began before: what came since is in it.
            self.behind_to = self.head;
        } else {
            self.take(&known);
        }
        self.read_store().await
    }

    async fn read_store(&mut self) -> Result<(), StoreError> {
        while self.head < self.behind_to {
            let entries = self.engine.store.events(self.task, self.head, PAGE_BYTES).await?;
            if entries.is_empty() {
                // What was heard of and is not there is gone: the task was forgotten.
                self.behind_to = self.head;
            }
            if !self.take(&entries) {
                break;
            }
        }
        Ok(())
    }

    /// Takes in what is new, and hands it to the readers of the log. False when nobody watches any more.
    fn take(&mut self, entries: &[LogEntry]) -> bool {
        let Some(channel) = self.channel.upgrade() else { return false };
        let known = self.head;
        let new = || entries.iter().filter(|entry| entry.seq > known);
        let Some(last) = new().next_back() else { return true };
        self.head = last.seq;
        self.unfolded.add(new().cloned());
        let mut state = channel.state();
        state.head = last.seq;
        state.ended = last.is_terminal();
        let readers = if state.event_slots.is_empty() {
            state.ring.clear();
            Vec::new()
        } else {
            state.ring.push(new().cloned().collect());
            state.event_slots.take_all()
        };
        if state.is_wanted() {
            state.dirty |= self.fold();
        } else {
            // Whoever comes finds that there is something to see; until then it need not be known what.
            state.dirty = true;
            if self.unfolded.is_too_much() {
                self.fold();
            }
        }
        drop(state);
        if !readers.is_empty() {
            self.told = Some(Instant::now());
        }
        readers.into_iter().for_each(Waker::wake);
        true
    }

    /// Brings the view up to date. Answers whether it shows something else now.
    fn fold(&mut self) -> bool {
        let mut changed = false;
        for entry in self.unfolded.take() {
            match entry.event() {
                Ok(event) => changed |= self.view.apply(&event),
                // Of a newer version of this program; it is in the log all the same.
                Err(error) => {
                    tracing::debug!(task.id = %self.task, %error, "an event cannot be understood");
                    self.view.seq = entry.seq;
                }
            }
        }
        changed
    }

    /// Publishes if there is something to show, somebody to see it and it is time. Answers when to look again, or
    /// nothing when it is over.
    fn publish(&mut self) -> Option<Option<Instant>> {
        let channel = self.channel.upgrade()?;
        let now = Instant::now();
        if !self.unfolded.is_empty() && channel.state().is_wanted() {
            let changed = self.fold();
            channel.state().dirty |= changed;
        }
        self.publish_snapshot(&channel, now);
        let mut state = channel.state();
        let mut wakers: Vec<Waker> = Vec::new();
        if state.ended {
            wakers.extend(state.end_slots.take_all());
        }
        if state.deferred_until.is_some_and(|at| at <= now) {
            let (allowed, next) = state.snapshot_slots.take_allowed(now);
            wakers.extend(allowed);
            // Not one by one: those that come close together are woken together.
            state.deferred_until = next.map(|at| at.max(now + BETWEEN_SNAPSHOTS));
        }
        let publish_at = (state.dirty && state.is_wanted()).then_some(self.publish_from);
        let head_check_at = self.head_check_at.filter(|_| !state.ended);
        let wake_at = [publish_at, state.deferred_until, head_check_at].into_iter().flatten().min();
        // Whoever comes to see it after the end finds the pump waiting until then.
        let over = state.ended && state.deferred_until.is_none() && !state.dirty;
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        if over { None } else { Some(wake_at) }
    }

    fn publish_snapshot(&mut self, channel: &Channel, now: Instant) {
        let before = {
            let mut state = channel.state();
            let may = state.ended || state.snapshot.is_none() || now >= self.publish_from;
            if !(state.dirty && state.is_wanted() && may) {
                return;
            }
            state.dirty = false;
            state.snapshot.clone()
        };
        // Written without the lock: a large view takes a while, and nobody else publishes.
        let snapshot = Snapshot::of(&self.view, before.as_ref().map_or(1, |before| before.number + 1));
        if before.is_some_and(|before| before.shows_the_same_as(&snapshot)) {
            return;
        }
        self.publish_from = now + BETWEEN_SNAPSHOTS;
        let mut state = channel.state();
        state.snapshot = Some(Arc::new(snapshot));
        let watchers = state.snapshot_slots.take_all();
        drop(state);
        watchers.into_iter().for_each(Waker::wake);
    }
}
