//! The live part: what watchers of tasks see, at a cost that does not grow with their number.
//!
//! ```text
//!   store, feed ──▶ pump (one per watched task) ──▶ Channel ──▶ cursor in a watcher's body (thousands)
//!                   folds the log, frames once      newest snapshot,   a number, a slot for one waker
//!                                                   ring of events
//! ```
//!
//! A channel begins with its task's first watcher and ends with its last. A watcher is the body of its response and
//! nothing else: no task, no timer, no queue. It takes from the channel when the client can take more, so a slow
//! client gets newer snapshots instead of a backlog. One wheel per process wakes those whose comment is due.

mod channel;
mod cursor_token;
mod end_wait;
mod event_cursor;
mod event_stream;
mod frames;
mod many_stream;
mod members;
mod pace;
mod pump;
mod ring;
mod slots;
mod snapshot_cursor;
mod snapshot_stream;
#[cfg(test)]
mod tests;
mod unfolded;
mod view_of;
mod watched;
mod wheel;

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use caudal_engine::Engine;
use caudal_engine::ports::StoreError;
use caudal_engine::task::TaskId;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

pub(crate) use cursor_token::{CursorToken, Lane};
pub(crate) use event_stream::EventStream;
pub(crate) use many_stream::{MOST_TASKS, ManyStream, Source, Wanted};
pub(crate) use members::View;
pub(crate) use snapshot_stream::SnapshotStream;
pub(crate) use view_of::{view_of, view_with};
pub(crate) use watched::Watched;

use channel::Channel;
use slots::Slots;

/// A comment is sent this often, so that proxies keep the connection and a gone client is noticed.
const BEATS_BETWEEN_COMMENTS: u64 = 15;

thread_local! {
    /// Whether this thread answers requests.
    static SERVES: Cell<bool> = const { Cell::new(false) };
}

/// To be called on each thread that answers requests.
pub(crate) fn serve_here() {
    SERVES.set(true);
}

/// The connections that watch in this process.
const WATCHERS: &str = "caudal_watchers";

pub(crate) struct Live {
    engine: Engine,
    /// For the wheel, and for pumps where no thread serves.
    runtime: Handle,
    channels: Mutex<HashMap<TaskId, Weak<Channel>>>,
    /// Connections over many tasks: they hold a slot here for their comments and for changes of the list.
    broad: Mutex<Slots>,
    /// Seconds since the start, counted by the wheel.
    beat: AtomicU64,
    /// Counts changes of any task.
    changes: AtomicU64,
    connections: AtomicUsize,
    stop: CancellationToken,
}

impl Live {
    pub(crate) fn new(engine: Engine, runtime: Handle) -> Arc<Self> {
        // There before the first one comes. A process may serve on several addresses: all of them count.
        metrics::gauge!(WATCHERS).increment(0.0);
        Arc::new(Self {
            engine,
            runtime,
            channels: Mutex::default(),
            broad: Mutex::default(),
            beat: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            stop: CancellationToken::new(),
        })
    }

    /// Starts the wheel that sends comments and tells lists of changes.
    pub(crate) fn start_wheel(self: &Arc<Self>) {
        self.runtime.spawn(wheel::turn(Arc::downgrade(self), self.engine.feed.changes(), self.stop.clone()));
    }

    /// How many connections watch now.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Ends all streams; their clients come back to whoever serves then.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
        for channel in self.open_channels() {
            channel.wake_all();
        }
        let wakers = self.broad().take_all();
        wakers.into_iter().for_each(std::task::Waker::wake);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Whether the task ended before so much time had passed.
    pub(crate) async fn wait_for_end(self: &Arc<Self>, task: TaskId, most: Duration) -> Result<bool, StoreError> {
        let waiting = async {
            let channel = self.channel(task).await?;
            end_wait::EndWait::new(channel).await;
            Ok(true)
        };
        tokio::select! {
            answer = tokio::time::timeout(most, waiting) => answer.unwrap_or(Ok(false)),
            () = self.stop.cancelled() => Ok(false),
        }
    }

    /// Whether its log is read here already.
    pub(crate) fn reads(&self, task: TaskId) -> bool {
        self.channels().get(&task).is_some_and(|channel| channel.strong_count() > 0)
    }

    /// The channel of this task, folded up to now. It lives as long as somebody holds it.
    pub(crate) async fn channel(self: &Arc<Self>, watched: impl Into<Watched>) -> Result<Arc<Channel>, StoreError> {
        let channel = self.channel_at_once(watched.into());
        channel.loaded().await?;
        Ok(channel)
    }

    /// The same before it is folded: who takes a place now is served from what is read.
    fn channel_at_once(self: &Arc<Self>, watched: Watched) -> Arc<Channel> {
        let task = watched.task;
        let mut channels = self.channels();
        if let Some(channel) = channels.get(&task).and_then(Weak::upgrade) {
            return channel;
        }
        let channel = Channel::new(task, Arc::downgrade(self));
        channels.insert(task, Arc::downgrade(&channel));
        self.start(pump::Pump::new(&channel, self.engine.clone(), watched));
        channel
    }

    /// Runs a pump on the thread of its first watcher, who is then told without another thread being woken; most tasks
    /// have one. Where no thread serves, as in tests, it runs anywhere.
    fn start(&self, pump: pump::Pump) {
        if SERVES.get() {
            drop(actix_web::rt::spawn(pump.run()));
        } else {
            drop(self.runtime.spawn(pump.run()));
        }
    }

    /// Called by a channel that nobody holds any more.
    fn forget(&self, task: TaskId) {
        let mut channels = self.channels();
        // Another may have taken its place.
        if channels.get(&task).is_some_and(|channel| channel.strong_count() == 0) {
            channels.remove(&task);
        }
    }

    fn beat(&self) -> u64 {
        self.beat.load(Ordering::Relaxed)
    }

    /// A second has passed: wakes those whose comment is due.
    fn turn_wheel(&self) {
        let beat = self.beat.fetch_add(1, Ordering::Relaxed) + 1;
        for channel in self.open_channels() {
            channel.wake_due(beat);
        }
        let wakers = self.broad().take_due(beat);
        wakers.into_iter().for_each(std::task::Waker::wake);
    }

    /// Lists may have changed: wakes the streams that follow one.
    fn tell_changes(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let wakers = self.broad().take_all();
        wakers.into_iter().for_each(std::task::Waker::wake);
    }

    fn open_channels(&self) -> Vec<Arc<Channel>> {
        self.channels().values().filter_map(Weak::upgrade).collect()
    }

    fn channels(&self) -> MutexGuard<'_, HashMap<TaskId, Weak<Channel>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn broad(&self) -> MutexGuard<'_, Slots> {
        self.broad.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One watching connection, counted while it lives, and the moment of its next comment.
struct Connection {
    live: Arc<Live>,
    comment_at: u64,
}

impl Connection {
    fn new(live: Arc<Live>) -> Self {
        live.connections.fetch_add(1, Ordering::Relaxed);
        metrics::gauge!(WATCHERS).increment(1.0);
        let comment_at = live.beat() + BEATS_BETWEEN_COMMENTS;
        Self { live, comment_at }
    }

    /// Whether it is time for a comment; if so, the next is due a period later.
    fn comment_is_due(&mut self) -> bool {
        let beat = self.live.beat();
        let due = beat >= self.comment_at;
        if due {
            self.comment_at = beat + BEATS_BETWEEN_COMMENTS;
        }
        due
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.live.connections.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!(WATCHERS).decrement(1.0);
    }
}
