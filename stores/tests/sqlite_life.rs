//! The life of a data folder: who may open it, what is said when it cannot be, restarts, full disks, backups.

#![expect(clippy::panic, clippy::unwrap_used, reason = "these are tests")]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use caudal_engine::ports::{
    Bell, ClaimRequest, Claimed, Control, Feed, IdleWorker, RandomIds, StoreError, TaskFilter, TaskStore,
};
use caudal_engine::task::{Json, Limits, NewTask, TaskId, TaskState, Tenant};
use caudal_engine::testing::clock::TestClock;
use caudal_engine::testing::conformance::{Harness, Parts, Trial};
use caudal_stores::sqlite::{BackupError, DATABASE, OpenError, SqliteSettings, SqliteStore};

struct Opened(Arc<SqliteStore>);

#[async_trait::async_trait]
impl Harness for Opened {
    fn store(&self) -> Arc<dyn TaskStore> {
        self.0.clone()
    }

    async fn holders_die(&mut self) {}
}

fn open_with(settings: &SqliteSettings, parts: &Parts) -> Result<Arc<SqliteStore>, OpenError> {
    let Parts { clock, ids, bell, feed, .. } = parts.clone();
    SqliteStore::open(settings, clock, ids, bell, feed).map(Arc::new)
}

fn try_open(folder: &Path) -> Result<SqliteStore, OpenError> {
    let (bell, feed) = (Arc::new(Bell::default()), Arc::new(Feed::default()));
    SqliteStore::open(&SqliteSettings::new(folder), Arc::new(TestClock::default()), Arc::new(RandomIds), bell, feed)
}

fn refusal(folder: &Path) -> String {
    match try_open(folder) {
        Ok(_) => panic!("{} was opened", folder.display()),
        Err(error) => error.to_string(),
    }
}

/// Goal: two processes cannot write into one folder, and the second learns who the first is.
#[tokio::test]
async fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = try_open(folder.path()).unwrap();
    let refused = refusal(folder.path());
    assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
    store.shutdown().await;
    let again = try_open(folder.path()).unwrap();
    assert!(matches!(store.check().await, Err(StoreError::Unavailable(_))), "a closed store says so");
    assert!(again.check().await.is_ok());
}

/// Goal: a broken file is refused with its path and the way out, and is not touched.
#[test]
fn a_corrupt_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(DATABASE);
    std::fs::write(&path, "no database at all, but long enough to be looked at as one ".repeat(99)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = refusal(folder.path());
    assert!(refused.contains(path.to_str().unwrap()), "{refused}");
    assert!(refused.contains("backup") && refused.contains("move it away"), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// Goal: an older version does not write into a newer one's database.
#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    try_open(folder.path()).unwrap().shutdown().await;
    let connection = rusqlite::Connection::open(folder.path().join(DATABASE)).unwrap();
    connection.execute("INSERT INTO schema_migrations VALUES (999, '0999_later')", []).unwrap();
    drop(connection);
    let refused = refusal(folder.path());
    assert!(refused.contains("newer version") && refused.contains("999"), "{refused}");
}

/// Goal: a folder that cannot be written to is named.
#[test]
fn an_unusable_folder_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = refusal(&file.join("data"));
    assert!(refused.contains(file.to_str().unwrap()) && refused.contains("may write to"), "{refused}");
}

/// Goal: after a restart, what ran is taken over in bites, while others are claimed at once.
#[tokio::test]
async fn a_restart_takes_over_in_bites() {
    let folder = tempfile::tempdir().unwrap();
    let (settings, parts) = (SqliteSettings::new(folder.path()), Parts::default());
    let trial = Trial::new(parts.clone(), Opened(open_with(&settings, &parts).unwrap()));
    for _ in 0..25 {
        trial.running().await;
    }
    let waiting = trial.start().await;
    drop(trial);
    let store = open_with(&settings, &parts).unwrap();
    let trial = Trial::new(parts, Opened(store.clone()));
    let held = trial.claim(waiting).await;
    let mut bites = Vec::new();
    for _ in 0..4 {
        bites.push(store.rescue(10).await.unwrap());
    }
    assert_eq!(bites.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5, 0]);
    assert!(bites.iter().flatten().all(|rescued| rescued.task != held.task && rescued.takeovers == 1));
    assert_eq!(trial.state(held.task).await, TaskState::Running);
}

