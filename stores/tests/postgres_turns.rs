//! Writers take turns: who waits for whom, and for how much.

#![expect(clippy::unwrap_used, reason = "a test may end with a crash: that is how it fails")]

mod kit;

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::notification::{Channel, NotificationId, NotificationRecord, NotificationState};
use caudal_engine::ports::StoreError;
use caudal_engine::task::{Json, TaskId, Tenant};
use caudal_engine::testing::clock::TestClock;
use caudal_stores::ended_task::EndedTask;
use caudal_stores::postgres::{PostgresSettings, PostgresStore};
use futures_util::future::join_all;
use kit::ended::BEGIN;
use kit::{PostgresServer, ended_task, settings, settings_on, shared_server};
use tokio::task::JoinHandle;

/// How many sessions wait for the turn to write into this schema.
fn waiting(server: &PostgresServer, schema: &str) -> usize {
    let sql = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
        AND (classid::int8 << 32) | objid::int8 = hashtextextended('caudal kept tasks {schema}', 0)";
    server.sql("postgres", &sql.replace("{schema}", schema)).parse().unwrap()
}

async fn until_somebody_waits(server: &PostgresServer, schema: &str) {
    while waiting(server, schema) == 0 {
        tokio::task::yield_now().await;
    }
}

fn sent_mail() -> NotificationRecord {
    NotificationRecord {
        id: NotificationId::first(BEGIN, 0, 7),
        tenant: Tenant::default(),
        task: None,
        channel: Channel::Mail,
        recipient: "ana@example.org".into(),
        state: NotificationState::Sent,
        attempts: 1,
        tries: 1,
        created_at: BEGIN,
        queued_at: BEGIN,
        due_at: None,
        ended_at: Some(BEGIN),
        error: None,
        body: Json::null(),
    }
}

/// Keeps a mail, and does this while somebody has the turn to archive; answers when that one lets go of it.
async fn behind_an_archiver<T: Send + 'static>(
    archiver: &PostgresStore,
    (server, schema): (&PostgresServer, &str),
    waits: impl Future<Output = T> + Send + 'static,
) -> T {
    let mut turn = archiver.take_turn().await.unwrap().unwrap();
    turn.keep_notifications(&[sent_mail()]).await.unwrap();
    let waits = tokio::spawn(waits);
    until_somebody_waits(server, schema).await;
    turn.commit().await.unwrap();
    waits.await.unwrap()
}

/// Goal: who cleans waits for an archiver instead of leaving it for another time, and asks nothing more when nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cleaning_waits_for_its_turn() {
    let mut server = PostgresServer::start();
    let (settings, clock) = (settings_on(&server), Arc::new(TestClock::default()));
    let (one, other) = (kit::open(&settings, clock.clone()).await, kit::open(&settings, clock.clone()).await);
    one.archive(&[0, 1, 2].map(ended_task)).await.unwrap();
    clock.advance(Duration::from_secs(3_600));
    let tasks = |most| {
        let other = other.clone();
        async move { other.clean(Duration::ZERO, u64::MAX, most).await.unwrap() }
    };
    let notifications = || {
        let other = other.clone();
        async move { other.clean_notifications(Duration::ZERO, 10).await.unwrap() }
    };
    let place = (&server, settings.schema.as_str());
    assert_eq!(behind_an_archiver(&one, place, tasks(2)).await, 2);
    assert_eq!(behind_an_archiver(&one, place, notifications()).await, 1);
    assert_eq!((tasks(2).await, notifications().await), (1, 0));
    assert_eq!(tasks(2).await, 0);
    server.kill();
    assert_eq!((tasks(2).await, notifications().await), (0, 0), "it was believed");
}

/// Goal: an archiver waits for one that deletes or cleans, and has the turn after it; to another archiver it is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archivers_wait_for_others() {
    let (settings, gate) = (settings(), settings());
    let clock = Arc::new(TestClock::default());
    let (one, other) = (kit::open(&settings, clock.clone()).await, kit::open(&settings, clock.clone()).await);
    let first = ended_task(1);
    one.archive(std::slice::from_ref(&first)).await.unwrap();
    // Whoever deletes a task has the turn until the gate is open.
    let trap = "CREATE FUNCTION s.hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        PERFORM pg_advisory_xact_lock(hashtextextended('caudal kept tasks gate', 0)); RETURN OLD; END $$; \
        CREATE TRIGGER hold BEFORE DELETE ON s.tasks FOR EACH ROW EXECUTE FUNCTION s.hold()";
    let trap =
        trap.replace("s.", &format!("{}.", settings.schema)).replace("tasks gate", &format!("tasks {}", gate.schema));
    shared_server().sql("postgres", &trap);
    let gatekeeper = kit::open(&gate, clock).await;
    let closed = gatekeeper.take_turn().await.unwrap().unwrap();
    let deleter = one.clone();
    let deleting = tokio::spawn(async move { deleter.delete(&Tenant::default(), first.record.id).await });
    until_somebody_waits(shared_server(), &gate.schema).await;
    let archiving = tokio::spawn(async move {
        let mut turn = other.take_turn().await.unwrap().unwrap();
        turn.archive(&[ended_task(2)]).await.unwrap();
        turn.commit().await.unwrap();
    });
    until_somebody_waits(shared_server(), &settings.schema).await;
    assert!(one.take_turn().await.unwrap().is_none(), "another archiver is at it");
    closed.commit().await.unwrap();
    deleting.await.unwrap().unwrap();
    archiving.await.unwrap();
    assert!(one.task(&Tenant::default(), ended_task(2).record.id).await.unwrap().is_some());
}

