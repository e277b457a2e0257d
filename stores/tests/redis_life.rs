//! A Redis store through what happens to servers: they go and come back, lose scripts and answers; and several
//! processes over one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod redis_support;

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::notification::Channel;
use caudal_engine::ports::{
    Bell, ControlRefused, Feed, NotificationOutbox, RandomIds, SendOutcome, StoreError, SystemClock, TaskFilter,
    TaskStore, TaskWrite, Watch,
};
use caudal_engine::task::{LogEntry, NewTask, Parent, TaskId, TaskState, Tenant, WireState, WorkerId};
use caudal_engine::testing::conformance::Parts;
use caudal_engine::testing::conformance::held::{Held, line};
use caudal_engine::testing::conformance::trial::{new_signal, within};
use caudal_stores::redis::{RedisSettings, RedisStore, StoreTime};
use redis_support::keyspace::{Keyspace, Picture};
use redis_support::proxy::Proxy;
use redis_support::redis_server::RedisServer;
use redis_support::scenes::{APART, FREEING, Scene, WRITING, stage_of};
use redis_support::{open_store, settings_of};

/// One process: a store with a bell and a feed of its own.
struct Member {
    scene: Scene,
    bell: Arc<Bell>,
    feed: Arc<Feed>,
}

async fn member(settings: &RedisSettings) -> Member {
    let parts = Parts { ids: Arc::new(RandomIds), ..Parts::default() };
    let (bell, feed) = (parts.bell.clone(), parts.feed.clone());
    let clock = Arc::new(SystemClock);
    let store = RedisStore::open(settings, clock, parts.ids.clone(), bell.clone(), feed.clone()).await.unwrap();
    let store = Arc::new(store);
    Member { scene: Scene::of(&store, parts), bell, feed }
}

impl Member {
    fn store(&self) -> Arc<RedisStore> {
        self.scene.store.clone()
    }
}

/// By the server's clock, as in earnest.
fn in_earnest(server: &RedisServer) -> RedisSettings {
    RedisSettings { time: StoreTime::Server, ..settings_of(&server.url(), &Parts::default()) }
}

/// Asks again while the store cannot be reached.
async fn in_the_end<T>(mut ask: impl AsyncFnMut() -> Result<T, StoreError>) -> T {
    within(async {
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(StoreError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(other) => panic!("{other}"),
            }
        }
    })
    .await
}

/// Follows a log as the web does, until this many events were seen.
async fn follow(store: &RedisStore, task: TaskId, watch: &mut Watch, log: &mut Vec<LogEntry>, until: u64) {
    let seen = |log: &[LogEntry]| log.last().map_or(0, |entry| entry.seq);
    while seen(log) < until {
        let news = within(watch.next()).await.unwrap();
        if news.entries.first().is_some_and(|entry| entry.seq <= seen(log) + 1) {
            log.extend(news.entries.iter().filter(|entry| entry.seq > seen(log)).cloned().collect::<Vec<_>>());
        } else if news.head > seen(log) {
            log.extend(in_the_end(async || store.events(task, seen(log), 1_000_000).await).await);
        }
    }
}

/// Goal: what was accepted is there after the server was killed, and a store that was open goes on by itself; meanwhile
/// it says at once that it cannot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_is_used_again() {
    let mut server = RedisServer::start();
    let member = member(&in_earnest(&server)).await;
    let store = member.store();
    let mut held = member.scene.trial.running().await;
    let mut watch = member.feed.watch(held.task);
    let mut log = store.events(held.task, 0, 1_000_000).await.unwrap();
    for round in 0..3 {
        server.kill();
        let write = held.go_on(&[line(&format!("round {round}"))]);
        let down = store.create(vec![member.scene.trial.new_task()]).await.unwrap_err();
        assert!(matches!(&down, StoreError::Unavailable(_)), "{down}");
        assert!(store.check().await.is_err());
        server.restart();
        in_the_end(async || store.check().await).await;
        let answer = in_the_end(async || match store.write(write.clone()).await {
            Err(caudal_engine::ports::WriteRefused::Store(error)) => Err(error),
            other => Ok(other.unwrap()),
        })
        .await;
        (held.number, held.seen) = (held.number + 1, answer.head);
        follow(&store, held.task, &mut watch, &mut log, answer.head).await;
    }
    assert_eq!(log, store.events(held.task, 0, 1_000_000).await.unwrap());
}

