//! What is asked of a large database seeks: the plans that Postgres really ran, as it writes them into its log.

#![expect(clippy::unwrap_used, reason = "a test may end with a crash: that is how it fails")]

mod kit;

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::ports::TaskFilter;
use caudal_engine::task::{TaskId, Tenant, Timestamp, WireState};
use caudal_engine::testing::clock::TestClock;
use caudal_stores::postgres::{PostgresSettings, PostgresStore};
use kit::ended::BEGIN;
use kit::{PostgresServer, settings_on};

const TASKS: u64 = 60_000;
/// Pages of the database that one statement touches: some for each of the fifty tasks of a page.
const MOST_PAGES: u64 = 1_000;

/// Many tasks of a common flow, few of a rare one; every hundredth failed, of each flow; few with a tag or a parent.
fn fill(server: &PostgresServer, schema: &str) {
    let sql = "SET search_path = {schema}; \
        INSERT INTO tasks SELECT ('019b76da-' || lpad(to_hex(n / 65536), 4, '0') || '-8000-8000-' || \
        lpad(to_hex(n), 12, '0'))::uuid, 'default', CASE WHEN n % 5000 = 7 THEN 'rare_flow' ELSE 'poem_flow' END, \
        CASE WHEN n % 100 = 0 THEN 5 ELSE 4 END, 1, 1, 1, {begin} + n, null, {begin} + n, 0, 2, 100, 'Done', \
        CASE WHEN n % 1000 = 3 THEN '00000000-0000-0000-0000-000000000001'::uuid END, null, null, null, null, null, \
        'null', CASE WHEN n = 25000 THEN 'needle' ELSE 'hay' END, 100 FROM generate_series(0, {tasks} - 1) n; \
        INSERT INTO task_tags SELECT id, tenant, 'nightly' FROM tasks WHERE created_at % 100 = 0; \
        INSERT INTO task_tags SELECT id, tenant, 'daily' FROM tasks; \
        INSERT INTO log_pages SELECT id, 1, '{}' FROM tasks; \
        INSERT INTO task_counts SELECT flow, state, count(*), sum(bytes) FROM tasks GROUP BY 1, 2; \
        ANALYZE; ALTER ROLE caudal SET session_preload_libraries = 'auto_explain'; \
        ALTER ROLE caudal SET auto_explain.log_min_duration = 0; ALTER ROLE caudal SET auto_explain.log_analyze = on; \
        ALTER ROLE caudal SET auto_explain.log_buffers = on;";
    let sql = sql.replace("{schema}", schema).replace("{tasks}", &TASKS.to_string());
    server.sql("postgres", &sql.replace("{begin}", &BEGIN.as_millis().to_string()));
}

/// No table is walked from its beginning, nothing is sorted, and neither many pages nor rows were touched in vain.
fn assert_seeks(what: &str, plans: &str, most_in_vain: u64) {
    assert!(plans.contains("Query Text"), "{what}: no plan was seen");
    for bad in ["Seq Scan on tasks", "Seq Scan on task_tags", "Seq Scan on log_pages", "Sort  ("] {
        assert!(!plans.contains(bad), "{what}: {plans}");
    }
    // Of each plan the first node counts what all of it has touched.
    for plan in plans.split("Query Text").skip(1) {
        let touched = plan.lines().find_map(|line| line.trim().strip_prefix("Buffers: shared "));
        let touched = touched.into_iter().flat_map(|pages| pages.split([' ', '=']));
        let touched: u64 = touched.filter_map(|number| number.parse::<u64>().ok()).sum();
        assert!(touched <= MOST_PAGES, "{what}: {plan}");
    }
    let in_vain =
        plans.lines().filter_map(|line| line.trim().strip_prefix("Rows Removed by Filter: ")?.parse::<u64>().ok());
    assert!(in_vain.sum::<u64>() <= most_in_vain, "{what}: {plans}");
}

async fn seek(server: &PostgresServer, store: &PostgresStore, filter: TaskFilter, most_in_vain: u64) -> Vec<TaskId> {
    let filter = TaskFilter { limit: 50, ..filter };
    let before = server.said().len();
    let page = store.list(&filter).await.unwrap();
    assert_seeks(&format!("{filter:?}"), &server.said()[before..], most_in_vain);
    page.items.into_iter().map(|record| record.id).collect()
}

