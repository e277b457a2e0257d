//! The body of `/stream`: many tasks over one connection, given by their ids or by a filter that is kept up, and all
//! else that a page needs to stay live: the logs of the tasks that it shows, and a word when any list has changed.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use caudal_engine::ports::{StoreError, TaskFilter};
use caudal_engine::task::{TaskId, TaskRecord};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::cursor_token::Lane;
use super::frames::{BEAT, CHANGED, COMMENT, RETRY, id_line};
use super::members::{Member, View, open_member, open_members};
use super::pace::Pace;
use super::{Connection, CursorToken, Live};

/// How many tasks one connection watches.
pub(crate) const MOST_TASKS: usize = 100;

/// What a connection carries.
pub(crate) struct Wanted {
    pub(crate) source: Source,
    /// Of the source's tasks.
    pub(crate) view: View,
    /// The logs of these, each after the number that the client has seen.
    pub(crate) logs: Vec<(TaskRecord, u64)>,
    /// A word when the lists of tasks have changed. Such a stream does not end.
    pub(crate) changes: bool,
}

/// Where a connection's tasks come from.
pub(crate) enum Source {
    /// These; the stream ends when all have ended.
    Tasks(Vec<TaskRecord>),
    /// The newest that match, new ones too; the stream does not end.
    Filter(TaskFilter),
}

pub(crate) struct ManyStream {
    connection: Connection,
    /// Its slot among those who want comments and changes.
    place: usize,
    view: View,
    members: Vec<Member>,
    /// Whose turn it is to be asked first.
    turn: usize,
    token: CursorToken,
    pace: Pace,
    following: Option<Following>,
    /// The count of changes that was told last, if the client wants to be told.
    told_changes: Option<u64>,
    opened: bool,
    /// What follows the `id` line.
    rest: Option<Bytes>,
}

/// The filter that is kept up.
struct Following {
    filter: TaskFilter,
    /// The count of changes at which the list was last read.
    seen_changes: u64,
    /// The last reading failed: it is done again at this beat.
    again_at: Option<u64>,
    reading: Option<BoxFuture<'static, Result<Vec<Member>, StoreError>>>,
}

impl ManyStream {
    pub(crate) async fn open(live: &Arc<Live>, wanted: Wanted, mut token: CursorToken) -> Result<Self, StoreError> {
        let Wanted { source, view, logs, changes } = wanted;
        let seen_changes = live.changes.load(Ordering::SeqCst);
        let (records, following) = match source {
            Source::Tasks(records) => (records, None),
            Source::Filter(mut filter) => {
                filter.limit = MOST_TASKS;
                let records = live.engine.store.list(&filter).await?.items;
                (records, Some(Following { filter, seen_changes, again_at: None, reading: None }))
            }
        };
        let mut members = open_members(live, records, view, &token).await?;
        for (record, after) in logs {
            token.set(record.id, Lane::Log, after);
            members.extend(open_member(live, &record, View::Events, Lane::Log, after).await?);
        }
        let place = live.broad().join();
        Ok(Self {
            connection: Connection::new(live.clone()),
            place,
            view,
            members,
            turn: 0,
            token,
            pace: Pace::default(),
            following,
            told_changes: changes.then_some(seen_changes),
            opened: false,
            rest: None,
        })
    }

    /// Nothing is left to be told: the client has seen all ends.
    pub(crate) fn is_over(&self) -> bool {
        self.members.is_empty() && self.following.is_none() && self.told_changes.is_none()
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !std::mem::replace(&mut self.opened, true) {
            return Poll::Ready(Some(RETRY));
        }
        if let Some(rest) = self.rest.take() {
            return Poll::Ready(Some(rest));
        }
        if self.connection.comment_is_due() {
            return Poll::Ready(Some(if self.told_changes.is_some() { BEAT } else { COMMENT }));
        }
        // Parked before it looks: what comes while it looks wakes it again.
        let again_at = self.following.as_ref().and_then(|following| following.again_at);
        let beat = again_at.map_or(self.connection.comment_at, |again_at| again_at.min(self.connection.comment_at));
        self.connection.live.broad().park(self.place, cx.waker(), beat, None);
        self.follow(cx);
        if self.is_to_tell_changes() {
            return Poll::Ready(Some(CHANGED));
        }
        if let Some(id) = self.poll_members(cx) {
            return Poll::Ready(Some(id));
        }
        if self.is_over() || self.connection.live.is_stopped() {
            return Poll::Ready(None);
        }
        Poll::Pending
    }

