//! A Redis that has reached its maxmemory: what it holds comes to its end, and makes room.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod redis_support;

use std::time::Duration;

use caudal_engine::ports::{Control, StoreError, TaskStore, TaskWrite, WriteRefused};
use caudal_engine::task::{Json, NewTask, Parent, TaskId, TaskState, Tenant};
use caudal_engine::testing::conformance::Parts;
use caudal_engine::testing::conformance::held::{line, wait_for_signal};
use caudal_engine::testing::conformance::trial::within;
use caudal_stores::redis::{OpenError, RedisSettings, RedisStore};
use redis_support::redis_server::RedisServer;
use redis_support::scenes::Scene;
use redis_support::{open_store, settings_of};

/// Some forty of these fill what the server may have.
const INPUT: usize = 500_000;
const MAXMEMORY: &str = "24mb";

async fn create(scene: &Scene) -> Result<TaskId, StoreError> {
    let input = Json::of(&"x".repeat(INPUT)).unwrap();
    let new = NewTask { input, ..scene.trial.new_task() };
    scene.store.create(vec![new]).await.map(|mut created| created.remove(0).unwrap().id)
}

async fn delete(store: &RedisStore, task: TaskId) {
    store.delete(&Tenant::default(), task).await.unwrap_or_else(|error| panic!("{task}: {error:?}"));
}

/// Goal: a server that is so full that starts are refused is not wedged: what is in line is claimed, goes on, parks, ends,
/// is cancelled and forgotten, children are refused until there is room; and then starts are accepted again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_ends_without_memory_and_makes_room() {
    let server = RedisServer::with(&["--maxmemory", MAXMEMORY]);
    let parts = Parts::default();
    let store = open_store(&settings_of(&server.url(), &parts), &parts).await;
    let scene = Scene::of(&store, parts);
    let trial = &scene.trial;
    let mut tasks = Vec::new();
    let refused = loop {
        match create(&scene).await {
            Ok(task) => tasks.push(task),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Full(_)), "{refused}");
    assert!(tasks.len() > 3, "{} tasks fill it", tasks.len());
    // What it is sent and answers counts, too, for as long as it lasts: from now on there is none for sure.
    server.ask(&["CONFIG", "SET", "maxmemory", "1"]);

    let mut held = trial.claim(tasks[0]).await;
    held.send(&*store, held.go_on(&[line("on it goes")])).await.unwrap();
    let parent = Some(Parent { task: held.task, step: "child".into() });
    let child = NewTask { parent, ..trial.new_task_of("child_flow") };
    let bears = TaskWrite { children: vec![child], ..held.go_on(&[line("a child")]) };
    let refused = store.write(bears.clone()).await;
    assert!(matches!(refused, Err(WriteRefused::Store(StoreError::Full(_)))), "{refused:?}");
    let mut parked = trial.claim(tasks[1]).await;
    let park = parked.park(vec![wait_for_signal("go", trial.now())], None);
    parked.send(&*store, park).await.unwrap();
    for task in [tasks[1], tasks[2]] {
        assert_eq!(trial.control(task, Control::Cancel).await.unwrap(), TaskState::Cancelled);
        delete(&store, task).await;
    }
    for task in &tasks[3..] {
        let mut held = trial.claim(*task).await;
        held.send(&*store, held.end(TaskState::Succeeded)).await.unwrap();
        // It is seen, and can be archived.
        assert!(store.task_and_log(&Tenant::default(), *task).await.unwrap().unwrap().0.state.is_ended());
        assert_eq!(store.to_archive(0, 1, usize::MAX).await.unwrap()[0].record.id, *task);
        delete(&store, *task).await;
    }

    server.ask(&["CONFIG", "SET", "maxmemory", MAXMEMORY]);
    // Redis gives back by and by what was freed, and what it needed to talk about it.
    let again = within(async {
        loop {
            match create(&scene).await {
                Ok(task) => return task,
                Err(StoreError::Full(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(other) => panic!("{other}"),
            }
        }
    })
    .await;
    // The very write that was refused is done now.
    held.send(&*store, bears).await.unwrap();
    held.send(&*store, held.end(TaskState::Succeeded)).await.unwrap();
    trial.check(held.task).await;
    trial.claim(again).await;
}

/// Goal: a process that comes up while Redis is full finds its store, with what all must know alike, and brings on what is
/// there; only to a load balancer it says that nothing new can be taken. Who would begin a store there, or whose user may not
/// write, is told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_comes_up_without_memory() {
    let server = RedisServer::start();
    let parts = Parts::default();
    let settings = settings_of(&server.url(), &parts);
    let store = open_store(&settings, &parts).await;
    let task = Scene::of(&store, parts.clone()).trial.start().await;
    let shared = store.share("secret", "the first").await.unwrap();
    store.shutdown().await;
    server.ask(&["CONFIG", "SET", "maxmemory", "1"]);

    let grown = RedisSettings { partitions: Some(2), ..settings.clone() };
    for settings in [&settings, &grown] {
        let store = open_store(settings, &parts).await;
        assert_eq!(store.share("secret", "another").await.unwrap(), shared);
        let checked = store.check().await;
        assert!(matches!(checked, Err(StoreError::Full(_))), "{checked:?}");
        let trial = Scene::of(&store, parts.clone()).trial;
        if settings.partitions.is_none() {
            let mut held = trial.claim(task).await;
            held.send(&*store, held.end(TaskState::Succeeded)).await.unwrap();
        }
        store.shutdown().await;
    }
    let Parts { clock, ids, bell, feed, .. } = parts.clone();
    let new = RedisStore::open(&settings_of(&server.url(), &parts), clock, ids, bell, feed).await;
    assert!(
        matches!(new, Err(OpenError::Store { reason: StoreError::Full(_), .. })),
        "one that begins without room is misconfigured"
    );

    server.ask(&["ACL", "SETUSER", "default", "-hset"]);
    let Parts { clock, ids, bell, feed, .. } = parts;
    let refused = RedisStore::open(&settings, clock, ids, bell, feed).await;
    assert!(matches!(refused, Err(OpenError::Permission { .. })));
}
