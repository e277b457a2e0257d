//! Watchers polled by hand, so that what is shared, skipped and kept is seen without a network in between.

#[path = "../../tests/kit/platform.rs"]
#[expect(dead_code, unreachable_pub, reason = "the kit of the tests over HTTP, of which this uses a part")]
mod platform;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_web::body::MessageBody;
use bytes::Bytes;
use caudal_engine::ports::TaskFilter;
use caudal_engine::task::TaskId;
use caudal_engine::task::event::Chunk;
use serde_json::json;
use tokio::runtime::Handle;

use super::many_stream::{MOST_TASKS, ManyStream, Source, Wanted, keep_the_new};
use super::{CursorToken, EventStream, Live, SnapshotStream, View};
use platform::Platform;

fn live(platform: &Platform) -> Arc<Live> {
    Live::new(platform.engine.clone(), Handle::current())
}

async fn next(body: &mut (impl MessageBody<Error = std::convert::Infallible> + Unpin)) -> Option<Bytes> {
    poll_fn(|cx| Pin::new(&mut *body).poll_next(cx)).await.map(|bytes| bytes.unwrap())
}

fn poll(body: &mut (impl MessageBody + Unpin)) -> Poll<Option<Bytes>> {
    let mut cx = Context::from_waker(Waker::noop());
    Pin::new(body).poll_next(&mut cx).map(|bytes| bytes.and_then(Result::ok))
}

fn id_of(bytes: &Bytes) -> u64 {
    std::str::from_utf8(bytes).unwrap().lines().next().unwrap().strip_prefix("id: ").unwrap().parse().unwrap()
}

/// The numbers of the events that come, several in one piece, until this one has come.
async fn ids_up_to(last: u64, stream: &mut EventStream) -> Vec<u64> {
    let mut ids = Vec::new();
    while ids.last() != Some(&last) {
        let bytes = next(stream).await.unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        ids.extend(text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse::<u64>().ok()));
    }
    ids
}

/// Goal: thousands of watchers of one task are sent the very same bytes, snapshots and events.
#[tokio::test]
async fn thousands_share_one_serialisation() {
    let platform = Platform::default();
    let live = live(&platform);
    let mut hand = platform.run().await;
    let mut snapshots = Vec::new();
    let mut events = Vec::new();
    for _ in 0..2_000 {
        snapshots.push(SnapshotStream::open(&live, hand.task, 0).await.unwrap());
        events.push(EventStream::open(&live, hand.task, 2, None).await.unwrap());
    }
    assert_eq!((live.connections(), live.channels().len()), (4_000, 1));
    for stream in &mut snapshots {
        assert_eq!(next(stream).await.unwrap(), super::frames::RETRY);
    }
    let first = next(&mut snapshots[0]).await.unwrap();
    for stream in &mut snapshots[1..] {
        assert_eq!(next(stream).await.unwrap().as_ptr(), first.as_ptr());
    }
    hand.progress(50, "half").await;
    let second = next(&mut snapshots[0]).await.unwrap();
    for stream in &mut snapshots[1..] {
        assert_eq!(next(stream).await.unwrap().as_ptr(), second.as_ptr());
    }
    let mut shared = None;
    for stream in &mut events {
        next(stream).await.unwrap();
        let event = next(stream).await.unwrap();
        assert_eq!(event.as_ptr(), *shared.get_or_insert(event.as_ptr()));
        assert_eq!(id_of(&event), 3);
    }
    drop((snapshots, events));
    assert_eq!((live.connections(), live.channels().len()), (0, 0), "what nobody watches is let go");
}

/// Goal: a watcher costs few bytes: no task, no timer, no queue of its own.
#[test]
fn a_watcher_is_small() {
    assert!(size_of::<SnapshotStream>() <= 160, "{}", size_of::<SnapshotStream>());
    assert!(size_of::<EventStream>() <= 256, "{}", size_of::<EventStream>());
}

