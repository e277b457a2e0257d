//! The log of a Redis store: however its elements lie, every reader gets the same events with the same numbers.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod redis_support;

use caudal_engine::ports::{TaskStore, TaskWrite};
use caudal_engine::task::{Fact, LogEntry, TaskState, Tenant};
use caudal_engine::testing::conformance::Parts;
use caudal_engine::testing::conformance::held::line;
use proptest::prelude::*;
use redis_support::monitor::commands_about;
use redis_support::scenes::Scene;
use redis_support::{open_store, settings_of, shared_server};

async fn any_layout_reads_the_same(pages: &[usize], merges: &[u64], bytes: usize) {
    let parts = Parts::default();
    let store = open_store(&settings_of(&shared_server().url(), &parts), &parts).await;
    let scene = Scene::of(&store, parts);
    let mut held = scene.trial.running().await;
    let mut merges = merges.iter();
    let mut expected = store.events(held.task, 0, usize::MAX).await.unwrap();
    for (place, count) in pages.iter().enumerate() {
        let facts: Vec<Fact> = (0..*count).map(|number| line(&"x".repeat(bytes * (number + 1)))).collect();
        let compact_from = if place % 3 == 2 { merges.next().copied() } else { None };
        let write = TaskWrite { compact_from, ..held.go_on(&facts) };
        let bodies = write.events.clone();
        let answer = held.send(&*store, write).await.unwrap();
        expected.extend((answer.first..).zip(bodies).map(|(seq, body)| LogEntry::new(seq, body)));
    }
    assert_eq!(held.seen, expected.len() as u64);
    for after in 0..=expected.len() {
        let seen = after as u64;
        assert_eq!(store.events(held.task, seen, usize::MAX).await.unwrap(), expected[after..], "after {after}");
        let one = usize::from(after < expected.len());
        assert_eq!(store.events(held.task, seen, 0).await.unwrap(), expected[after..after + one], "one after {after}");
    }
    assert_eq!(store.last_event(held.task).await.unwrap().as_ref(), expected.last());
    store.shutdown().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]
    /// Goal: merging is a matter of the store alone.
    #[test]
    fn merging_changes_nothing_for_readers(
        pages in proptest::collection::vec(0_usize..5, 1..20),
        merges in proptest::collection::vec(0_u64..70, 6),
        bytes in prop_oneof![Just(0_usize), 1_usize..40, Just(30_000)],
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(any_layout_reads_the_same(&pages, &merges, bytes));
    }
}

/// Goal: whoever begins to watch a task asks Redis once, for the task and its log, be it running or ended; a log that has many
/// elements, or large ones, is left to be read in pieces.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_log_comes_with_its_task() {
    let parts = Parts::default();
    let store = open_store(&settings_of(&shared_server().url(), &parts), &parts).await;
    let scene = Scene::of(&store, parts);
    let (mut short, mut long, mut large) =
        (scene.trial.running().await, scene.trial.running().await, scene.trial.running().await);
    for _ in 0..10 {
        short.send(&*store, short.go_on(&[line("on it goes")])).await.unwrap();
    }
    for _ in 0..20 {
        long.send(&*store, long.go_on(&[line("and on")])).await.unwrap();
    }
    for _ in 0..2 {
        large.send(&*store, large.go_on(&[line(&"x".repeat(20_000))])).await.unwrap();
    }
    for _ in 0..2 {
        let monitor = shared_server().monitor();
        let (record, log) = store.task_and_log(&Tenant::default(), short.task).await.unwrap().unwrap();
        assert_eq!(commands_about(short.task, &monitor.lines()), ["EVALSHA"]);
        assert_eq!((record.head, log.len()), (short.seen, short.seen as usize));
        assert_eq!(log, store.events(short.task, 0, usize::MAX).await.unwrap());
        for held in [&long, &large] {
            let (record, log) = store.task_and_log(&Tenant::default(), held.task).await.unwrap().unwrap();
            assert_eq!((record.head, log.len()), (held.seen, 0));
        }
        if record.state == TaskState::Running {
            for held in [&mut short, &mut long, &mut large] {
                held.send(&*store, held.end(TaskState::Succeeded)).await.unwrap();
            }
            // What an ended log takes is known, however many elements it has.
            let (_, log) = store.task_and_log(&Tenant::default(), long.task).await.unwrap().unwrap();
            assert_eq!(log.len(), long.seen as usize);
            long = scene.trial.running().await;
            for _ in 0..20 {
                long.send(&*store, long.go_on(&[line("and on")])).await.unwrap();
            }
        }
    }
    store.shutdown().await;
}
