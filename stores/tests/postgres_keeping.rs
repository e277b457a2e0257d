//! What is archived comes back as it was; once, whole, and whatever else was in its batch.

#![expect(clippy::unwrap_used, reason = "a test may end with a crash: that is how it fails")]

mod kit;

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::ports::{ControlRefused, StoreError, TaskFilter};
use caudal_engine::task::{Json, LogEntry, Parent, TaskId, TaskOptions, TaskState, Tenant};
use caudal_engine::testing::clock::TestClock;
use caudal_stores::ended_task::EndedTask;
use caudal_stores::postgres::PostgresStore;
use kit::{ended_task, ended_with, settings, shared_server};

async fn open() -> Arc<PostgresStore> {
    kit::open(&settings(), Arc::new(TestClock::default())).await
}

/// The whole log, read in pieces of at most so many bytes.
async fn log_of(store: &PostgresStore, task: TaskId, most_bytes: usize) -> Vec<LogEntry> {
    let mut log: Vec<LogEntry> = Vec::new();
    loop {
        let piece = store.events(task, log.len() as u64, most_bytes).await.unwrap();
        let bytes: usize = piece.iter().map(|entry| entry.body.len()).sum();
        assert!(piece.len() <= 1 || bytes <= most_bytes);
        if piece.is_empty() {
            return log;
        }
        log.extend(piece);
    }
}

async fn assert_kept(store: &PostgresStore, task: &EndedTask) {
    let record = &task.record;
    let found = store.task(&record.tenant, record.id).await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{record:?}"));
    assert_eq!(log_of(store, record.id, 1 << 20).await, task.entries().collect::<Vec<_>>());
    assert_eq!(store.last_event(record.id).await.unwrap().as_ref(), task.entries().last().as_ref());
}

async fn found(store: &PostgresStore, filter: TaskFilter) -> Vec<TaskId> {
    let page = store.list(&TaskFilter { limit: 100, ..filter }).await.unwrap();
    page.items.into_iter().map(|record| record.id).collect()
}

/// Goal: every field comes back, with NUL and everything else that Unicode has, and is found by it.
#[tokio::test]
async fn every_text_comes_back() {
    let store = open().await;
    let odd = "nul \0 sub \u{1a} ' \\ 🌧 İ \u{feff}";
    let mut task = ended_with(1, &[odd, "{\"nested\":\"\\u0000\"}"]);
    let record = &mut task.record;
    record.tenant = Tenant::new(format!("tenant {odd}"));
    record.flow = format!("flow {odd}").into();
    record.state = TaskState::Failed;
    record.input = Json::of(&serde_json::json!({ "theme": odd, "none": [], "large": u64::MAX })).unwrap();
    record.tags = vec![odd.to_owned(), "b".to_owned(), "b".to_owned()];
    record.unique_key = Some(odd.to_owned());
    record.parent = Some(Parent { task: TaskId::from_bytes([1; 16]), step: odd.into() });
    record.retry_of = Some(TaskId::from_bytes([2; 16]));
    record.options = TaskOptions { locale: Some(odd.to_owned()), depth: 3, ..TaskOptions::default() };
    record.summary.status = format!("Failed: {odd}").into();
    record.takeovers = 7;
    let neighbour = ended_task(2);
    let archived = store.archive(&[task.clone(), neighbour.clone()]).await.unwrap();
    assert_eq!((archived.kept.len(), archived.refused.len()), (2, 0), "{archived:?}");
    assert_kept(&store, &task).await;
    assert_kept(&store, &neighbour).await;
    let of_tenant = TaskFilter { tenant: task.record.tenant.clone(), ..TaskFilter::default() };
    for filter in [
        TaskFilter { flow: Some(task.record.flow.to_string()), ..of_tenant.clone() },
        TaskFilter { tag: Some(odd.to_owned()), ..of_tenant.clone() },
        TaskFilter { tag: Some("b".to_owned()), ..of_tenant.clone() },
        TaskFilter { text: Some("NUL \0 sub".to_owned()), ..of_tenant.clone() },
        TaskFilter { parent: Some(TaskId::from_bytes([1; 16])), ..of_tenant.clone() },
    ] {
        assert_eq!(found(&store, filter.clone()).await, [task.record.id], "{filter:?}");
    }
    assert!(found(&store, TaskFilter { text: Some("nul   sub".to_owned()), ..of_tenant }).await.is_empty());
}

