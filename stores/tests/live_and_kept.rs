//! The two parts together: archiving beside the work, without Postgres, after it, and what readers see meanwhile.

#![expect(clippy::unwrap_used, reason = "a test may end with a crash: that is how it fails")]

mod kit;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use caudal_engine::ports::{Control, ControlRefused, SignalRefused, StoreError, TaskFilter, TaskStore};
use caudal_engine::task::{TaskId, TaskState, Tenant, WireState};
use caudal_engine::testing::conformance::held::line;
use caudal_engine::testing::conformance::trial::{new_signal, within};
use caudal_engine::testing::conformance::{Harness, Parts, Trial};
use caudal_stores::live_and_kept::{Archiver, ArchiverSettings, CaughtUp, LiveAndKeptStore};
use caudal_stores::postgres::{PostgresSettings, PostgresStore};
use kit::{MemoryLive, PostgresServer, settings, settings_on, shared_server};

struct Whole {
    trial: Trial,
    live: Arc<MemoryLive>,
    kept: Arc<PostgresStore>,
    archiver: Arc<Archiver>,
}

struct Opened(Arc<LiveAndKeptStore>);

#[async_trait]
impl Harness for Opened {
    fn store(&self) -> Arc<dyn TaskStore> {
        self.0.clone()
    }

    async fn holders_die(&mut self) {}
}

/// As usual, but for patience.
fn quick() -> ArchiverSettings {
    let soon = Duration::from_millis(5);
    ArchiverSettings { gather: soon, leave_turn: soon, least_pause: soon, most_pause: soon * 10, ..Default::default() }
}

async fn whole(settings: &PostgresSettings, hides: bool) -> Whole {
    let parts = Parts::default();
    let live = MemoryLive::new(parts.clone(), hides);
    let kept = kit::open(settings, parts.clock.clone()).await;
    let archiver = Archiver::new(live.clone(), kept.clone(), parts.feed.clone(), parts.clock.clone(), quick());
    let store = Arc::new(LiveAndKeptStore::new(live.clone(), kept.clone()));
    Whole { trial: Trial::new(parts, Opened(store)), live, kept, archiver: Arc::new(archiver) }
}

impl Whole {
    async fn ended(&self) -> TaskId {
        let mut held = self.trial.running().await;
        held.send(&*self.trial.store(), held.go_on(&[line("done soon")])).await.unwrap();
        held.send(&*self.trial.store(), held.end(TaskState::Succeeded)).await.unwrap();
        held.task
    }

    async fn catch_up(&self) {
        assert_eq!(self.archiver.catch_up().await.unwrap(), CaughtUp::All);
    }

    /// Archives in the background until the test ends.
    fn start_archiver(&self) {
        let archiver = self.archiver.clone();
        tokio::spawn(async move { archiver.run().await });
    }

    /// Returns when so many are archived.
    async fn archived(&self, count: usize) {
        while self.live.noted().archived.len() < count {
            tokio::task::yield_now().await;
        }
    }

    async fn listed(&self, filter: TaskFilter) -> Vec<TaskId> {
        let page = self.trial.store().list(&TaskFilter { limit: 100, ..filter }).await.unwrap();
        assert!(!page.partial);
        page.items.into_iter().map(|record| record.id).collect()
    }
}

/// Goal: what has ended is archived by itself, soon, and is then in both parts but in lists and figures once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ended_are_archived() {
    let whole = whole(&settings(), false).await;
    whole.start_archiver();
    let mut expected = Vec::new();
    for _ in 0..30 {
        expected.insert(0, whole.ended().await);
    }
    whole.archived(30).await;
    let open = whole.trial.start().await;
    let kept = whole.kept.list(&TaskFilter { limit: 100, ..TaskFilter::default() }).await.unwrap();
    assert_eq!(kept.items.iter().map(|record| record.id).collect::<Vec<_>>(), expected);
    expected.insert(0, open);
    assert_eq!(whole.listed(TaskFilter::default()).await, expected);
    let stats = whole.trial.store().stats().await.unwrap();
    let succeeded: u64 = stats.tasks.iter().filter(|count| count.1 == TaskState::Succeeded).map(|count| count.2).sum();
    assert_eq!((succeeded, stats.due), (30, 1));
}