/// Goal: a client that takes nothing for a while gets the newest view then, and nothing in between.
#[tokio::test]
async fn never_a_backlog() {
    let platform = Platform::default();
    let live = live(&platform);
    let mut hand = platform.run().await;
    let mut slow = SnapshotStream::open(&live, hand.task, 0).await.unwrap();
    let mut quick = SnapshotStream::open(&live, hand.task, 0).await.unwrap();
    for stream in [&mut slow, &mut quick] {
        next(stream).await.unwrap();
        next(stream).await.unwrap();
    }
    for round in 1..=5 {
        hand.progress(round, "on").await;
        assert_eq!(id_of(&next(&mut quick).await.unwrap()), hand.head);
    }
    let Poll::Ready(Some(newest)) = poll(&mut slow) else { panic!("there is news") };
    assert_eq!(id_of(&newest), hand.head);
    assert!(poll(&mut slow).is_pending());
    hand.succeed(json!(1).into()).await;
    assert_eq!(id_of(&next(&mut slow).await.unwrap()), hand.head);
    assert_eq!(next(&mut slow).await, None);
}

/// Goal: who was sent its bytes for this second waits, is woken when it may have more, and gets the newest; the end
/// does not wait.
#[tokio::test]
async fn large_views_are_paced() {
    let platform = Platform::default();
    let live = live(&platform);
    let mut hand = platform.run().await;
    for number in 0..20 {
        hand.tell([platform::log(&format!("{number}{}", "x".repeat(10_000)))]).await;
    }
    let mut stream = SnapshotStream::open(&live, hand.task, 0).await.unwrap();
    next(&mut stream).await.unwrap();
    assert!(next(&mut stream).await.unwrap().len() > 200_000);
    hand.progress(10, "more").await;
    // Another watcher, who has spent nothing, shows that the new view is there.
    let mut other = SnapshotStream::open(&live, hand.task, 22).await.unwrap();
    next(&mut other).await.unwrap();
    assert_eq!(id_of(&next(&mut other).await.unwrap()), hand.head);
    assert!(poll(&mut stream).is_pending());
    hand.progress(20, "still more").await;
    let newest = next(&mut stream).await.unwrap();
    assert_eq!(id_of(&newest), hand.head, "what came while it waited is skipped");
    hand.succeed(json!(null).into()).await;
    assert_eq!(id_of(&next(&mut stream).await.unwrap()), hand.head);
    assert_eq!(next(&mut stream).await, None);
}

/// Goal: one wheel sends everyone a comment every 15 beats, and wakes nobody else.
#[tokio::test]
async fn comments_from_one_wheel() {
    let platform = Platform::default();
    let live = live(&platform);
    let hand = platform.run().await;
    let mut snapshots = SnapshotStream::open(&live, hand.task, 0).await.unwrap();
    let mut events = EventStream::open(&live, hand.task, 2, None).await.unwrap();
    next(&mut snapshots).await.unwrap();
    next(&mut snapshots).await.unwrap();
    next(&mut events).await.unwrap();
    for _ in 0..3 {
        for _ in 0..14 {
            live.turn_wheel();
        }
        assert!(poll(&mut snapshots).is_pending() && poll(&mut events).is_pending());
        let mut waiting = Box::pin(next(&mut snapshots));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        live.turn_wheel();
        assert_eq!(waiting.await.unwrap(), super::frames::COMMENT);
        assert_eq!(poll(&mut events), Poll::Ready(Some(super::frames::COMMENT)));
    }
}

/// Goal: who waits for an end is told of it, of one that has come too, and is let go when time is up or the server
/// stops.
#[tokio::test]
async fn waiting_for_an_end() {
    let platform = Platform::default();
    let live = live(&platform);
    let mut hand = platform.run().await;
    let long = Duration::from_secs(3600);
    assert!(!live.wait_for_end(hand.task, Duration::ZERO).await.unwrap());
    {
        let mut waiting = Box::pin(live.wait_for_end(hand.task, long));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        hand.fail("x").await;
        assert!(waiting.await.unwrap());
    }
    assert!(live.wait_for_end(hand.task, long).await.unwrap());
    let other = platform.run().await;
    let mut waiting = Box::pin(live.wait_for_end(other.task, long));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    live.stop();
    assert!(!waiting.await.unwrap());
}