/// Goal: a log of any size is kept in bounded pages and read in bounded pieces.
#[tokio::test]
async fn a_large_log_comes_back() {
    let store = open().await;
    let large = "x".repeat(3 * 1024 * 1024);
    let mut lines = vec!["a short line"; 30_000];
    lines.insert(17, &large);
    lines.insert(29_000, &large);
    let task = ended_with(1, &lines);
    store.archive(&[ended_task(2), task.clone(), ended_task(3)]).await.unwrap();
    for most_bytes in [64 * 1024, 1 << 20, 100 << 20] {
        assert!(
            log_of(&store, task.record.id, most_bytes).await == task.entries().collect::<Vec<_>>(),
            "in pieces of {most_bytes}"
        );
    }
    let piece = store.events(task.record.id, 29_990, 300).await.unwrap();
    assert_eq!((piece[0].seq, piece.len() > 1), (29_991, true));
    assert!(store.events(task.record.id, u64::MAX, 300).await.unwrap().is_empty());
}

/// Goal: archiving twice, also of both at once, is the same as once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twice_is_once() {
    let store = open().await;
    let tasks: Vec<EndedTask> = (0..50).map(ended_task).collect();
    let (first, second) = tokio::join!(store.archive(&tasks), store.archive(&tasks));
    assert_eq!((first.unwrap().kept.len(), second.unwrap().kept.len()), (50, 50));
    let mixed = [ended_task(49), ended_task(50)];
    assert_eq!(store.archive(&mixed).await.unwrap().kept.len(), 2);
    let stats = store.stats().await.unwrap();
    assert_eq!(stats.tasks, [("poem_flow".into(), TaskState::Succeeded, 51)]);
    for task in &tasks {
        assert_kept(&store, task).await;
    }
    store.delete(&Tenant::default(), tasks[0].record.id).await.unwrap();
    let left = store.stats().await.unwrap();
    assert_eq!((left.tasks[0].2, left.bytes / 50), (50, stats.bytes / 51));
}

/// Goal: tasks that cannot be kept are named with the reason, and all others of the batch are kept.
#[tokio::test]
async fn a_bad_task_stops_nobody() {
    let store = open().await;
    let mut tasks: Vec<EndedTask> = (0..10).map(ended_task).collect();
    tasks[2].log.remove(0);
    tasks[4].record.ended_at = None;
    // Postgres itself refuses this one: no index can hold such a name.
    let letters =
        (0..9_000_u32).map(|n| char::from_u32(0x4e00 + (n.wrapping_mul(2_654_435_761) >> 8) % 20_000).unwrap());
    tasks[7].record.flow = letters.collect::<String>().into();
    let archived = store.archive(&tasks).await.unwrap();
    let refused: Vec<_> = archived.refused.iter().map(|(task, _)| *task).collect();
    let ids = |places: &[usize]| places.iter().map(|place| tasks[*place].record.id).collect::<Vec<_>>();
    assert_eq!(refused, ids(&[2, 4, 7]));
    let reasons: Vec<&str> = archived.refused.iter().map(|(_, reason)| reason.as_str()).collect();
    assert!(
        reasons[0].contains("log") && reasons[1].contains("not ended") && reasons[2].contains("index"),
        "{reasons:?}"
    );
    assert_eq!(archived.kept, ids(&[0, 1, 3, 5, 6, 8, 9]));
    for task in archived.kept {
        assert!(store.task(&Tenant::default(), task).await.unwrap().is_some());
    }
    assert_eq!(store.stats().await.unwrap().tasks[0].2, 7);
}

/// Goal: while one process archives, another leaves it the turn; when it is gone amid a batch, nothing of that is kept.
#[tokio::test]
async fn one_at_a_time() {
    let settings = settings();
    let clock = Arc::new(TestClock::default());
    let (one, other) = (kit::open(&settings, clock.clone()).await, kit::open(&settings, clock).await);
    let mut turn = one.take_turn().await.unwrap().unwrap();
    turn.archive(&[ended_task(1)]).await.unwrap();
    assert!(other.take_turn().await.unwrap().is_none());
    drop(turn);
    let archived = other.archive(&[ended_task(2)]).await.unwrap();
    assert_eq!(archived.kept, [ended_task(2).record.id]);
    assert_eq!(found(&one, TaskFilter::default()).await, archived.kept);
}