/// Goal: pages over both parts show every task once, newest first, wherever it is.
#[tokio::test]
async fn pages_go_over_both_parts() {
    for hides in [false, true] {
        let whole = whole(&settings(), hides).await;
        let mut expected = Vec::new();
        for round in 0..20 {
            expected.insert(0, if round % 3 == 0 { whole.trial.start().await } else { whole.ended().await });
            if let Some(open) = expected.first().filter(|_| round % 3 == 0) {
                whole.trial.control(*open, Control::Pause).await.unwrap();
            }
            if round == 12 {
                whole.catch_up().await;
            }
        }
        let mut filter = TaskFilter { limit: 3, ..TaskFilter::default() };
        let mut seen = Vec::new();
        loop {
            let page = whole.trial.store().list(&filter).await.unwrap();
            assert!(page.items.len() <= 3);
            seen.extend(page.items.iter().map(|record| record.id));
            filter.cursor = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected);
        let paused = TaskFilter { states: vec![WireState::Paused], ..TaskFilter::default() };
        assert_eq!(whole.listed(paused).await.len(), 7);
    }
}

/// Goal: a task that only the kept part has answers controls and signals as any ended one.
#[tokio::test]
async fn a_kept_task_answers_as_ended() {
    let whole = whole(&settings(), true).await;
    let held = whole.trial.running().await;
    whole.trial.signal(held.task, "approval-1").await.unwrap();
    whole.trial.control(held.task, Control::Cancel).await.unwrap();
    let mut held = held;
    held.send(&*whole.trial.store(), held.end(TaskState::Cancelled)).await.unwrap();
    let log = whole.trial.kinds(held.task).await;
    whole.catch_up().await;
    assert!(whole.live.task(&Tenant::default(), held.task).await.unwrap().is_none(), "only the kept part has it");
    assert_eq!(whole.trial.kinds(held.task).await, log);
    assert_eq!(whole.trial.control(held.task, Control::Cancel).await.unwrap(), TaskState::Cancelled, "a repeat");
    for control in [Control::Pause, Control::Resume] {
        let refused = whole.trial.control(held.task, control).await;
        assert!(matches!(refused, Err(ControlRefused::WrongState { state: WireState::Cancelled })), "{refused:?}");
    }
    let again = whole.trial.signal(held.task, "approval-1").await;
    assert!(matches!(again, Err(SignalRefused::AlreadyAnswered)), "{again:?}");
    for name in ["approval-2", "go"] {
        let refused = whole.trial.signal(held.task, name).await;
        assert!(matches!(refused, Err(SignalRefused::WrongState { state: WireState::Cancelled })), "{refused:?}");
    }
    let other = Tenant::new("other");
    let theirs = whole.trial.store().signal(&other, new_signal(held.task, "go")).await;
    assert!(matches!(theirs, Err(SignalRefused::NotFound)), "{theirs:?}");
    whole.trial.store().delete(&Tenant::default(), held.task).await.unwrap();
    assert!(whole.trial.store().last_event(held.task).await.unwrap().is_none());
}

