//! The store as the process sees it: the port's methods, each handed to the writer or to a reader.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::notification::NewNotification;
use caudal_engine::ports::{
    Bell, ClaimRequest, Claimed, Clock, Control, ControlRefused, CreateRefused, Created, Feed, IdSource, IdleWorker,
    NewSignal, Renewed, Rescued, SignalAccepted, SignalRefused, StoreError, StoreStats, TaskFilter, TaskPage,
    TaskStore, TaskWrite, WriteRefused, Written,
};
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::{Claim, ErrorReport, LogEntry, NewTask, TaskId, TaskRecord, TaskState, Tenant, WorkerId};
use tokio::sync::mpsc;

use super::backup::{self, BackupError};
use super::checkpoint::Checkpoints;
use super::fault::Fault;
use super::idle_workers::IdleWorkers;
use super::lock::FolderLock;
use super::names::Names;
use super::open::{self, DATABASE, OpenError};
use super::operation::operation;
use super::readers::Readers;
use super::session::{Memory, Session};
use super::settings::SqliteSettings;
use super::writer::{Order, QUEUE, Surroundings, Writer};
use super::{list, log, outbox, record, stats};

/// About what an operation without texts adds to a group.
pub(super) const SMALL: usize = 256;
/// Tasks forgotten in one transaction.
const CLEAN_BITE: usize = 50;
/// Bites of free pages given back per call.
const VACUUM_BITES: usize = 16;

pub struct SqliteStore {
    orders: mpsc::Sender<Order>,
    writer: Mutex<Option<JoinHandle<()>>>,
    pub(super) readers: Readers,
    pub(super) names: Names,
    idle_workers: IdleWorkers,
    clock: Arc<dyn Clock>,
    database: PathBuf,
}

impl SqliteStore {
    /// Opens the folder's database, makes it if it is not there, and starts the writer. The folder is this
    /// process's own until the store is shut down or dropped.
    pub fn open(
        settings: &SqliteSettings,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        bell: Arc<Bell>,
        feed: Arc<Feed>,
    ) -> Result<Self, OpenError> {
        open::make_folder(&settings.folder)?;
        let lock = FolderLock::take(&settings.folder)?;
        let database = settings.folder.join(DATABASE);
        let failed = |fault: Fault| OpenError::of(&database, &fault);
        let mut connection = open::open_writer(&database, settings)?;
        outbox::take_over(&connection).map_err(failed)?;
        let names = Names::default();
        let memory = Memory::load(&connection, names.clone()).map_err(failed)?;
        let checkpoints = Checkpoints::start(&mut connection, &database).map_err(failed)?;
        let limits = Arc::new(settings.limits.clone());
        let idle_workers = IdleWorkers::default();
        let around = Surroundings { clock: clock.clone(), ids, bell, feed, limits, idle_workers: idle_workers.clone() };
        let writer = Writer { connection, memory, around, checkpoints };
        let (orders, queue) = mpsc::channel(QUEUE);
        let running = move || {
            writer.run(queue);
            drop(lock);
        };
        let thread = std::thread::Builder::new().name("caudal-writer".to_owned()).spawn(running);
        let thread = thread.map_err(|source| OpenError::Folder { path: database.clone(), source })?;
        let readers = Readers::new(database.clone());
        Ok(Self { orders, writer: Mutex::new(Some(thread)), readers, names, idle_workers, clock, database })
    }

    /// Copies the whole store, as it is at this moment, into a new file. Writers go on meanwhile.
    pub async fn backup(&self, to: &Path) -> Result<(), BackupError> {
        let (database, to) = (self.database.clone(), to.to_owned());
        tokio::task::spawn_blocking(move || backup::back_up(&database, &to))
            .await
            .map_err(|error| BackupError::Copy(error.to_string()))?
    }

    /// Finishes what is queued, takes the write-ahead log into the database file and lets go of the folder. Later
    /// operations are refused.
    pub async fn shutdown(&self) {
        let _ = self.orders.send(Order::Close).await;
        self.readers.close();
        if let Some(thread) = self.thread() {
            // A writer that panicked has nothing more to finish.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    fn thread(&self) -> Option<JoinHandle<()>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) async fn run<T, F>(&self, bytes: usize, run: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Session<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let (operation, answer) = operation(bytes, run);
        self.orders.send(Order::Operation(operation)).await.map_err(|_| is_closed())?;
        answer.await.map_err(|_| is_closed())?
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.readers.close();
        // The writer ends when it hears this, or that nobody is left to ask.
        while let Err(mpsc::error::TrySendError::Full(_)) = self.orders.try_send(Order::Close) {
            // It empties by itself: nobody is left who could fill it.
            std::thread::yield_now();
        }
        if let Some(thread) = self.thread() {
            let _ = thread.join();
        }
    }
}

fn is_closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

#[async_trait]
impl TaskStore for SqliteStore {
    fn lease(&self) -> Option<Duration> {
        None
    }