/// Goal: what is deleted or cleaned away leaves nothing, and the bound on bytes takes no more than it must.
#[tokio::test]
async fn the_forgotten_leave_nothing() {
    let (settings, clock) = (settings(), Arc::new(TestClock::default()));
    let store = kit::open(&settings, clock.clone()).await;
    clock.advance(Duration::from_secs(3_600));
    let mut tasks: Vec<EndedTask> = (0..20).map(|number| ended_with(number, &["x"; 50])).collect();
    tasks.iter_mut().for_each(|task| task.record.tags = vec!["t".to_owned()]);
    store.archive(&tasks).await.unwrap();
    let bytes = store.stats().await.unwrap().bytes;
    let forgotten = store.clean(Duration::MAX, bytes / 2, 100).await.unwrap();
    assert_eq!(forgotten, 10);
    assert_eq!(store.clean(Duration::MAX, bytes / 2, 100).await.unwrap(), 0);
    assert_eq!(found(&store, TaskFilter::default()).await.last(), Some(&tasks[10].record.id), "the oldest go");
    let unknown = store.delete(&Tenant::new("other"), tasks[15].record.id).await;
    assert!(matches!(unknown, Err(ControlRefused::NotFound)), "{unknown:?}");
    store.delete(&Tenant::default(), tasks[15].record.id).await.unwrap();
    assert_eq!(store.clean(Duration::ZERO, u64::MAX, 100).await.unwrap(), 9);
    let sql = "SELECT (SELECT count(*) FROM s.tasks), (SELECT count(*) FROM s.task_tags), (SELECT count(*) FROM \
        s.log_pages), (SELECT sum(tasks) FROM s.task_counts), (SELECT sum(bytes) FROM s.task_counts)";
    assert_eq!(shared_server().sql("postgres", &sql.replace("s.", &format!("{}.", settings.schema))), "0|0|0|0|0");
}

/// Goal: large tasks are forgotten in bites that end by bytes too, however large one of them is, and all in one call; not one more
/// than was asked for.
#[tokio::test]
async fn large_tasks_are_forgotten_in_small_bites() {
    let (settings, clock) = (settings(), Arc::new(TestClock::default()));
    let store = kit::open(&settings, clock.clone()).await;
    clock.advance(Duration::from_secs(3_600));
    store.archive(&(0..12).map(ended_task).collect::<Vec<_>>()).await.unwrap();
    let in_schema = |sql: &str| shared_server().sql("postgres", &sql.replace("s.", &format!("{}.", settings.schema)));
    // As if the first had 100 MiB, and the others 30 MiB each; and what each statement forgets of it is written down.
    in_schema(
        "UPDATE s.tasks SET bytes = 30 << 20; \
        UPDATE s.tasks SET bytes = 100 << 20 WHERE ended_at = (SELECT min(ended_at) FROM s.tasks); \
        UPDATE s.task_counts SET bytes = (SELECT sum(bytes) FROM s.tasks); \
        CREATE TABLE s.bites (number bigint GENERATED ALWAYS AS IDENTITY, mib bigint); \
        CREATE FUNCTION s.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        INSERT INTO s.bites (mib) SELECT sum(bytes) / (1 << 20) FROM gone HAVING count(*) > 0; RETURN NULL; END $$; \
        CREATE TRIGGER note AFTER DELETE ON s.tasks REFERENCING OLD TABLE AS gone FOR EACH STATEMENT \
        EXECUTE FUNCTION s.note()",
    );
    let bites = || in_schema("SELECT string_agg(mib::text, ' ' ORDER BY number) FROM s.bites");
    assert_eq!(store.clean(Duration::ZERO, u64::MAX, 10).await.unwrap(), 10);
    assert_eq!(bites(), "100 90 90 90");
    // By the bound on bytes it is the same.
    assert_eq!(store.clean(Duration::MAX, 0, 10).await.unwrap(), 2);
    assert_eq!((bites().as_str(), store.stats().await.unwrap().bytes), ("100 90 90 90 60", 0));
}

/// Goal: whatever is in the database, an unreadable row is said to be one.
#[tokio::test]
async fn an_unreadable_row_is_said() {
    let settings = settings();
    let store = kit::open(&settings, Arc::new(TestClock::default())).await;
    let task = ended_task(1);
    store.archive(std::slice::from_ref(&task)).await.unwrap();
    shared_server().sql("postgres", &format!("UPDATE {}.tasks SET input = '{{'", settings.schema));
    let read = store.task(&Tenant::default(), task.record.id).await;
    assert!(matches!(read, Err(StoreError::Corrupt(_))), "{read:?}");
}