/// Goal: while Postgres is gone work goes on, lists are partial and say so, and what only it knows is "not now"; when it
/// is back, all is archived and nothing was lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_goes_and_comes_back() {
    let mut server = PostgresServer::start();
    let patience = Duration::from_millis(300);
    let whole = whole(&PostgresSettings { connect_patience: patience, ..settings_on(&server) }, true).await;
    whole.start_archiver();
    let before = whole.ended().await;
    whole.archived(1).await;
    for round in 1..=2 {
        server.kill();
        let meanwhile = whole.ended().await;
        let all = TaskFilter { limit: 100, ..TaskFilter::default() };
        let page = whole.trial.store().list(&all).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|record| record.id).collect();
        assert_eq!((page.partial, found), (true, vec![meanwhile]));
        assert_eq!(whole.trial.record(meanwhile).await.state, TaskState::Succeeded);
        let unknown = whole.trial.store().task(&Tenant::default(), before).await;
        assert!(matches!(unknown, Err(StoreError::Unavailable(_))), "{unknown:?}");
        whole.trial.store().check().await.unwrap();
        whole.trial.store().stats().await.unwrap();
        server.run();
        whole.archived(1 + round).await;
        assert_eq!(whole.trial.record(before).await.state, TaskState::Succeeded);
        assert_eq!(whole.listed(TaskFilter::default()).await.len(), 1 + round);
    }
}

/// Goal: a server that hangs instead of refusing does not hang whoever asks, and is used again when it answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_postgres_is_not_waited_for() {
    let server = PostgresServer::start();
    let patience = Duration::from_millis(300);
    let settings =
        PostgresSettings { connect_patience: patience, statement_patience: patience, ..settings_on(&server) };
    let whole = whole(&settings, true).await;
    let task = whole.ended().await;
    whole.catch_up().await;
    server.freeze();
    let open = whole.trial.start().await;
    for _ in 0..3 {
        let page = whole.trial.store().list(&TaskFilter { limit: 9, ..TaskFilter::default() }).await.unwrap();
        assert_eq!((page.partial, page.items.len(), page.items[0].id), (true, 1, open));
    }
    server.thaw();
    while whole.trial.store().task(&Tenant::default(), task).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(whole.listed(TaskFilter::default()).await, [open, task]);
}

/// Goal: a task that Postgres refuses is set aside with the reason, and all others go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisoned_task_is_set_aside() {
    let settings = settings();
    let whole = whole(&settings, false).await;
    let poisoned = whole.ended().await;
    let trap = "CREATE FUNCTION s.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        IF NEW.id = 'it' THEN RAISE EXCEPTION 'this one is poisoned'; END IF; RETURN NEW; END $$; \
        CREATE TRIGGER trap BEFORE INSERT ON s.log_pages FOR EACH ROW EXECUTE FUNCTION s.refuse()";
    let trap = trap.replace("s.", &format!("{}.", settings.schema)).replace("'it'", &format!("'{poisoned}'"));
    shared_server().sql("postgres", &trap);
    for _ in 0..5 {
        whole.ended().await;
    }
    whole.start_archiver();
    whole.archived(5).await;
    whole.ended().await;
    whole.archived(6).await;
    let set_aside = whole.live.noted().set_aside.clone();
    assert_eq!(set_aside.keys().collect::<Vec<_>>(), [&poisoned]);
    assert!(set_aside[&poisoned].contains("this one is poisoned"), "{set_aside:?}");
    assert_eq!(whole.trial.state(poisoned).await, TaskState::Succeeded, "it is still read where it is");
    // What was wrong is right again: whoever archives next tries once more.
    shared_server().sql("postgres", &format!("DROP TRIGGER trap ON {}.log_pages", settings.schema));
    whole.start_archiver();
    whole.archived(7).await;
    assert!(whole.live.noted().set_aside.is_empty());
}

/// Goal: trouble of the whole server sets nobody aside.
#[tokio::test]
async fn trouble_of_the_server_sets_nobody_aside() {
    let settings = settings();
    let whole = whole(&settings, false).await;
    whole.ended().await;
    let rename = |from: &str, to: &str| format!("ALTER TABLE {}.{from} RENAME TO {to}", settings.schema);
    shared_server().sql("postgres", &rename("log_pages", "gone"));
    for _ in 0..3 {
        assert!(matches!(whole.archiver.catch_up().await, Err(StoreError::Unavailable(_))));
    }
    assert!(whole.live.noted().set_aside.is_empty());
    shared_server().sql("postgres", &rename("gone", "log_pages"));
    whole.catch_up().await;
    assert_eq!(whole.live.noted().archived.len(), 1);
}