    async fn create(&self, tasks: Vec<NewTask>) -> Result<Vec<Result<Created, CreateRefused>>, StoreError> {
        let bytes = tasks.iter().map(bytes_of).sum();
        self.run(bytes, move |session| session.create_all(&tasks)).await
    }

    async fn created_under(&self, tenant: &Tenant, used: &Idempotency) -> Result<Option<TaskId>, StoreError> {
        let (tenant, used) = (tenant.clone(), used.clone());
        self.run(SMALL, move |session| session.created_under(&tenant, &used)).await
    }

    async fn claim_next(&self, request: ClaimRequest) -> Result<Claimed, StoreError> {
        self.run(SMALL, move |session| session.claim_next(&request)).await
    }

    fn attach(&self, worker: Weak<dyn IdleWorker>) {
        self.idle_workers.attach(worker);
    }

    async fn renew(&self, _worker: &WorkerId, claims: &[(TaskId, Claim)]) -> Result<Vec<Renewed>, StoreError> {
        let claims = claims.to_vec();
        self.run(SMALL, move |session| session.renew(&claims)).await
    }

    async fn write(&self, write: TaskWrite) -> Result<Written, WriteRefused> {
        let events: usize = write.events.iter().map(String::len).sum();
        let children: usize = write.children.iter().map(bytes_of).sum();
        let notifications: usize = write.notifications.iter().map(|new| SMALL + new.body.len()).sum();
        self.run(SMALL + events + children + notifications, move |session| session.write(&write)).await?
    }

    async fn rescue(&self, most: usize) -> Result<Vec<Rescued>, StoreError> {
        self.run(SMALL, move |session| session.rescue(most)).await
    }

    async fn fail_queued(
        &self,
        task: TaskId,
        error: ErrorReport,
        notifications: Vec<NewNotification>,
    ) -> Result<bool, StoreError> {
        self.run(SMALL, move |session| session.fail_queued(task, &error, &notifications)).await
    }

    async fn control(&self, tenant: &Tenant, task: TaskId, control: Control) -> Result<TaskState, ControlRefused> {
        let tenant = tenant.clone();
        self.run(SMALL, move |session| session.control(&tenant, task, control)).await?
    }

    async fn signal(&self, tenant: &Tenant, signal: NewSignal) -> Result<SignalAccepted, SignalRefused> {
        let tenant = tenant.clone();
        self.run(SMALL + signal.value.len(), move |session| session.signal(&tenant, &signal)).await?
    }

    async fn task(&self, tenant: &Tenant, task: TaskId) -> Result<Option<TaskRecord>, StoreError> {
        let (names, tenant) = (self.names.clone(), tenant.clone());
        let read = move |connection: &rusqlite::Connection| {
            let found = record::find(connection, task.as_bytes(), record::BY_ID)?;
            let tenant = names.find_tenant(&tenant);
            let own = found.filter(|(row, _)| Some(row.tenant) == tenant);
            own.map(|(row, details)| record::record_of(&row, details, &names)).transpose()
        };
        self.readers.read(read).await
    }

    async fn events(&self, task: TaskId, after: u64, most_bytes: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.readers.read(move |connection| log::events(connection, task, after, most_bytes)).await
    }

    async fn last_event(&self, task: TaskId) -> Result<Option<LogEntry>, StoreError> {
        self.readers.read(move |connection| log::last_event(connection, task)).await
    }

    async fn list(&self, filter: &TaskFilter) -> Result<TaskPage, StoreError> {
        let (names, filter) = (self.names.clone(), filter.clone());
        self.readers.read(move |connection| list::list(connection, &names, &filter)).await
    }

    async fn delete(&self, tenant: &Tenant, task: TaskId) -> Result<(), ControlRefused> {
        let tenant = tenant.clone();
        self.run(SMALL, move |session| session.delete(&tenant, task)).await?
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        let (names, now) = (self.names.clone(), self.clock.now());
        self.readers.read(move |connection| stats::stats(connection, &names, now)).await
    }

    async fn clean(&self, keep_ended: Duration, keep_bytes: u64, most: usize) -> Result<usize, StoreError> {
        let mut forgotten = 0;
        while forgotten < most {
            let bite = CLEAN_BITE.min(most - forgotten);
            let done = self.run(SMALL, move |session| session.clean(keep_ended, keep_bytes, bite)).await?;
            forgotten += done;
            if done < bite {
                break;
            }
        }
        for _ in 0..VACUUM_BITES {
            if !self.run(SMALL, |session| session.vacuum()).await? {
                break;
            }
        }
        Ok(forgotten)
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.run(SMALL, |session| session.check()).await
    }
}

fn bytes_of(new: &NewTask) -> usize {
    SMALL + new.input.len() + new.events.iter().map(String::len).sum::<usize>()
}