/// Goal: every list walks an index in its own order, the log is found by its task, and cleaning finds the oldest.
#[tokio::test]
async fn what_is_asked_seeks() {
    let server = PostgresServer::start();
    let settings = settings_on(&server);
    let clock = Arc::new(TestClock::default());
    kit::open(&settings, clock.clone()).await.close().await;
    fill(&server, &settings.schema);
    let one = PostgresSettings { most_connections: 1, ..settings };
    let store = kit::open(&one, clock).await;
    let all = TaskFilter::default;
    let middle = seek(&server, &store, all(), 0).await[0];
    let flow = |flow: &str| TaskFilter { flow: Some(flow.to_owned()), ..all() };
    let states = |states: &[WireState]| TaskFilter { states: states.to_vec(), ..all() };
    let tag = |tag: &str| TaskFilter { tag: Some(tag.to_owned()), ..all() };
    let text = |text: &str| TaskFilter { text: Some(text.to_owned()), ..all() };
    let parent = Some("00000000-0000-0000-0000-000000000001".parse().unwrap());
    let at = Some(BEGIN + Duration::from_secs(30));
    // Often enough for Postgres to choose a plan that does not look at what is asked for.
    for _ in 0..8 {
        for (filter, most_in_vain, hits) in [
            (TaskFilter { cursor: Some(middle), ..all() }, 0, 50),
            (flow("poem_flow"), 0, 50),
            (flow("rare_flow"), 0, 12),
            (flow("no_flow"), 0, 0),
            (states(&[WireState::Failure]), 0, 50),
            (states(&[WireState::Failure, WireState::Success]), 10, 50),
            (states(&[WireState::Cancelled]), 0, 0),
            (TaskFilter { states: vec![WireState::Failure], ..flow("rare_flow") }, 0, 0),
            (tag("nightly"), 0, 50),
            (tag("daily"), 0, 50),
            (tag("none"), 0, 0),
            (TaskFilter { cursor: Some(middle), ..tag("nightly") }, 0, 50),
            (TaskFilter { parent, ..all() }, 0, 50),
            (text("hay"), 10, 50),
            (TaskFilter { tenant: Tenant::new("other"), ..all() }, 0, 0),
            (TaskFilter { created_after: at, ..all() }, 0, 50),
        ] {
            let found = seek(&server, &store, filter.clone(), most_in_vain).await;
            assert_eq!(found.len(), hits, "{filter:?}");
        }
    }
    let before = server.said().len();
    store.events(middle, 0, 1_000).await.unwrap();
    store.last_event(middle).await.unwrap();
    store.task(&Tenant::default(), middle).await.unwrap().unwrap();
    assert_eq!(store.clean(Duration::MAX, u64::MAX, 200).await.unwrap(), 0);
    assert_eq!(store.clean(Duration::MAX, TASKS * 100 - 1_000, 200).await.unwrap(), 10);
    store.delete(&Tenant::default(), middle).await.unwrap();
    assert_seeks("the rest", &server.said()[before..], 400);
}

/// Goal: a search that finds little looks at a bounded number of tasks per page, and its pages go on to the end.
#[tokio::test]
async fn a_search_is_bounded() {
    let server = PostgresServer::start();
    let settings = settings_on(&server);
    let store = kit::open(&settings, Arc::new(TestClock::default())).await;
    fill(&server, &settings.schema);
    let mut filter = TaskFilter { text: Some("NEEDLE".to_owned()), limit: 10, ..TaskFilter::default() };
    let mut pages = Vec::new();
    loop {
        let page = store.list(&filter).await.unwrap();
        pages.push(page.items.len());
        filter.cursor = page.next;
        if page.next.is_none() {
            break;
        }
    }
    // Of 60,000 tasks 20,000 are looked at per page; it cannot know that the third page ends with the last.
    assert_eq!(pages, [0, 1, 0, 0]);
}

/// Goal: times that are asked for bound the walk, whatever lies beyond them.
#[tokio::test]
async fn a_time_bounds_the_walk() {
    let server = PostgresServer::start();
    let settings = settings_on(&server);
    let store = kit::open(&settings, Arc::new(TestClock::default())).await;
    let hours = |hours: u64| BEGIN + Duration::from_secs(3_600 * hours);
    let tasks: Vec<_> = (0..10).map(|n| kit::ended_task(3_600 * n)).collect();
    store.archive(&tasks).await.unwrap();
    let between = async |after: Option<Timestamp>, before: Option<Timestamp>| {
        let filter = TaskFilter { created_after: after, created_before: before, limit: 50, ..TaskFilter::default() };
        store.list(&filter).await.unwrap().items.len()
    };
    assert_eq!(between(Some(hours(3)), None).await, 6);
    assert_eq!(between(None, Some(hours(3))).await, 3);
    assert_eq!(between(Some(hours(3)), Some(hours(6))).await, 2);
}