/// Goal: while a server was away nobody could renew: the first look after it is back takes nobody's task, a later one
/// those of the dead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_rescued_right_after_a_restart() {
    let mut server = RedisServer::start();
    let lease = Duration::from_millis(400);
    let member = member(&RedisSettings { lease, ..in_earnest(&server) }).await;
    let store = member.store();
    let held = member.scene.trial.running().await;
    server.kill();
    tokio::time::sleep(2 * lease).await;
    server.restart();
    let first = in_the_end(async || store.rescue(10).await).await;
    assert!(first.is_empty(), "{first:?} could not have renewed");
    let worker = member.scene.trial.request().worker;
    let renewed = in_the_end(async || store.renew(&worker, &[(held.task, held.claim)]).await).await;
    assert!(renewed[0].held);
    let rescued = within(async {
        loop {
            let rescued = store.rescue(10).await.unwrap();
            if !rescued.is_empty() {
                return rescued;
            }
            tokio::time::sleep(lease / 8).await;
        }
    })
    .await;
    assert_eq!(rescued[0].task, held.task);
}

/// Goal: what became of a notification while the server was away can be said when it is back: until then nobody else takes
/// it, and sends it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_notification_is_taken_right_after_a_restart() {
    let mut server = RedisServer::start();
    let lease = Duration::from_millis(400);
    let member = member(&RedisSettings { lease, ..in_earnest(&server) }).await;
    let store = member.store();
    let sent = member.scene.a_claimed_one().await;
    server.kill();
    tokio::time::sleep(2 * lease).await;
    server.restart();
    let other = WorkerId::new("another sender");
    let first = in_the_end(async || store.claim_notifications(&other, Channel::Mail, 5).await).await;
    assert!(first.items.is_empty() && first.next_due.is_some(), "{first:?}");
    let outcome = || SendOutcome::Sent;
    assert!(in_the_end(async || store.settle(sent.record.id, sent.claim, outcome()).await).await);
}

/// Goal: scripts that the server has forgotten are loaded again, without a word to the caller.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgotten_scripts_are_loaded_again() {
    let server = RedisServer::start();
    for name in WRITING.iter().chain(FREEING).chain(APART) {
        let parts = Parts::default();
        let store = open_store(&stage_of(name, settings_of(&server.url(), &parts)), &parts).await;
        let operation = Scene::of(&store, parts).set(name).await;
        server.ask(&["SCRIPT", "FLUSH"]);
        operation().await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Goal: an operation whose answer was lost with the connection, sent again, leaves what it leaves when it is sent once;
/// where an operation is several scripts, whichever of their answers it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_doubles_nothing() {
    let server = RedisServer::start();
    let proxy = Proxy::before(server.port).await;
    for name in WRITING.iter().chain(FREEING).chain(APART) {
        let once = picture_after(&server, &proxy, name, None).await;
        let mut losses = 0;
        while let Some(doubled) = picture_after(&server, &proxy, name, Some(losses)).await {
            let once = once.as_ref().unwrap();
            let keys = once.keys().chain(doubled.keys());
            let differ: Vec<&String> = keys.filter(|key| once.get(*key) != doubled.get(*key)).collect();
            assert!(differ.is_empty(), "{name} was doubled in {differ:?} when answer {losses} was lost");
            losses += 1;
        }
        assert!(losses > 0, "{name} is no script");
    }
}

/// What the operation leaves when this answer of it is lost; none when it has fewer.
async fn picture_after(server: &RedisServer, proxy: &Proxy, name: &str, loses: Option<i64>) -> Option<Picture> {
    let parts = Parts::default();
    let settings = stage_of(name, settings_of(&proxy.url, &parts));
    let store = open_store(&settings, &parts).await;
    let operation = Scene::of(&store, parts).set(name).await;
    if let Some(after) = loses {
        proxy.lose_an_answer(after);
        let answer = operation().await;
        if !proxy.has_lost_one() {
            answer.unwrap();
            return None;
        }
        // Who claims goes on with what the other partitions have.
        assert!(matches!(answer, Err(StoreError::Unavailable(_)) | Ok(())), "{name}: {answer:?}");
    }
    in_the_end(async || operation().await).await;
    let picture = Keyspace::of(&server.url(), &settings.prefix).await.picture_without_sizes().await;
    store.shutdown().await;
    Some(picture)
}