/// Goal: who archives tasks and who archives notifications do not the same work: each waits for the other's turn to end, and
/// only to one of its own kind it is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archivers_of_two_kinds_wait_for_each_other() {
    let (settings, clock) = (settings(), Arc::new(TestClock::default()));
    let (one, other) = (kit::open(&settings, clock.clone()).await, kit::open(&settings, clock).await);
    let waits = async |archiving: &JoinHandle<()>| {
        while waiting(shared_server(), &settings.schema) == 0 {
            assert!(!archiving.is_finished(), "it does not wait");
            tokio::task::yield_now().await;
        }
    };
    let tasks = one.take_turn().await.unwrap().unwrap();
    let keeper = other.clone();
    let keeping = tokio::spawn(async move {
        let mut turn = keeper.take_outbox_turn().await.unwrap().unwrap();
        turn.keep_notifications(&[sent_mail()]).await.unwrap();
        turn.commit().await.unwrap();
    });
    waits(&keeping).await;
    assert!(one.take_outbox_turn().await.unwrap().is_none(), "another one is at the notifications");
    tasks.commit().await.unwrap();
    keeping.await.unwrap();
    let notifications = other.take_outbox_turn().await.unwrap().unwrap();
    let archiver = one.clone();
    let archiving = tokio::spawn(async move {
        let mut turn = archiver.take_turn().await.unwrap().unwrap();
        turn.archive(&[ended_task(1)]).await.unwrap();
        turn.commit().await.unwrap();
    });
    waits(&archiving).await;
    notifications.commit().await.unwrap();
    archiving.await.unwrap();
    assert!(one.notification(&Tenant::default(), sent_mail().id).await.unwrap().is_some());
    assert!(one.task(&Tenant::default(), ended_task(1).record.id).await.unwrap().is_some());
}

/// Goal: tasks that are deleted together line up in their process, on one connection; whoever reads meanwhile finds another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_deletes_leave_connections_to_others() {
    let (settings, clock) = (settings(), Arc::new(TestClock::default()));
    let (one, other) = (kit::open(&settings, clock.clone()).await, kit::open(&settings, clock).await);
    let tasks: Vec<EndedTask> = (0..64).map(ended_task).collect();
    one.archive(&tasks).await.unwrap();
    let ids: Vec<TaskId> = tasks.iter().map(|task| task.record.id).collect();
    let (last, deleter) = (ids[63], other.clone());
    let held = one.take_turn().await.unwrap().unwrap();
    let deleting = tokio::spawn(async move {
        let tenant = Tenant::default();
        join_all(ids.iter().map(|id| deleter.delete(&tenant, *id))).await
    });
    until_somebody_waits(shared_server(), &settings.schema).await;
    assert!(other.task(&Tenant::default(), last).await.unwrap().is_some());
    assert_eq!(waiting(shared_server(), &settings.schema), 1);
    held.commit().await.unwrap();
    let refused: Vec<_> = deleting.await.unwrap().into_iter().filter_map(Result::err).collect();
    assert!(refused.is_empty(), "{refused:?}");
    assert!(other.task(&Tenant::default(), last).await.unwrap().is_none());
}

/// Goal: whoever finds all connections in use is told so; Postgres does not count as away because of it, for nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_pool_is_not_away() {
    let patience = Duration::from_millis(500);
    let one_connection = PostgresSettings { most_connections: 1, connect_patience: patience, ..settings() };
    let store = kit::open(&one_connection, Arc::new(TestClock::default())).await;
    let task = ended_task(1);
    store.archive(std::slice::from_ref(&task)).await.unwrap();
    let held = store.take_turn().await.unwrap().unwrap();
    let refused = store.task(&Tenant::default(), task.record.id).await;
    assert!(matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains("in use")), "{refused:?}");
    held.commit().await.unwrap();
    assert!(store.task(&Tenant::default(), task.record.id).await.unwrap().is_some());
}

/// Goal: the same while a connection is still busy with what nobody waits for any more, as when a client hangs up amid a slow list.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_is_busy_for_nobody_is_not_away() {
    let (settings, gate, server) = (kit::settings(), kit::settings(), shared_server());
    let clock = Arc::new(TestClock::default());
    let patience = Duration::from_millis(500);
    let one_connection = PostgresSettings { most_connections: 1, connect_patience: patience, ..settings.clone() };
    let store = kit::open(&one_connection, clock.clone()).await;
    let task = ended_task(1);
    store.archive(std::slice::from_ref(&task)).await.unwrap();
    // All tasks are locked until the gate is open.
    let gatekeeper = kit::open(&gate, clock).await;
    let closed = gatekeeper.take_turn().await.unwrap().unwrap();
    let trap = "BEGIN; LOCK TABLE s.tasks IN ACCESS EXCLUSIVE MODE; \
        SELECT pg_advisory_xact_lock(hashtextextended('caudal kept tasks gate', 0)); COMMIT";
    let trap =
        trap.replace("s.", &format!("{}.", settings.schema)).replace("tasks gate", &format!("tasks {}", gate.schema));
    let locking = tokio::task::spawn_blocking(move || server.sql("postgres", &trap));
    until_somebody_waits(server, &gate.schema).await;
    let (reader, id) = (store.clone(), task.record.id);
    let reading = tokio::spawn(async move { reader.task(&Tenant::default(), id).await });
    let asks = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 's.tasks'::regclass";
    while server.sql("postgres", &asks.replace("s.", &format!("{}.", settings.schema))) == "0" {
        tokio::task::yield_now().await;
    }
    reading.abort();
    assert!(reading.await.unwrap_err().is_cancelled());
    let refused = store.task(&Tenant::default(), id).await;
    assert!(matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains("in use")), "{refused:?}");
    closed.commit().await.unwrap();
    locking.await.unwrap();
    assert!(store.task(&Tenant::default(), id).await.unwrap().is_some());
}
