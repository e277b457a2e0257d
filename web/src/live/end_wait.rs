//! Waits until a task has ended, as one more watcher of its channel.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::channel::Channel;

pub(super) struct EndWait {
    channel: Arc<Channel>,
    place: usize,
}

impl EndWait {
    pub(super) fn new(channel: Arc<Channel>) -> Self {
        let place = channel.state().end_slots.join();
        Self { channel, place }
    }
}

impl Future for EndWait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.channel.state();
        if state.ended {
            return Poll::Ready(());
        }
        state.end_slots.park(self.place, cx.waker(), u64::MAX, None);
        Poll::Pending
    }
}

impl Drop for EndWait {
    fn drop(&mut self) {
        self.channel.state().end_slots.leave(self.place);
    }
}
