//! The body of `/task-status/<id>?view=events`: the live log.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::event_cursor::EventCursor;
use super::frames::{COMMENT, RETRY, log_reset};
use super::{Connection, Live, Watched};
use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use caudal_engine::ports::StoreError;

/// Of a burst that is longer, in one piece: a connection's buffer grows with it, and keeps its size.
const MOST_AT_ONCE: usize = 2 * 1024;

pub(crate) struct EventStream {
    cursor: EventCursor,
    connection: Connection,
    /// What goes before the first event, last one first.
    opening: Vec<Bytes>,
}

impl EventStream {
    /// Reads what comes after event `after`. `reset` tells the client that its numbers are not of this log.
    pub(crate) async fn open(
        live: &Arc<Live>,
        watched: impl Into<Watched>,
        after: u64,
        reset: Option<u64>,
    ) -> Result<Self, StoreError> {
        let channel = live.channel_at_once(watched.into());
        let opening = reset.map(log_reset).into_iter().chain([RETRY]).collect();
        let cursor = EventCursor::new(channel.clone(), live.engine.store.clone(), after);
        channel.loaded().await?;
        Ok(Self { cursor, connection: Connection::new(live.clone()), opening })
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(bytes) = self.opening.pop() {
            return Poll::Ready(Some(bytes));
        }
        if self.connection.comment_is_due() {
            return Poll::Ready(Some(COMMENT));
        }
        match self.cursor.poll(cx, self.connection.comment_at) {
            Poll::Ready(next) => Poll::Ready(next.map(|(burst, place)| {
                let (frames, to) = burst.frames(place, MOST_AT_ONCE);
                self.cursor.took(&burst, to);
                frames
            })),
            // Asked after it is parked, so that a stop cannot pass by unnoticed.
            Poll::Pending if self.connection.live.is_stopped() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl MessageBody for EventStream {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.get_mut().poll_bytes(cx).map(|bytes| bytes.map(Ok))
    }
}