/// Goal: the bound of a tenant's line and the figures are known after a restart, without counting.
#[tokio::test]
async fn figures_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let parts = Parts::default();
    let limits = Limits { line_per_tenant: 3, ..Limits::default() };
    let settings = SqliteSettings { limits, ..SqliteSettings::new(folder.path()) };
    let trial = Trial::new(parts.clone(), Opened(open_with(&settings, &parts).unwrap()));
    let tasks = [trial.start().await, trial.start().await, trial.start().await];
    trial.control(tasks[0], Control::Cancel).await.unwrap();
    let before = trial.store().stats().await.unwrap();
    drop(trial);
    let store = open_with(&settings, &parts).unwrap();
    let trial = Trial::new(parts, Opened(store.clone()));
    let after = store.stats().await.unwrap();
    assert_eq!((before.tasks, before.due, before.in_line), (after.tasks, after.due, after.in_line));
    trial.start().await;
    assert!(store.create(vec![trial.new_task()]).await.unwrap()[0].is_err(), "the line is full");
}

/// Goal: a full disk refuses writes and nothing else; with space again, the same store goes on, with nothing half-written.
#[tokio::test]
async fn a_full_disk_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let parts = Parts::default();
    let settings = SqliteSettings { most_bytes: Some(1024 * 1024), ..SqliteSettings::new(folder.path()) };
    let store = open_with(&settings, &parts).unwrap();
    let trial = Trial::new(parts, Opened(store.clone()));
    let large = || NewTask { input: Json::of(&"x".repeat(100_000)).unwrap(), ..trial.new_task() };
    let mut stored = Vec::new();
    let refused = loop {
        let new = large();
        match store.create(vec![new.clone()]).await {
            Ok(_) => stored.push(new.id),
            Err(error) => break (new, error),
        }
    };
    assert!(matches!(refused.1, StoreError::Full(_)), "{:?}", refused.1);
    assert!(stored.len() > 2);
    let all = TaskFilter { limit: 100, ..TaskFilter::default() };
    assert_eq!(store.list(&all).await.unwrap().items.len(), stored.len(), "reading goes on");
    assert!(store.events(refused.0.id, 0, 1_000).await.unwrap().is_empty(), "nothing is half-written");
    assert_eq!(store.stats().await.unwrap().due, stored.len() as u64);
    for task in &stored[..2] {
        trial.control(*task, Control::Cancel).await.unwrap();
        store.delete(&Tenant::default(), *task).await.unwrap();
    }
    assert!(store.create(vec![refused.0]).await.unwrap()[0].is_ok(), "there is space again");
}

/// Goal: a backup of a running store is whole, of one moment, and overwrites nothing.
#[tokio::test]
async fn a_backup_can_be_opened() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let parts = Parts::default();
    let store = open_with(&SqliteSettings::new(folder.path()), &parts).unwrap();
    let trial = Trial::new(parts.clone(), Opened(store.clone()));
    let task = trial.start().await;
    let to = other.path().join(DATABASE);
    store.backup(&to).await.unwrap();
    trial.start().await;
    assert!(matches!(store.backup(&to).await, Err(BackupError::Exists(_))));
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 1, "nothing is left beside it");
    let restored = open_with(&SqliteSettings::new(other.path()), &parts).unwrap();
    let trial = Trial::new(parts, Opened(restored.clone()));
    let page = restored.list(&TaskFilter { limit: 9, ..TaskFilter::default() }).await.unwrap();
    assert_eq!(page.items.iter().map(|record| record.id).collect::<Vec<_>>(), [task]);
    trial.claim(task).await;
}

