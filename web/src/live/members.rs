//! The tasks of a connection over many, each with its own cursor.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use caudal_engine::ports::StoreError;
use caudal_engine::task::{TaskId, TaskRecord};

use super::cursor_token::Lane;
use super::event_cursor::EventCursor;
use super::frames::named_log_reset;
use super::pace::Pace;
use super::snapshot_cursor::SnapshotCursor;
use super::{CursorToken, Live};

/// What is watched of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Snapshots,
    Events,
}

pub(super) struct Member {
    pub(super) task: TaskId,
    pub(super) lane: Lane,
    cursor: Cursor,
    /// The client's number is beyond this head: it is told so first.
    reset: Option<u64>,
}

enum Cursor {
    Snapshots(SnapshotCursor),
    Events(Box<EventCursor>),
}

impl Member {
    /// Events are not paced: each is sent once, and none is left out.
    pub(super) fn is_paced(&self) -> bool {
        matches!(self.cursor, Cursor::Snapshots(_))
    }

    /// The bytes that go after the `id` line, and the number that the client has then seen.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, pace: Pace) -> Poll<Option<(u64, Bytes)>> {
        // Comments are the connection's, not the member's.
        const NEVER: u64 = u64::MAX;
        if let Some(head) = self.reset.take() {
            return Poll::Ready(Some((0, named_log_reset(self.task, head))));
        }
        match &mut self.cursor {
            Cursor::Snapshots(cursor) => cursor
                .poll(cx, pace, NEVER)
                .map(|snapshot| snapshot.map(|snapshot| (snapshot.seq, snapshot.named(self.task)))),
            Cursor::Events(cursor) => cursor.poll(cx, NEVER).map(|next| {
                let (burst, place) = next?;
                let seq = burst.entries().get(place)?.seq;
                cursor.took(&burst, place + 1);
                Some((seq, burst.named(place, self.task)))
            }),
        }
    }
}

/// Opens a cursor on each task of which the client has not seen the end.
pub(super) async fn open_members(
    live: &Arc<Live>,
    records: Vec<TaskRecord>,
    view: View,
    seen: &CursorToken,
) -> Result<Vec<Member>, StoreError> {
    let mut members = Vec::with_capacity(records.len());
    for record in records {
        let after = seen.get(record.id, Lane::Task).unwrap_or(0);
        members.extend(open_member(live, &record, view, Lane::Task, after).await?);
    }
    Ok(members)
}

/// Nothing if the client has seen the end.
pub(super) async fn open_member(
    live: &Arc<Live>,
    record: &TaskRecord,
    view: View,
    lane: Lane,
    after: u64,
) -> Result<Option<Member>, StoreError> {
    if record.state.is_ended() && after == record.head {
        return Ok(None);
    }
    let beyond = after > record.head;
    let after = if beyond { 0 } else { after };
    let channel = live.channel(record.id).await?;
    let cursor = match view {
        View::Snapshots => Cursor::Snapshots(SnapshotCursor::new(channel, after)),
        View::Events => Cursor::Events(Box::new(EventCursor::new(channel, live.engine.store.clone(), after))),
    };
    let reset = (beyond && view == View::Events).then_some(record.head);
    Ok(Some(Member { task: record.id, lane, cursor, reset }))
}