/// Goal: what one process does rings, and is told, in the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_hear_each_other() {
    let server = RedisServer::start();
    let settings = in_earnest(&server);
    let (web, worker) = (member(&settings).await, member(&settings).await);
    let mut changes = web.feed.changes();
    let task = web.scene.trial.start().await;
    within(worker.bell.line_rung()).await;
    let mut held = worker.scene.trial.claim(task).await;
    let mut watch = web.feed.watch(task);
    let mut log = web.store().events(task, 0, 1_000_000).await.unwrap();
    let ear = worker.bell.listen(task);
    web.store().signal(&Tenant::default(), new_signal(task, "go")).await.unwrap();
    within(ear.rung()).await;
    held.send(&*worker.store(), held.go_on(&[line("to be seen elsewhere")])).await.unwrap();
    held.send(&*worker.store(), held.end(TaskState::Succeeded)).await.unwrap();
    follow(&web.store(), task, &mut watch, &mut log, 5).await;
    assert_eq!(log, worker.store().events(task, 0, 1_000_000).await.unwrap());
    let mut states = Vec::new();
    while states.last() != Some(&WireState::Success) {
        states.push(within(changes.recv()).await.unwrap().change.state);
    }
    assert_eq!(states, [WireState::Pending, WireState::Progress, WireState::Success]);
}

/// Goal: an event too long to be published reaches who watches all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_events_are_read_by_who_watches() {
    let server = RedisServer::start();
    let member = member(&in_earnest(&server)).await;
    let mut held: Held = member.scene.trial.running().await;
    let mut watch = member.feed.watch(held.task);
    let mut log = member.store().events(held.task, 0, 1_000_000).await.unwrap();
    held.send(&*member.store(), held.go_on(&[line(&"x".repeat(300_000))])).await.unwrap();
    held.send(&*member.store(), held.go_on(&[line("short")])).await.unwrap();
    follow(&member.store(), held.task, &mut watch, &mut log, 4).await;
    assert_eq!(log, member.store().events(held.task, 0, 1_000_000).await.unwrap());
}

/// Goal: with nothing to do, asking for work costs one script a partition, and asking for the dead nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_worker_asks_little() {
    let server = RedisServer::start();
    let parts = Parts::default();
    let settings = RedisSettings { partitions: Some(8), ..settings_of(&server.url(), &parts) };
    let store = open_store(&settings, &parts).await;
    let scene = Scene::of(&store, parts);
    scene.trial.nothing_is_due().await;
    let monitor = server.monitor();
    for _ in 0..3 {
        scene.trial.nothing_is_due().await;
        assert!(store.rescue(10).await.unwrap().is_empty());
    }
    let lines = monitor.lines();
    let scripts = lines.iter().filter(|line| line.contains("EVALSHA")).count();
    assert_eq!(scripts, 3 * 8);
    let inside = lines.iter().filter(|line| line.contains("[0 lua]")).count();
    assert!(inside <= 3 * 8 * 4, "an idle question asks {inside} things: lanes, leases, both channels");
}

/// Goal: thousands of pieces of a text end as a handful of elements.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_text_is_merged() {
    let server = RedisServer::with(&["--appendfsync", "no"]);
    let parts = Parts::default();
    let settings = RedisSettings { may_lose_seconds: Some(60), ..settings_of(&server.url(), &parts) };
    let store = open_store(&settings, &parts).await;
    let scene = Scene::of(&store, parts);
    let mut held = scene.trial.running().await;
    let from = held.seen + 1;
    for number in 0..4_000 {
        held.send(&*store, held.go_on(&[line(&number.to_string())])).await.unwrap();
    }
    let before = store.events(held.task, 0, usize::MAX).await.unwrap();
    let merge = caudal_engine::ports::TaskWrite { compact_from: Some(from), ..held.go_on(&[line("done")]) };
    held.send(&*store, merge).await.unwrap();
    let key = format!("{}{{p0}}:l:{}", settings.prefix, held.task);
    let length: u64 = server.ask(&["LLEN", &key]).trim_start_matches(':').parse().unwrap();
    assert!(length < 12, "{length} elements");
    let after = store.events(held.task, 0, usize::MAX).await.unwrap();
    assert_eq!(after.get(..before.len()), Some(&before[..]));
    assert_eq!(after.len(), before.len() + 1);
}

/// Goal: nothing of a forgotten task stays in memory, whatever it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgetting_leaves_nothing() {
    let server = RedisServer::start();
    for name in ["end of a parent", "end of a child", "end", "cancel", "verdict", "full write", "rescue"] {
        let parts = Parts::default();
        let settings = settings_of(&server.url(), &parts);
        let store = open_store(&settings, &parts).await;
        let scene = Scene::of(&store, parts);
        let empty = Keyspace::of(&server.url(), &settings.prefix).await.picture().await;
        (scene.set(name).await)().await.unwrap();
        let filter = TaskFilter { limit: 100, ..TaskFilter::default() };
        for record in store.list(&filter).await.unwrap().items {
            let _ = store.control(&Tenant::default(), record.id, caudal_engine::ports::Control::Cancel).await;
        }
        scene.trial.clock.advance(Duration::from_secs(3600));
        store.rescue(100).await.unwrap();
        scene.trial.clock.advance(Duration::from_secs(3600));
        store.clean(Duration::ZERO, u64::MAX, 100).await.unwrap();
        assert!(store.list(&filter).await.unwrap().items.is_empty(), "{name}");
        let left = Keyspace::of(&server.url(), &settings.prefix).await.picture().await;
        // What is still to be sent outlives its task.
        let outbox = ["counts", "n:", "na:", "no", "nt:", "o:"].map(|name| format!("{{p0}}:{name}"));
        let stays = |key: &String| empty.contains_key(key) || outbox.iter().any(|kind| key.starts_with(kind));
        let more: Vec<&String> = left.keys().filter(|key| !stays(key)).collect();
        assert!(more.is_empty(), "{name} leaves {more:?}");
    }
}