/// Goal: what is forgotten gives its space back, to the store first and the disk then.
#[tokio::test]
async fn cleaning_gives_space_back() {
    let folder = tempfile::tempdir().unwrap();
    let parts = Parts::default();
    let store = open_with(&SqliteSettings::new(folder.path()), &parts).unwrap();
    let trial = Trial::new(parts, Opened(store.clone()));
    for _ in 0..40 {
        let new = NewTask { input: Json::of(&"x".repeat(500_000)).unwrap(), ..trial.new_task() };
        let task = trial.create(new).await;
        trial.control(task, Control::Cancel).await.unwrap();
    }
    let full = store.stats().await.unwrap().bytes;
    assert!(full > 20_000_000);
    let keep = 5_000_000;
    assert!(store.clean(Duration::MAX, keep, 1_000).await.unwrap() >= 30);
    assert!(store.stats().await.unwrap().bytes <= keep);
    store.shutdown().await;
    let file = std::fs::metadata(folder.path().join(DATABASE)).unwrap().len();
    assert!(file < full / 2, "{file} of {full} are still taken");
}

/// A worker with free places, that writes down what it was given.
struct FreePlaces {
    request: ClaimRequest,
    offers: AtomicUsize,
    accepted: Mutex<Vec<Vec<TaskId>>>,
}

impl IdleWorker for FreePlaces {
    fn offer(&self) -> Option<ClaimRequest> {
        self.offers.fetch_add(1, Ordering::SeqCst);
        Some(self.request.clone())
    }

    fn accept(&self, claimed: Claimed) {
        let tasks = claimed.tasks.iter().map(|claimed| claimed.task.id).collect();
        self.accepted.lock().unwrap().push(tasks);
    }
}

/// Goal: a worker with a free place has a task in the very operation that puts it in line; what is not due, and what
/// it does not know, stays there; and one that is gone is not asked.
#[tokio::test]
async fn an_idle_worker_is_given_what_is_born() {
    let folder = tempfile::tempdir().unwrap();
    let (settings, parts) = (SqliteSettings::new(folder.path()), Parts::default());
    let store = open_with(&settings, &parts).unwrap();
    let trial = Trial::new(parts, Opened(store.clone()));
    let request = ClaimRequest { most: 2, ..trial.request() };
    let worker = Arc::new(FreePlaces { request, offers: AtomicUsize::default(), accepted: Mutex::default() });
    let attached: Weak<FreePlaces> = Arc::downgrade(&worker);
    store.attach(attached);

    let born = trial.start().await;
    assert_eq!(worker.accepted.lock().unwrap().last(), Some(&vec![born]), "no answer before it was given");
    assert_eq!(trial.state(born).await, TaskState::Running);
    assert_eq!(trial.kinds(born).await, ["task.created", "task.claimed"]);

    let later = trial.create(NewTask { due_at: trial.now() + Duration::from_secs(60), ..trial.new_task() }).await;
    let foreign = trial.create(trial.new_task_of("unknown")).await;
    assert_eq!(worker.accepted.lock().unwrap().last(), Some(&Vec::new()));
    assert_eq!((trial.state(later).await, trial.state(foreign).await), (TaskState::Queued, TaskState::Queued));

    let asked = worker.offers.load(Ordering::SeqCst);
    assert_eq!(worker.accepted.lock().unwrap().len(), asked, "each offer was answered once");
    drop(worker);
    let left = trial.start().await;
    assert_eq!(trial.state(left).await, TaskState::Queued);
}

/// Goal: a task whose row makes no sense is passed over, and holds up neither others in its lane nor those who come.
#[tokio::test]
async fn an_unreadable_task_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (settings, parts) = (SqliteSettings::new(folder.path()), Parts::default());
    let trial = Trial::new(parts.clone(), Opened(open_with(&settings, &parts).unwrap()));
    let mut tasks = Vec::new();
    for _ in 0..40 {
        tasks.push(trial.start().await);
    }
    drop(trial);
    let connection = rusqlite::Connection::open(folder.path().join(DATABASE)).unwrap();
    connection.execute("UPDATE task_details SET input = '{' WHERE task <= 10", []).unwrap();
    // In line, and paused all the same: it cannot be claimed.
    connection.execute("UPDATE tasks SET state = 3 WHERE task BETWEEN 11 AND 20", []).unwrap();
    drop(connection);
    let trial = Trial::new(parts.clone(), Opened(open_with(&settings, &parts).unwrap()));
    for _ in 0..30 {
        trial.claim_next(ClaimRequest { most: 1, ..trial.request() }).await;
    }
    let mut running = 0;
    for task in &tasks[20..] {
        running += usize::from(trial.state(*task).await == TaskState::Running);
    }
    assert!(running >= 10, "{running} of 20 were claimed");
}
