//! Tests of when the line is asked again.

use std::collections::HashMap;
use std::sync::OnceLock;

use caudal_engine::Engine;
use caudal_engine::flow::{Registry, Resources};
use caudal_engine::ports::{Bell, Feed, RandomIds, WorkerBoard};
use caudal_engine::private::OptionsSpec;
use caudal_engine::task::{Json, Limits, Tenant, WorkerId};
use caudal_engine::testing::clock::TestClock;
use caudal_engine::testing::memory::MemoryStore;
use caudal_engine::use_cases::start::{StartRequest, start_task};
use futures_util::FutureExt;

use super::*;
use crate::quarantine::Quarantine;
use crate::running::Running;

fn shared(registry: Registry) -> Arc<Shared> {
    let (clock, ids) = (Arc::new(TestClock::default()), Arc::new(RandomIds));
    let (bell, feed, limits) = (Arc::new(Bell::default()), Arc::new(Feed::default()), Limits::default());
    let store = MemoryStore::new(clock.clone(), ids.clone(), bell.clone(), feed.clone(), limits.clone());
    let store = Arc::new(store.with_lease(None));
    let engine = Engine {
        notifications: store.to_notify(),
        store,
        bell,
        feed,
        clock: clock.clone(),
        ids,
        registry: Arc::new(registry),
        resources: Resources::default(),
        limits: Arc::new(limits),
        workers: Arc::new(WorkerBoard::default()),
    };
    Arc::new(Shared {
        id: WorkerId::new("tested"),
        since: engine.clock.now(),
        concurrency: 1,
        running: Arc::new(Running::default()),
        quarantine: Quarantine::new(Duration::ZERO).into(),
        draining: std::sync::atomic::AtomicBool::new(false),
        engine,
    })
}

/// Goal: while a suspect runs alone, tasks that are due are no reason to ask over and over.
#[tokio::test]
async fn a_worker_that_may_not_claim_does_not_spin() {
    let shared = shared(Registry::of([]).unwrap());
    let claims = TaskClaims::new(shared.clone());
    shared.quarantine().suspect_answered(Instant::now(), true, true);
    claims.last().next_due = Some(shared.engine.clock.now());
    assert!(claims.next(1).await.unwrap().items.is_empty());
    assert!(claims.due().now_or_never().is_none(), "asked again at once");
    shared.quarantine().suspect_done(Instant::now());
    shared.running.changed.notify_one();
    assert!(claims.due().now_or_never().is_some(), "not asked when it is somebody's turn");
}

fn empty() -> &'static Json {
    static EMPTY: OnceLock<Json> = OnceLock::new();
    EMPTY.get_or_init(|| Json::of(&HashMap::<String, u8>::new()).unwrap())
}

const OLD: FlowDefinition = FlowDefinition {
    name: "old_name_flow",
    title: "",
    summary: "",
    description: "",
    version: 1,
    formerly: &[],
    diagnostics: false,
    location: "",
    options: OptionsSpec {
        timeout_ms: None,
        deadline_ms: None,
        retries: 0,
        concurrency: Some(1),
        ..OptionsSpec::DEFAULT
    },
    needs: &[],
    input_schema: empty,
    output_schema: empty,
    run: |_, _| Box::pin(std::future::ready(Ok(Json::null()))),
};
static BEFORE: FlowDefinition = OLD;
static NOW: FlowDefinition = FlowDefinition { name: "new_name_flow", formerly: &["old_name_flow"], ..OLD };

/// Goal: a flow with one free place takes tasks of any of its names, whichever are there.
#[tokio::test]
async fn every_name_of_a_flow_gets_its_free_place() {
    for started in [&BEFORE, &NOW] {
        let shared = shared(Registry::of([&NOW]).unwrap());
        let starter = Engine { registry: Arc::new(Registry::of([started]).unwrap()), ..shared.engine.clone() };
        for _ in 0..3 {
            let request = StartRequest { flow: started.name.to_owned(), ..StartRequest::default() };
            start_task(&starter, &Tenant::default(), request).await.unwrap();
        }
        let claims = TaskClaims::new(shared);
        for _ in 0..3 {
            let mut batch = claims.next(4).await.unwrap();
            if batch.items.is_empty() && batch.more {
                // It was the other name's turn.
                batch = claims.next(4).await.unwrap();
            }
            assert_eq!(batch.items.len(), 1, "{}", started.name);
        }
    }
}

/// Goal: a long line under one name of a flow does not keep a task under its other name waiting for ever.
#[tokio::test]
async fn no_name_of_a_flow_starves() {
    for (many, one) in [(&BEFORE, &NOW), (&NOW, &BEFORE)] {
        let shared = shared(Registry::of([&NOW]).unwrap());
        for started in [many, many, many, many, many, one] {
            let starter = Engine { registry: Arc::new(Registry::of([started]).unwrap()), ..shared.engine.clone() };
            let request = StartRequest { flow: started.name.to_owned(), ..StartRequest::default() };
            start_task(&starter, &Tenant::default(), request).await.unwrap();
        }
        let claims = TaskClaims::new(shared);
        let mut names = Vec::new();
        for _ in 0..4 {
            names.extend(claims.next(4).await.unwrap().items.iter().map(|work| work.claimed.task.flow.clone()));
        }
        assert!(names.iter().any(|name| **name == *one.name), "only {names:?}");
    }
}