/// Goal: a server that is full of somebody else's keys costs nobody an ended task.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_has_ended_counts_for_forgetting() {
    let server = RedisServer::start();
    let parts = Parts::default();
    let store = open_store(&settings_of(&server.url(), &parts), &parts).await;
    let scene = Scene::of(&store, parts);
    for _ in 0..3 {
        let mut held = scene.trial.running().await;
        held.send(&*store, held.go_on(&[line(&"x".repeat(100_000))])).await.unwrap();
        held.send(&*store, held.end(TaskState::Succeeded)).await.unwrap();
    }
    server.ask(&["SETRANGE", "theirs", "50000000", "x"]);
    let day = Duration::from_secs(86_400);
    assert_eq!(store.clean(day, 1_000_000, 10).await.unwrap(), 0);
    assert_eq!(store.clean(day, 250_000, 10).await.unwrap(), 1, "as many as are too many");
}

/// Goal: a flow may start as many children at once as a task may have; and all of them end with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_children_are_born_in_one_write() {
    const CHILDREN: usize = 10_000;
    let server = RedisServer::start();
    let parts = Parts::default();
    let store = open_store(&settings_of(&server.url(), &parts), &parts).await;
    let scene = Scene::of(&store, parts);
    let mut parent = scene.trial.running().await;
    let of_parent = Some(Parent { task: parent.task, step: "child".into() });
    let children: Vec<NewTask> =
        (0..CHILDREN).map(|_| NewTask { parent: of_parent.clone(), ..scene.trial.new_task_of("child_flow") }).collect();
    parent.send(&*store, TaskWrite { children, ..parent.go_on(&[line("many")]) }).await.unwrap();
    let count = async |state: TaskState| {
        let counted = store.stats().await.unwrap().tasks.into_iter();
        counted
            .filter(|(flow, known, _)| **flow == *"child_flow" && *known == state)
            .map(|(.., count)| count)
            .sum::<u64>()
    };
    assert_eq!(count(TaskState::Queued).await, CHILDREN as u64);
    parent.send(&*store, parent.end(TaskState::Succeeded)).await.unwrap();
    // Whoever forgot it now would leave its children running for ever.
    let early = store.delete(&Tenant::default(), parent.task).await;
    assert!(matches!(early, Err(ControlRefused::Store(StoreError::Unavailable(_)))), "{early:?}");
    scene.trial.clock.advance(Duration::from_millis(1));
    store.clean(Duration::ZERO, u64::MAX, 1).await.unwrap();
    let mut rounds = 0;
    while count(TaskState::Cancelled).await < CHILDREN as u64 {
        store.rescue(10).await.unwrap();
        rounds += 1;
        assert!(rounds <= 50, "its children do not come to an end");
    }
    store.delete(&Tenant::default(), parent.task).await.unwrap();
}

/// Goal: a task may end in the very write in which it starts more children than one script cancels: all end with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_born_at_the_end_end_too() {
    let server = RedisServer::start();
    let parts = Parts::default();
    let store = open_store(&settings_of(&server.url(), &parts), &parts).await;
    let scene = Scene::of(&store, parts);
    let mut parent = scene.trial.running().await;
    let of_parent = Some(Parent { task: parent.task, step: "child".into() });
    let children: Vec<NewTask> =
        (0..3_000).map(|_| NewTask { parent: of_parent.clone(), ..scene.trial.new_task_of("child_flow") }).collect();
    parent.send(&*store, TaskWrite { children, ..parent.end(TaskState::Succeeded) }).await.unwrap();
    for _ in 0..9 {
        store.rescue(10).await.unwrap();
    }
    let filter = TaskFilter { states: vec![WireState::Pending], limit: 10, ..TaskFilter::default() };
    assert!(store.list(&filter).await.unwrap().items.is_empty());
}
