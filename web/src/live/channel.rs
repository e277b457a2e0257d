//! What the pump of a watched task shares with all who watch it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::Instant;

use caudal_engine::ports::StoreError;
use caudal_engine::task::TaskId;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::Live;
use super::frames::Snapshot;
use super::ring::Ring;
use super::slots::Slots;

pub(crate) struct Channel {
    pub(super) task: TaskId,
    pub(super) live: Weak<Live>,
    state: Mutex<ChannelState>,
    loaded: watch::Sender<Option<Result<(), StoreError>>>,
    pub(super) signs: Signs,
}

/// What wakes the pump besides news.
#[derive(Clone, Default)]
pub(super) struct Signs {
    /// Somebody came, or spent its bytes.
    pub(super) poke: Arc<Notify>,
    /// Nobody watches any more.
    pub(super) abandoned: CancellationToken,
}

#[derive(Default)]
pub(super) struct ChannelState {
    /// The newest event that is folded.
    pub(super) head: u64,
    pub(super) ended: bool,
    pub(super) snapshot: Option<Arc<Snapshot>>,
    /// The view shows something that no snapshot does.
    pub(super) dirty: bool,
    pub(super) ring: Ring,
    pub(super) snapshot_slots: Slots,
    pub(super) event_slots: Slots,
    pub(super) end_slots: Slots,
    /// The earliest moment at which somebody who spent its bytes may have the next snapshot.
    pub(super) deferred_until: Option<Instant>,
}

impl ChannelState {
    /// Whether a snapshot would be seen by anybody.
    pub(super) fn is_wanted(&self) -> bool {
        !self.snapshot_slots.is_empty()
    }
}

impl Channel {
    pub(super) fn new(task: TaskId, live: Weak<Live>) -> Arc<Self> {
        Arc::new(Self {
            task,
            live,
            // The first view is news, whatever it shows.
            state: Mutex::new(ChannelState { dirty: true, ..ChannelState::default() }),
            loaded: watch::Sender::new(None),
            signs: Signs::default(),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, ChannelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log was read, or could not be.
    pub(super) fn set_loaded(&self, outcome: Result<(), StoreError>) {
        self.loaded.send_replace(Some(outcome));
    }

    pub(super) async fn loaded(&self) -> Result<(), StoreError> {
        let mut loaded = self.loaded.subscribe();
        let outcome = loaded.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
        outcome.unwrap_or_else(|| Err(StoreError::Unavailable("the server is stopping".to_owned())))
    }

    pub(super) fn wake_all(&self) {
        let mut state = self.state();
        let mut wakers = state.snapshot_slots.take_all();
        wakers.extend(state.event_slots.take_all());
        wakers.extend(state.end_slots.take_all());
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn wake_due(&self, beat: u64) {
        let mut state = self.state();
        let mut wakers = state.snapshot_slots.take_due(beat);
        wakers.extend(state.event_slots.take_due(beat));
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.signs.abandoned.cancel();
        if let Some(live) = self.live.upgrade() {
            live.forget(self.task);
        }
    }
}
