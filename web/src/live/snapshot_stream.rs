//! The body of `/task-status/<id>`: the watcher itself.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use caudal_engine::ports::StoreError;

use super::frames::{COMMENT, RETRY};
use super::pace::Pace;
use super::snapshot_cursor::SnapshotCursor;
use super::{Connection, Live, Watched};

pub(crate) struct SnapshotStream {
    cursor: SnapshotCursor,
    connection: Connection,
    pace: Pace,
    opened: bool,
}

impl SnapshotStream {
    /// Watches from the view after event `after` on; 0 is from the newest view on.
    pub(crate) async fn open(live: &Arc<Live>, watched: impl Into<Watched>, after: u64) -> Result<Self, StoreError> {
        let channel = live.channel(watched).await?;
        Ok(Self {
            cursor: SnapshotCursor::new(channel, after),
            connection: Connection::new(live.clone()),
            pace: Pace::default(),
            opened: false,
        })
    }

    fn poll_bytes(&mut self, cx: &Context<'_>) -> Poll<Option<Bytes>> {
        if !std::mem::replace(&mut self.opened, true) {
            return Poll::Ready(Some(RETRY));
        }
        if self.connection.comment_is_due() {
            return Poll::Ready(Some(COMMENT));
        }
        match self.cursor.poll(cx, self.pace, self.connection.comment_at) {
            Poll::Ready(Some(snapshot)) => {
                let frame = snapshot.frame();
                self.pace.spend(frame.len());
                Poll::Ready(Some(frame))
            }
            Poll::Ready(None) => Poll::Ready(None),
            // Asked after it is parked, so that a stop cannot pass by unnoticed.
            Poll::Pending if self.connection.live.is_stopped() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl MessageBody for SnapshotStream {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.get_mut().poll_bytes(cx).map(|bytes| bytes.map(Ok))
    }
}
