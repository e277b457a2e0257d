//! What an archive asks of a Redis store: what has ended, whole and in order, and to let go of it.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod redis_support;

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::ports::{CreateRefused, TaskFilter, TaskStore};
use caudal_engine::task::{LogEntry, TaskId, TaskState};
use caudal_engine::testing::conformance::Parts;
use caudal_engine::testing::conformance::held::line;
use caudal_stores::live_and_kept::LivePart;
use caudal_stores::redis::{RedisSettings, RedisStore};
use redis_support::monitor::commands_about;
use redis_support::scenes::Scene;
use redis_support::{open_store, settings_of, shared_server};

const GRACE: Duration = Duration::from_secs(3600);

async fn open(most_unarchived_bytes: u64) -> (Scene, Arc<RedisStore>) {
    let parts = Parts::default();
    let settings = settings_of(&shared_server().url(), &parts);
    let settings = RedisSettings { most_unarchived_bytes: Some(most_unarchived_bytes), ..settings };
    let store = open_store(&settings, &parts).await;
    (Scene::of(&store, parts), store)
}

async fn ended(scene: &Scene) -> TaskId {
    let mut held = scene.trial.running().await;
    held.send(&*scene.store, held.go_on(&[line("one"), line(&"x".repeat(1_000))])).await.unwrap();
    held.send(&*scene.store, held.end(TaskState::Succeeded)).await.unwrap();
    scene.trial.clock.advance(Duration::from_secs(1));
    held.task
}

async fn offered(store: &RedisStore, most: usize) -> Vec<TaskId> {
    store.to_archive(0, most, usize::MAX).await.unwrap().into_iter().map(|ended| ended.record.id).collect()
}

async fn kept(store: &RedisStore) -> Vec<TaskId> {
    let page = store.list(&TaskFilter { limit: 100, ..TaskFilter::default() }).await.unwrap();
    page.items.into_iter().map(|record| record.id).collect()
}

/// Goal: an archive gets the record and the whole log of what has ended, who ended first first, again and again until it
/// says that it has them; then they are forgotten, after a while, and not before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_ended_is_offered_until_it_is_archived() {
    let (scene, store) = open(u64::MAX).await;
    let tasks = [ended(&scene).await, ended(&scene).await, ended(&scene).await];
    let open_one = scene.trial.start().await;
    assert_eq!(offered(&store, 2).await, tasks[..2]);
    assert_eq!(offered(&store, 0).await, []);
    let first = store.to_archive(0, 10, 1).await.unwrap();
    assert_eq!(first.len(), 1, "a piece is bounded, and never empty");
    let log: Vec<LogEntry> = first[0].log.iter().flat_map(|page| page.entries()).collect();
    assert_eq!(log, store.events(tasks[0], 0, usize::MAX).await.unwrap());
    assert_eq!((first[0].record.state, first[0].record.head), (TaskState::Succeeded, log.len() as u64));
    store.clean(Duration::ZERO, 0, 10).await.unwrap();
    assert_eq!(kept(&store).await.len(), 4, "nothing is forgotten that is not archived");
    for _ in 0..2 {
        store.archived(&tasks[..2], GRACE).await.unwrap();
    }
    assert_eq!(offered(&store, 10).await, tasks[2..]);
    assert_eq!(store.clean(Duration::ZERO, 0, 10).await.unwrap(), 0);
    scene.trial.clock.advance(GRACE);
    assert_eq!(store.clean(Duration::ZERO, 0, 10).await.unwrap(), 2);
    assert_eq!(kept(&store).await, [open_one, tasks[2]]);
}