/// Goal: several archivers at once lose nothing and double nothing, and none of them is in the way of the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archivers_take_turns() {
    let settings = settings();
    let whole = whole(&settings, false).await;
    let clock = whole.trial.clock.clone();
    for _ in 0..4 {
        let kept = kit::open(&settings, clock.clone()).await;
        let small = ArchiverSettings { most_tasks: 3, ..quick() };
        let other = Archiver::new(whole.live.clone(), kept, whole.trial.feed.clone(), clock.clone(), small);
        tokio::spawn(async move { other.run().await });
    }
    for _ in 0..40 {
        whole.ended().await;
    }
    whole.archived(40).await;
    assert_eq!(whole.kept.stats().await.unwrap().tasks[0].2, 40);
    let turn = whole.kept.take_turn().await.unwrap();
    whole.ended().await;
    let left = whole.archiver.catch_up().await.unwrap();
    assert!(turn.is_none() || left == CaughtUp::OthersTurn);
    drop(turn);
    whole.archived(41).await;
}

/// Goal: while others are busy, what presses is archived without a rest; what does not is followed by one, and none is
/// longer than it may be, however slow a batch is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_presses_has_no_rest() {
    for (presses, longest_rest) in [(true, Duration::MAX), (false, Duration::from_millis(5))] {
        let whole = whole(&settings(), false).await;
        let slow = ArchiverSettings { most_tasks: 3, rest: u32::MAX, longest_rest, ..quick() };
        let (kept, clock) = (whole.kept.clone(), whole.trial.clock.clone());
        let archiver = Archiver::new(whole.live.clone(), kept, whole.trial.feed.clone(), clock, slow);
        for _ in 0..10 {
            whole.ended().await;
        }
        whole.live.noted().is_busy = true;
        whole.live.noted().presses = presses;
        let began = Instant::now();
        assert_eq!(within(archiver.catch_up()).await.unwrap(), CaughtUp::All, "presses: {presses}");
        let noted = whole.live.noted();
        assert_eq!((noted.archived.len(), noted.asked), (10, 4));
        assert!(presses || began.elapsed() >= 3 * longest_rest, "three batches are followed by another");
    }
}

/// Goal: a task that is deleted while others archive does not come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deleted_stay_deleted() {
    let whole = whole(&settings(), false).await;
    whole.start_archiver();
    let mut tasks = Vec::new();
    for _ in 0..30 {
        let task = whole.ended().await;
        tasks.push(task);
        whole.trial.store().delete(&Tenant::default(), task).await.unwrap();
    }
    let last = whole.ended().await;
    while whole.kept.last_event(last).await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(whole.listed(TaskFilter::default()).await, [last]);
    for task in tasks {
        assert!(whole.trial.store().last_event(task).await.unwrap().is_none());
    }
}

/// Goal: while tasks run and nothing ends, Postgres is asked nothing, also by those who watch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_live_asks_nothing_of_postgres() {
    let server = PostgresServer::start();
    let whole = whole(&settings_on(&server), true).await;
    whole.start_archiver();
    let store = whole.trial.store();
    let mut held = whole.trial.running().await;
    let before = server.queries();
    assert!(before > 0, "queries are seen");
    for _ in 0..20 {
        let written = held.send(&*store, held.go_on(&[line("x")])).await.unwrap();
        assert!(store.events(held.task, written.head, 1_000).await.unwrap().is_empty());
        store.last_event(held.task).await.unwrap();
        store.check().await.unwrap();
        whole.trial.state(held.task).await;
        let open = TaskFilter { states: vec![WireState::Progress], limit: 9, ..TaskFilter::default() };
        store.list(&open).await.unwrap();
        whole.archiver.catch_up().await.unwrap();
    }
    assert_eq!(server.queries(), before);
}