    fn is_to_tell_changes(&mut self) -> bool {
        let changes = self.connection.live.changes.load(Ordering::SeqCst);
        self.told_changes.as_mut().is_some_and(|told| std::mem::replace(told, changes) != changes)
    }

    /// Asks the members in turn. Answers the `id` line; what follows it is kept.
    fn poll_members(&mut self, cx: &mut Context<'_>) -> Option<Bytes> {
        let mut asked = 0;
        while asked < self.members.len() {
            let at = (self.turn + asked) % self.members.len();
            match self.members[at].poll(cx, self.pace) {
                Poll::Ready(Some((seq, bytes))) => {
                    self.turn = at + 1;
                    let member = &self.members[at];
                    self.token.set(member.task, member.lane, seq);
                    let id = id_line(&self.token.encode());
                    if member.is_paced() {
                        self.pace.spend(id.len() + bytes.len());
                    }
                    self.rest = Some(bytes);
                    return Some(id);
                }
                Poll::Ready(None) => {
                    self.members.remove(at);
                    // Those behind it moved up; who was asked already is asked once more, which does no harm.
                    asked = 0;
                }
                Poll::Pending => asked += 1,
            }
        }
        None
    }

    /// Reads the list again when something has changed, and takes up what is new in it.
    fn follow(&mut self, cx: &mut Context<'_>) {
        let Some(following) = &mut self.following else { return };
        loop {
            let (beat, changes) = (self.connection.live.beat(), self.connection.live.changes.load(Ordering::SeqCst));
            if let Some(reading) = &mut following.reading {
                let Poll::Ready(found) = reading.poll_unpin(cx) else { return };
                following.reading = None;
                match found {
                    Ok(found) => {
                        self.members.extend(found);
                        let_the_oldest_go(&mut self.members);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the list behind a stream cannot be read; trying again");
                        following.again_at = Some(beat + 1);
                        self.connection.live.broad().park(self.place, cx.waker(), beat + 1, None);
                    }
                }
            }
            if changes == following.seen_changes && following.again_at.is_none_or(|again_at| again_at > beat) {
                return;
            }
            (following.seen_changes, following.again_at) = (changes, None);
            let of_list = self.members.iter().filter(|member| member.lane == Lane::Task);
            let known: Vec<_> = of_list.map(|member| member.task).collect();
            let (live, filter) = (self.connection.live.clone(), following.filter.clone());
            let (view, token) = (self.view, self.token.clone());
            following.reading = Some(
                async move {
                    let mut records = live.engine.store.list(&filter).await?.items;
                    keep_the_new(&mut records, &known);
                    open_members(&live, records, view, &token).await
                }
                .boxed(),
            );
        }
    }
}

/// Where as many are followed as there may be, and some of them match no more, the list goes further back than they do: what
/// is older than all of them would be opened only to be let go.
pub(super) fn keep_the_new(records: &mut Vec<TaskRecord>, known: &[TaskId]) {
    let oldest = known.iter().min().filter(|_| known.len() >= MOST_TASKS);
    records.retain(|record| !known.contains(&record.id) && oldest.is_none_or(|oldest| record.id > *oldest));
}

/// The newest are followed: what is new and is beyond as many as there may be takes the place of the oldest.
fn let_the_oldest_go(members: &mut Vec<Member>) {
    let of_list = |member: &Member| member.lane == Lane::Task;
    let mut ids: Vec<TaskId> = members.iter().filter(|member| of_list(member)).map(|member| member.task).collect();
    ids.sort_unstable_by(|one, other| other.cmp(one));
    if let Some(oldest) = ids.get(MOST_TASKS - 1) {
        members.retain(|member| !of_list(member) || member.task >= *oldest);
    }
}

impl Drop for ManyStream {
    fn drop(&mut self) {
        self.connection.live.broad().leave(self.place);
    }
}

impl MessageBody for ManyStream {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.get_mut().poll_bytes(cx).map(|bytes| bytes.map(Ok))
    }
}
