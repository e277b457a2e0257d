//! How far one reader of the log has come: each event exactly once, from the channel's ring when it is there, else
//! read back from the store in pages.

use std::sync::Arc;
use std::task::{Context, Poll};

use caudal_engine::ports::{StoreError, TaskStore};
use caudal_engine::task::LogEntry;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::channel::Channel;
use super::frames::Burst;

const PAGE_BYTES: usize = 64 * 1024;

pub(super) struct EventCursor {
    channel: Arc<Channel>,
    store: Arc<dyn TaskStore>,
    place: usize,
    next: u64,
    reading: Option<BoxFuture<'static, Result<Vec<LogEntry>, StoreError>>>,
    /// What was read back, and how far it was told.
    page: Option<(Arc<Burst>, usize)>,
    over: bool,
}

impl EventCursor {
    pub(super) fn new(channel: Arc<Channel>, store: Arc<dyn TaskStore>, after: u64) -> Self {
        let place = channel.state().event_slots.join();
        Self { channel, store, place, next: after + 1, reading: None, page: None, over: false }
    }

    /// Where the next event is, as a burst and the place in it; nothing after the terminal one, or when the log cannot be
    /// read (the client comes back and says how far it got). Told again until [`Self::took`] says how much was taken.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, comment_at: u64) -> Poll<Option<(Arc<Burst>, usize)>> {
        if self.over {
            return Poll::Ready(None);
        }
        loop {
            if let Some(page) = &self.page {
                return Poll::Ready(Some(page.clone()));
            }
            if let Some(reading) = &mut self.reading {
                let Poll::Ready(page) = reading.poll_unpin(cx) else {
                    self.park(cx, comment_at);
                    return Poll::Pending;
                };
                self.reading = None;
                match page {
                    Ok(page) if !page.is_empty() => self.page = Some((Arc::new(Burst::new(page)), 0)),
                    outcome => return self.give_up(outcome.err()),
                }
                continue;
            }
            let state = self.channel.state();
            if let Some((burst, place)) = state.ring.get(self.next) {
                return Poll::Ready(Some((burst.clone(), place)));
            }
            if state.head < self.next {
                drop(state);
                self.park(cx, comment_at);
                // News may have come between the look and the parking.
                if self.channel.state().head < self.next {
                    return Poll::Pending;
                }
                continue;
            }
            drop(state);
            self.read_page();
        }
    }

    /// The events of a burst before this place were taken.
    pub(super) fn took(&mut self, burst: &Arc<Burst>, to: usize) {
        let Some(last) = to.checked_sub(1).and_then(|last| burst.entries().get(last)) else { return };
        self.next = last.seq + 1;
        self.over = last.is_terminal();
        // Thousands who read back once must not keep what they have read.
        self.page = self.page.take().filter(|_| to < burst.entries().len()).map(|(page, _)| (page, to));
    }

    fn read_page(&mut self) {
        let (store, task, after) = (self.store.clone(), self.channel.task, self.next - 1);
        self.reading = Some(async move { store.events(task, after, PAGE_BYTES).await }.boxed());
    }

    fn park(&self, cx: &Context<'_>, comment_at: u64) {
        self.channel.state().event_slots.park(self.place, cx.waker(), comment_at, None);
    }

    fn give_up(&mut self, error: Option<StoreError>) -> Poll<Option<(Arc<Burst>, usize)>> {
        if let Some(error) = error {
            tracing::warn!(task.id = %self.channel.task, %error, "a reader's log cannot be read; its stream ends");
        }
        self.over = true;
        Poll::Ready(None)
    }
}

impl Drop for EventCursor {
    fn drop(&mut self) {
        self.channel.state().event_slots.leave(self.place);
    }
}
