//! Flows that start others while their Redis has reached its maxmemory.

#![expect(clippy::unwrap_used, reason = "these are tests")]

extern crate caudal_engine as caudal;

mod redis_support;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use caudal::Engine;
use caudal::flow::{Registry, Resources};
use caudal::ports::{Control, RandomIds, TaskStore, WorkerBoard};
use caudal::prelude::*;
use caudal::task::{Json, Limits, NewTask, TaskId, TaskState};
use caudal::testing::conformance::Parts;
use caudal::testing::conformance::trial::within;
use caudal::testing::memory::MemoryStore;
use caudal::use_cases::control::control_task;
use caudal::use_cases::run::{Hold, RunEnd, run_task};
use redis_support::redis_server::RedisServer;
use redis_support::scenes::Scene;
use redis_support::{open_store, settings_of};
use serde_json::json;
use tokio::task::JoinHandle;

/// Starts itself once more, then does nothing.
#[flow]
async fn family_flow(ctx: &mut FlowContext, hangs: Option<bool>) -> FlowResult<()> {
    let Some(hangs) = hangs else { return Ok(()) };
    let (mut left, mut right) = (ctx.branch("left"), ctx.branch("right"));
    let bears = left.start_child(family_flow, &json!(null));
    let works = right.step("Work", move |_| async move { if hangs { pending().await } else { Ok(()) } });
    let (born, worked) = tokio::join!(bears, works);
    born.and(worked)
}

struct Place {
    scene: Scene,
    engine: Engine,
    server: RedisServer,
}

impl Place {
    async fn open() -> Self {
        let server = RedisServer::start();
        let parts = Parts::default();
        let store = open_store(&settings_of(&server.url(), &parts), &parts).await;
        let scene = Scene::of(&store, parts.clone());
        let Parts { clock, ids, bell, feed, limits } = parts;
        // Nobody is told in these tests.
        let outbox = MemoryStore::new(clock.clone(), ids, bell.clone(), feed.clone(), limits);
        let engine = Engine {
            store,
            bell,
            feed,
            clock,
            ids: Arc::new(RandomIds),
            registry: Arc::new(Registry::of([family_flow.definition()]).unwrap()),
            resources: Resources::default(),
            limits: Arc::new(Limits::default()),
            workers: Arc::new(WorkerBoard::default()),
            notifications: Arc::new(outbox).to_notify(),
        };
        Self { scene, engine, server }
    }

    fn fill(&self, is_full: bool) {
        self.server.ask(&["CONFIG", "SET", "maxmemory", if is_full { "1" } else { "0" }]);
    }

    async fn start(&self, hangs: bool) -> TaskId {
        let input = Json::of(&Some(hangs)).unwrap();
        self.scene.trial.create(NewTask { input, ..self.scene.trial.new_task_of("family_flow") }).await
    }

    /// Claims what is next in line and runs it.
    async fn run(&self) -> JoinHandle<RunEnd> {
        let request = self.scene.trial.request_for(&["family_flow"]);
        let claimed = self.scene.trial.claim_next(request).await.tasks.pop().unwrap();
        let engine = self.engine.clone();
        tokio::spawn(async move { run_task(&engine, claimed, Hold::new(None)).await })
    }

    async fn count(&self, task: TaskId, kind: &str) -> usize {
        let log = self.scene.store.events(task, 0, usize::MAX).await.unwrap();
        log.iter().filter(|entry| entry.kind() == kind).count()
    }
}

/// Goal: a task whose children a full Redis refuses lets its slot go and keeps what it has done; with room again it has them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_children_hold_no_slot() {
    let place = Place::open().await;
    let task = place.start(false).await;
    place.fill(true);
    assert_eq!(within(place.run().await).await.unwrap(), RunEnd::Released);
    assert_eq!((place.count(task, "step.succeeded").await, place.count(task, "child.started").await), (1, 0));
    place.fill(false);
    place.scene.trial.clock.advance(Duration::from_secs(1));
    assert_eq!(within(place.run().await).await.unwrap(), RunEnd::Succeeded);
    assert_eq!((place.count(task, "step.started").await, place.count(task, "child.started").await), (1, 1));
    place.scene.trial.check(task).await;
}

/// Goal: one that still works beside them is cancelled while its Redis is full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_for_children_in_vain_can_be_cancelled() {
    let place = Place::open().await;
    let task = place.start(true).await;
    place.fill(true);
    let running = place.run().await;
    within(async {
        while place.count(task, "step.started").await == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    control_task(&place.engine, &Default::default(), task, Control::Cancel).await.unwrap();
    assert_eq!(within(running).await.unwrap(), RunEnd::Cancelled);
    assert_eq!(place.scene.trial.record(task).await.state, TaskState::Cancelled);
    place.scene.trial.check(task).await;
}