/// Goal: text that streams fast is read back from the store by a reader that stood still, each piece once.
#[tokio::test]
async fn a_reader_that_stood_still() {
    let platform = Platform::default();
    let live = live(&platform);
    let mut hand = platform.run().await;
    let mut reader = EventStream::open(&live, hand.task, 0, None).await.unwrap();
    let mut witness = EventStream::open(&live, hand.task, 0, None).await.unwrap();
    next(&mut reader).await.unwrap();
    next(&mut witness).await.unwrap();
    hand.tell([platform::step_started("Write")]).await;
    for number in 0..3_000 {
        hand.tell([Chunk { step: "Write".into(), attempt: 1, text: format!("{number} ") }.into()]).await;
    }
    assert!(ids_up_to(hand.head, &mut witness).await.into_iter().eq(1..=hand.head));
    assert!(live.channels()[&hand.task].upgrade().unwrap().state().ring.get(3).is_none(), "the ring forgot it");
    assert!(ids_up_to(hand.head, &mut reader).await.into_iter().eq(1..=hand.head));
    assert!(poll(&mut reader).is_pending());
}

/// A connection that follows all tasks, and its first words are read.
async fn following(live: &Arc<Live>) -> ManyStream {
    let source = Source::Filter(TaskFilter::default());
    let wanted = Wanted { source, view: View::Snapshots, logs: Vec::new(), changes: false };
    let mut stream = ManyStream::open(live, wanted, CursorToken::default()).await.unwrap();
    next(&mut stream).await.unwrap();
    stream
}

/// The task that the next message names.
async fn next_named(stream: &mut ManyStream) -> String {
    next(stream).await.unwrap();
    let message = next(stream).await.unwrap();
    let data = std::str::from_utf8(&message).unwrap().lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    serde_json::from_str::<serde_json::Value>(data).unwrap()["task"].as_str().unwrap().to_owned()
}

/// Goal: a filter is followed though as many tasks as a connection carries live already: the newest comes, and the oldest
/// goes.
#[tokio::test]
async fn a_new_task_takes_the_place_of_the_oldest() {
    let platform = Platform::default();
    let live = live(&platform);
    let mut oldest = platform.run().await;
    for _ in 1..MOST_TASKS {
        platform.start().await;
    }
    let mut stream = following(&live).await;
    for _ in 0..MOST_TASKS {
        next_named(&mut stream).await;
    }
    for _ in 0..3 {
        let new = platform.start().await;
        live.tell_changes();
        assert_eq!(next_named(&mut stream).await, new.to_string());
    }
    oldest.progress(50, "half").await;
    let mut witness = SnapshotStream::open(&live, oldest.task, oldest.head - 1).await.unwrap();
    next(&mut witness).await.unwrap();
    next(&mut witness).await.unwrap();
    assert!(poll(&mut stream).is_pending(), "nobody follows it any more");
}

/// Goal: while as many are followed as there may be, nothing older is opened, though the list names it in place of one that
/// matches no more; while there is room it is.
#[tokio::test]
async fn nothing_older_is_opened_where_there_is_no_room() {
    let platform = Platform::default();
    let live = live(&platform);
    for _ in 0..MOST_TASKS + 2 {
        platform.start().await;
    }
    let filter = TaskFilter { limit: MOST_TASKS + 2, ..TaskFilter::default() };
    let listed = live.engine.store.list(&filter).await.unwrap().items;
    let ids: Vec<TaskId> = listed.iter().map(|record| record.id).collect();
    let new_beside = |known: &[TaskId]| {
        let mut records = listed.clone();
        keep_the_new(&mut records, known);
        records.iter().map(|record| record.id).collect::<Vec<_>>()
    };
    assert_eq!(new_beside(&ids[1..=MOST_TASKS]), [ids[0]]);
    assert_eq!(new_beside(&ids[2..=MOST_TASKS]), [ids[0], ids[1], ids[MOST_TASKS + 1]]);
}

/// Goal: a list that could not be read is read again at the next beat, with no other change to call for it.
#[tokio::test]
async fn a_list_that_failed_is_read_again() {
    let platform = Platform::default();
    let live = live(&platform);
    let mut stream = following(&live).await;
    platform.store.refuse_lists(2);
    let new = platform.start().await;
    live.tell_changes();
    for _ in 0..2 {
        assert!(poll(&mut stream).is_pending());
        live.turn_wheel();
    }
    assert_eq!(next_named(&mut stream).await, new.to_string());
}
