//! Which connections a process has to its Redis.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod redis_support;

use std::collections::BTreeSet;
use std::time::Duration;

use caudal_engine::ports::{StoreError, TaskStore};
use caudal_engine::task::{TaskId, Tenant};
use caudal_engine::testing::conformance::Parts;
use caudal_engine::testing::conformance::trial::within;
use caudal_stores::redis::RedisStore;
use redis_support::redis_server::RedisServer;
use redis_support::scenes::Scene;
use redis_support::{open_store, settings_of};

/// Those of the process, without the one that asks.
fn connections(server: &RedisServer) -> usize {
    server.ask(&["CLIENT", "LIST"]).lines().filter(|line| !line.contains("cmd=client")).count()
}

fn ids(server: &RedisServer) -> BTreeSet<u64> {
    let listed = server.ask(&["CLIENT", "LIST"]);
    let others = listed.lines().filter(|line| !line.contains("cmd=client"));
    others.filter_map(|line| line.split("id=").nth(1)?.split(' ').next()?.parse().ok()).collect()
}

/// Asks for the task until so many are there.
async fn has(store: &RedisStore, task: TaskId, server: &RedisServer, expected: usize) {
    within(async {
        loop {
            let found = store.task(&Tenant::default(), task).await;
            if found.as_ref().is_ok_and(Option::is_some) && connections(server) == expected {
                return;
            }
            assert!(matches!(found, Ok(Some(_)) | Err(StoreError::Unavailable(_))), "{found:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Goal: a thread that serves by itself has a connection of its own beside the two of the store, has a new one when the
/// server was away, and leaves none behind when the store is closed.
#[tokio::test(flavor = "current_thread")]
async fn a_thread_that_serves_by_itself_has_its_own() {
    let mut server = RedisServer::start();
    let parts = Parts::default();
    let store = open_store(&settings_of(&server.url(), &parts), &parts).await;
    let scene = Scene::of(&store, parts);
    let task = scene.trial.start().await;
    has(&store, task, &server, 3).await;
    server.restart();
    has(&store, task, &server, 3).await;
    store.shutdown().await;
    drop((scene, store));
    within(async {
        while connections(&server) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Goal: what befalls a thread's own connection alone cuts off nobody else; it is made anew.
#[tokio::test(flavor = "current_thread")]
async fn its_own_breaks_alone() {
    let server = RedisServer::start();
    let parts = Parts::default();
    let store = open_store(&settings_of(&server.url(), &parts), &parts).await;
    let scene = Scene::of(&store, parts);
    let task = scene.trial.start().await;
    has(&store, task, &server, 3).await;
    // It came last.
    let mut shared = ids(&server);
    let own = shared.pop_last().unwrap();
    server.ask(&["CLIENT", "KILL", "ID", &own.to_string()]);
    has(&store, task, &server, 3).await;
    let mut now = ids(&server);
    assert!(now.pop_last().is_some_and(|anew| anew > own) && now == shared, "{shared:?} and {own}, now {now:?}");
    store.shutdown().await;
    let refused = store.task(&Tenant::default(), task).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}

/// Goal: many threads that share their work share a connection, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_that_share_their_work_share_one() {
    let server = RedisServer::start();
    let parts = Parts::default();
    let store = open_store(&settings_of(&server.url(), &parts), &parts).await;
    let scene = Scene::of(&store, parts);
    let task = scene.trial.start().await;
    for _ in 0..100 {
        has(&store, task, &server, 2).await;
    }
    store.shutdown().await;
}