/// Goal: what is archived takes no more of Redis than it may, however much ends: what ended first goes first, the newest
/// stays. What was archived before anybody counted does no harm.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_archived_is_bounded() {
    let parts = Parts::default();
    let settings = RedisSettings {
        most_unarchived_bytes: Some(u64::MAX),
        most_archived_bytes: 5_000,
        ..settings_of(&shared_server().url(), &parts)
    };
    let store = open_store(&settings, &parts).await;
    let scene = Scene::of(&store, parts);
    let counts = format!("{}{{p0}}:counts", settings.prefix);
    let tasks = [ended(&scene).await, ended(&scene).await];
    store.archived(&tasks, GRACE).await.unwrap();
    assert_eq!(kept(&store).await.len(), 2, "so much may stay");
    let counted = || shared_server().ask(&["HGET", &counts, "archived"]).parse::<i64>().unwrap();
    assert!(counted() > 2_000);
    shared_server().ask(&["HDEL", &counts, "archived"]);

    let mut newest = tasks[1];
    for _ in 0..10 {
        newest = ended(&scene).await;
        assert!(kept(&store).await.contains(&newest), "what is not archived stays");
        store.archived(&[newest], GRACE).await.unwrap();
        let bytes = |task: &TaskId| -> i64 {
            let key = format!("{}{{p0}}:t:{task}", settings.prefix);
            shared_server().ask(&["HGET", &key, "bytes"]).parse().unwrap()
        };
        let stays: i64 = kept(&store).await.iter().map(bytes).sum();
        assert!((2_000..=5_000).contains(&stays), "{stays}");
        assert_eq!(counted(), stays);
    }
    let left = kept(&store).await;
    assert!(left.contains(&newest) && !left.contains(&tasks[0]), "{left:?}");
    scene.trial.clock.advance(GRACE);
    store.clean(Duration::ZERO, 0, 100).await.unwrap();
    assert_eq!(kept(&store).await, []);
    assert_eq!(counted(), 0);
}

/// Goal: a task that cannot be archived is kept with the reason, stops nobody, and can still be deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_archived_stops_nobody() {
    let (scene, store) = open(u64::MAX).await;
    let (bad, good) = (ended(&scene).await, ended(&scene).await);
    store.set_aside(bad, "it has a NUL").await.unwrap();
    assert_eq!(offered(&store, 10).await, [good]);
    assert_eq!(store.aside().await.unwrap(), [(bad, "it has a NUL".to_owned())]);
    scene.trial.clock.advance(100 * GRACE);
    store.clean(Duration::ZERO, 0, 10).await.unwrap();
    assert_eq!(kept(&store).await, [good, bad]);
    store.delete(&Default::default(), bad).await.unwrap();
    assert!(store.aside().await.unwrap().is_empty());
}

/// Goal: what cannot be archived stays within the bound on what is not archived, is seen in the figures, and is offered
/// again when it is to be tried again; it is counted once, however often that happens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_set_aside_escapes_no_bound() {
    let (scene, store) = open(2_000).await;
    let (bad, worse) = (ended(&scene).await, ended(&scene).await);
    let both = store.unarchived_bytes().await.unwrap();
    for turn in 0..3 {
        for task in [bad, worse] {
            store.set_aside(task, "a disk is full").await.unwrap();
        }
        assert_eq!(store.unarchived_bytes().await.unwrap(), both, "turn {turn}");
        let refused = store.create(vec![scene.trial.new_task()]).await.unwrap().remove(0);
        assert_eq!(refused, Err(CreateRefused::ArchiveBehind));
        assert_eq!(store.stats().await.unwrap().set_aside, 2);
        assert_eq!(store.retry_aside().await.unwrap(), 2);
        assert_eq!(store.stats().await.unwrap().set_aside, 0);
        assert_eq!(offered(&store, 10).await.len(), 2);
    }
    store.set_aside(worse, "again").await.unwrap();
    store.archived(&[bad], GRACE).await.unwrap();
    store.delete(&Default::default(), worse).await.unwrap();
    assert_eq!(store.unarchived_bytes().await.unwrap(), 0);
    assert!(store.create(vec![scene.trial.new_task()]).await.unwrap().remove(0).unwrap().new);
}

