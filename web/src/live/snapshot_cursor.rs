//! How far one watcher of snapshots has come on one channel. It takes the newest or nothing.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::channel::Channel;
use super::frames::Snapshot;
use super::pace::Pace;

pub(super) struct SnapshotCursor {
    channel: Arc<Channel>,
    place: usize,
    /// The number of the last snapshot that was looked at.
    seen: u64,
    /// The client has seen the view of this event: nothing older is sent.
    after: u64,
    over: bool,
}

impl SnapshotCursor {
    pub(super) fn new(channel: Arc<Channel>, after: u64) -> Self {
        let mut state = channel.state();
        if state.snapshot_slots.is_empty() && state.dirty {
            // While nobody watched, nothing was published: what is there is old.
            state.snapshot = None;
        }
        let place = state.snapshot_slots.join();
        drop(state);
        channel.signs.poke.notify_one();
        Self { channel, place, seen: 0, after, over: false }
    }

    /// The newest snapshot, once each; nothing after the end. `comment_at` is when its connection wants to be woken.
    pub(super) fn poll(&mut self, cx: &Context<'_>, pace: Pace, comment_at: u64) -> Poll<Option<Arc<Snapshot>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let mut state = self.channel.state();
        let mut wait_until = None;
        if let Some(snapshot) = state.snapshot.as_ref().filter(|snapshot| snapshot.number > self.seen) {
            let is_older = snapshot.seq <= self.after;
            wait_until = if snapshot.ended || is_older { None } else { pace.wait_until() };
            if wait_until.is_none() {
                self.seen = snapshot.number;
                self.over = snapshot.ended;
                if !is_older {
                    return Poll::Ready(Some(snapshot.clone()));
                }
                if self.over {
                    return Poll::Ready(None);
                }
            }
        }
        state.snapshot_slots.park(self.place, cx.waker(), comment_at, wait_until);
        if let Some(at) = wait_until
            && state.deferred_until.is_none_or(|earliest| at < earliest)
        {
            state.deferred_until = Some(at);
            drop(state);
            self.channel.signs.poke.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for SnapshotCursor {
    fn drop(&mut self) {
        self.channel.state().snapshot_slots.leave(self.place);
    }
}