/// Goal: what waits to be archived is bounded: then nothing new is started, while what runs goes on, until it is archived.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_is_behind_stops_new_starts() {
    let (scene, store) = open(2_000).await;
    let mut running = scene.trial.running().await;
    let first = ended(&scene).await;
    let second = ended(&scene).await;
    assert!(store.unarchived_bytes().await.unwrap() >= 2_000);
    assert!(store.unarchived().await.unwrap().presses, "the archiver hears that it must not rest");
    let refused = store.create(vec![scene.trial.new_task()]).await.unwrap().remove(0);
    assert_eq!(refused, Err(CreateRefused::ArchiveBehind));
    running.send(&*store, running.go_on(&[line("on it goes")])).await.unwrap();
    store.archived(&[first, second], GRACE).await.unwrap();
    assert_eq!(store.unarchived_bytes().await.unwrap(), 0);
    assert!(!store.unarchived().await.unwrap().presses);
    assert!(store.create(vec![scene.trial.new_task()]).await.unwrap().remove(0).unwrap().new);
}

/// Goal: what cannot even be read is set aside with the reason by whoever would archive it, and stops nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_set_aside() {
    let parts = Parts::default();
    let settings =
        RedisSettings { most_unarchived_bytes: Some(u64::MAX), ..settings_of(&shared_server().url(), &parts) };
    let store = open_store(&settings, &parts).await;
    let scene = Scene::of(&store, parts);
    let key = |kind: &str, task: TaskId| format!("{}{{p0}}:{kind}:{task}", settings.prefix);
    let [no_number, no_log, gone, good] =
        [ended(&scene).await, ended(&scene).await, ended(&scene).await, ended(&scene).await];
    shared_server().ask(&["HSET", &key("t", no_number), "head", "nonsense"]);
    shared_server().ask(&["LSET", &key("l", no_log), "1", "nonsense"]);
    shared_server().ask(&["DEL", &key("t", gone)]);
    assert_eq!(offered(&store, 3).await, [], "nothing of the first three");
    assert_eq!(offered(&store, 3).await, [good]);
    let mut aside: Vec<TaskId> = store.aside().await.unwrap().into_iter().map(|(task, _)| task).collect();
    aside.sort_unstable();
    assert_eq!(aside, [no_number, no_log, gone]);
}

/// Goal: a log of many large elements is read in pieces, and comes whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_is_read_in_pieces() {
    let (scene, store) = open(u64::MAX).await;
    let mut held = scene.trial.running().await;
    for number in 0..100 {
        held.send(&*scene.store, held.go_on(&[line(&format!("{number} {}", "x".repeat(500)))])).await.unwrap();
    }
    held.send(&*scene.store, held.end(TaskState::Succeeded)).await.unwrap();
    let monitor = shared_server().monitor();
    let offered = store.to_archive(0, 1, usize::MAX).await.unwrap().remove(0);
    let reads = monitor.lines();
    let reads = reads.iter().filter(|line| line.contains("LRANGE") && line.contains(&held.task.to_string())).count();
    assert!(reads > 1, "the log is read in one piece");
    let log: Vec<LogEntry> = offered.log.iter().flat_map(|page| page.entries()).collect();
    assert_eq!(log, store.events(held.task, 0, usize::MAX).await.unwrap());
}

/// Goal: short logs are read together, without a script: else a busy store ends more than can be archived.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_logs_come_with_their_tasks() {
    let (scene, store) = open(u64::MAX).await;
    let mut tasks = Vec::new();
    for _ in 0..20 {
        tasks.push(ended(&scene).await);
    }
    let monitor = shared_server().monitor();
    let offered = store.to_archive(0, 20, usize::MAX).await.unwrap();
    let lines = monitor.lines();
    let at = |command: &str, task: &TaskId| {
        let place = lines.iter().position(|line| line.contains(command) && line.contains(&task.to_string()));
        place.unwrap_or_else(|| panic!("no {command} of {task}"))
    };
    assert!(tasks.iter().all(|task| commands_about(*task, &lines) == ["HMGET", "LRANGE"]));
    assert!(at("HMGET", &tasks[19]) < at("LRANGE", &tasks[0]), "one waits for the other");
    assert_eq!(offered.len(), tasks.len());
    for (task, ended) in tasks.iter().zip(offered) {
        let log: Vec<LogEntry> = ended.log.iter().flat_map(|page| page.entries()).collect();
        assert_eq!(log, store.events(*task, 0, usize::MAX).await.unwrap());
    }
}
