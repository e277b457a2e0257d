//! The one writer: a thread that owns the only connection that writes.
//!
//! It takes what came during the last commit as one group, runs it in one transaction and commits it once: however
//! many wait, each waits for one flush to disk. Nothing is announced or answered before the commit.
//!
//! ```text
//!   callers ──▶ queue ──▶ group: run, run, run … ──▶ COMMIT ──▶ announce ──▶ answer
//!                               │ a statement failed: roll back, run each alone
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use caudal_engine::ports::{Bell, Clock, Feed, IdSource};
use caudal_engine::task::Limits;
use rusqlite::Connection;
use tokio::sync::mpsc;
use tracing::{error, warn};

use super::announcements::Announcements;
use super::checkpoint::Checkpoints;
use super::fault::Fault;
use super::idle_workers::{Given, IdleWorkers};
use super::operation::Operation;
use super::session::{Memory, Session};

const MOST_OPERATIONS: usize = 1_000;
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// Operations that may wait; callers beyond it wait to be let in.
pub(super) const QUEUE: usize = 4_096;
/// The exit code of an I/O error (`EX_IOERR` in sysexits.h).
const EXIT_IO_ERROR: i32 = 74;

pub(super) enum Order {
    Operation(Box<dyn Operation>),
    /// Finish what is queued and end.
    Close,
}

/// What the writer needs from its process.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn IdSource>,
    pub(super) bell: Arc<Bell>,
    pub(super) feed: Arc<Feed>,
    pub(super) limits: Arc<Limits>,
    pub(super) idle_workers: IdleWorkers,
}

pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) memory: Memory,
    pub(super) around: Surroundings,
    pub(super) checkpoints: Checkpoints,
}

type Group = Vec<Box<dyn Operation>>;

impl Writer {
    /// Writes until it is told to close or nobody is left who could ask.
    pub(super) fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut announcements = Announcements::default();
        self.checkpoints.at_leisure();
        while let Some(group) = next_group(&mut orders, || self.checkpoints.at_leisure()) {
            self.commit(group, &mut announcements);
            self.checkpoints.after_commit(&self.connection);
        }
        self.checkpoints.close(&self.connection);
    }

    fn commit(&mut self, mut group: Group, announcements: &mut Announcements) {
        if group.is_empty() {
            return;
        }
        let began = Instant::now();
        match self.transact(&mut group, announcements) {
            Ok(given) => {
                metrics::histogram!("caudal_commit_seconds").record(began.elapsed().as_secs_f64());
                metrics::histogram!("caudal_commit_operations").record(u32::try_from(group.len()).unwrap_or(u32::MAX));
                metrics::counter!("caudal_commits_total").increment(1);
                given.tell();
                announcements.tell(&self.around.bell, &self.around.feed);
                answer(group, None);
            }
            Err(fault) => {
                announcements.clear();
                self.roll_back();
                if fault.is_full() {
                    self.checkpoints.make_room();
                }
                if group.len() == 1 || fault.is_of_the_store() {
                    warn!(operations = group.len(), error = %fault, "The store refused a write");
                    answer(group, Some(&fault));
                } else {
                    for operation in group {
                        self.commit(vec![operation], announcements);
                    }
                }
            }
        }
    }

    fn transact(&mut self, group: &mut Group, announcements: &mut Announcements) -> Result<Given, Fault> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut session = Session {
            connection: &self.connection,
            memory: &mut self.memory,
            announcements,
            ids: &*self.around.ids,
            limits: &self.around.limits,
            now: self.around.clock.now(),
        };
        for operation in group {
            survive(|| operation.run(&mut session))?;
        }
        let given = survive(|| self.around.idle_workers.claim(&mut session))?;
        self.memory.save(&self.connection)?;
        let committed = self.connection.prepare_cached("COMMIT")?.execute([]).map_err(Fault::from);
        if let Err(fault) = &committed
            && fault.leaves_doubt()
        {
            error!(error = %fault, "A commit failed: nobody can tell what is on the disk, a fresh start can");
            std::process::exit(EXIT_IO_ERROR);
        }
        committed?;
        self.memory.commit();
        Ok(given)
    }

    fn roll_back(&mut self) {
        // Some errors have ended the transaction already.
        let rolled_back =
            if self.connection.is_autocommit() { Ok(()) } else { self.connection.execute_batch("ROLLBACK") };
        let restored = rolled_back.map_err(Fault::from).and_then(|()| self.memory.roll_back(&self.connection));
        if let Err(fault) = restored {
            error!(error = %fault, "What was begun cannot be taken back; a fresh start can");
            std::process::exit(EXIT_IO_ERROR);
        }
    }
}

/// Whatever is wrong with one operation, the writer must outlive it.
fn survive<T>(run: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(Fault::unreadable("an operation panicked")))
}

fn answer(group: Group, fault: Option<&Fault>) {
    for operation in group {
        operation.answer(fault.map(Fault::to_store_error));
    }
}

/// A running task's next write comes within this time of the answer to its last one. To sleep and be woken for it takes
/// as long again, so the writer looks about for a moment before it sleeps, and lets whoever can run do so meanwhile.
const LOOKING_ABOUT: Duration = Duration::from_micros(400);

fn first_of(orders: &mut mpsc::Receiver<Order>, mut at_leisure: impl FnMut()) -> Option<Order> {
    let until = Instant::now() + LOOKING_ABOUT;
    while Instant::now() < until {
        match orders.try_recv() {
            Ok(order) => return Some(order),
            Err(mpsc::error::TryRecvError::Disconnected) => return None,
            Err(mpsc::error::TryRecvError::Empty) => std::thread::yield_now(),
        }
    }
    at_leisure();
    orders.blocking_recv()
}

/// Waits for the first operation and takes with it what else is there. None when there will be no more.
fn next_group(orders: &mut mpsc::Receiver<Order>, at_leisure: impl FnMut()) -> Option<Group> {
    let mut group = Group::new();
    let mut bytes = 0;
    let mut next = first_of(orders, at_leisure);
    loop {
        match next {
            Some(Order::Operation(operation)) => {
                bytes += operation.bytes();
                group.push(operation);
            }
            // What came before is still done, what comes later is turned away.
            Some(Order::Close) => orders.close(),
            None => return (!group.is_empty()).then_some(group),
        }
        if group.len() >= MOST_OPERATIONS || bytes >= MOST_BYTES {
            return Some(group);
        }
        next = match orders.try_recv() {
            Ok(order) => Some(order),
            Err(mpsc::error::TryRecvError::Empty) if group.is_empty() => orders.blocking_recv(),
            Err(_) => return Some(group),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as std_mpsc;

    use caudal_engine::ports::{RandomIds, StoreError};
    use caudal_engine::task::Tenant;
    use caudal_engine::testing::clock::TestClock;
    use tempfile::TempDir;
    use tokio::sync::oneshot::error::TryRecvError;

    use super::super::operation::{Answer, operation};
    use super::super::settings::SqliteSettings;
    use super::super::{names::Names, open};
    use super::*;

    fn writer(folder: &TempDir) -> Writer {
        let settings = SqliteSettings::new(folder.path());
        let database = folder.path().join(open::DATABASE);
        let mut connection = open::open_writer(&database, &settings).unwrap();
        let memory = Memory::load(&connection, Names::default()).unwrap();
        let checkpoints = Checkpoints::start(&mut connection, &database).unwrap();
        let around = Surroundings {
            clock: Arc::new(TestClock::default()),
            ids: Arc::new(RandomIds),
            bell: Arc::default(),
            feed: Arc::default(),
            limits: Arc::default(),
            idle_workers: IdleWorkers::default(),
        };
        Writer { connection, memory, around, checkpoints }
    }

    fn add_tenant(name: &str) -> (Box<dyn Operation>, Answer<i64>) {
        let name = Tenant::new(name);
        operation(1, move |session| session.memory.names.add_tenant(session.connection, &name))
    }

    /// Writes something, then meets an error.
    fn fails_midway() -> (Box<dyn Operation>, Answer<i64>) {
        operation(1, |session| {
            session.memory.names.add_tenant(session.connection, &Tenant::new("half"))?;
            session.connection.execute("INSERT INTO tenants (name) VALUES (NULL)", [])?;
            Ok(0)
        })
    }

    /// Goal: an operation that fails midway leaves nothing behind and takes no neighbour with it.
    #[test]
    fn a_group_is_taken_apart() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(&folder);
        let (before, mut first) = add_tenant("before");
        let (failing, mut failed) = fails_midway();
        let (after, mut last) = add_tenant("after");
        writer.commit(vec![before, failing, after], &mut Announcements::default());
        assert!(first.try_recv().unwrap().is_ok());
        assert!(matches!(failed.try_recv().unwrap(), Err(StoreError::Unavailable(_))));
        assert!(last.try_recv().unwrap().is_ok());
        let mut statement = writer.connection.prepare("SELECT name FROM tenants ORDER BY name").unwrap();
        let names: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(names, ["after", "before"]);
        assert_eq!(writer.memory.names.find_tenant(&Tenant::new("half")), None);
    }

    /// Goal: an operation that panics is refused alone, and the writer goes on.
    #[test]
    fn a_panic_is_one_operations_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(&folder);
        let (before, mut first) = add_tenant("before");
        let (panicking, mut panicked) = operation(1, |session| -> Result<(), Fault> {
            session.memory.names.add_tenant(session.connection, &Tenant::new("half"))?;
            panic!("a planned panic")
        });
        let (after, mut last) = add_tenant("after");
        writer.commit(vec![before, panicking, after], &mut Announcements::default());
        assert!(first.try_recv().unwrap().is_ok());
        assert!(matches!(panicked.try_recv().unwrap(), Err(StoreError::Corrupt(_))));
        assert!(last.try_recv().unwrap().is_ok());
        assert_eq!(writer.memory.names.find_tenant(&Tenant::new("half")), None);
    }

    /// Goal: what came during a commit is one group, and nobody is answered before it is committed.
    #[test]
    fn what_came_meanwhile_is_one_group() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder);
        let (orders, queue) = mpsc::channel(QUEUE);
        let (entered, is_entered) = std_mpsc::channel();
        let (go_on, may_go_on) = std_mpsc::channel::<()>();
        let (slow, _slow_answer) = operation(1, move |_| {
            entered.send(()).unwrap();
            may_go_on.recv().unwrap();
            Ok(())
        });
        let count = |session: &mut Session<'_>| -> Result<i64, Fault> {
            // Only what this transaction has added itself can be seen to be uncommitted by another connection.
            Ok(session.connection.query_row("SELECT count(*) FROM tenants", [], |row| row.get(0))?)
        };
        let (first, mut first_answer) = add_tenant("first");
        let (second, second_answer) = operation(1, count);
        let thread = std::thread::spawn(move || writer.run(queue));
        orders.blocking_send(Order::Operation(slow)).unwrap();
        is_entered.recv().unwrap();
        orders.blocking_send(Order::Operation(first)).unwrap();
        orders.blocking_send(Order::Operation(second)).unwrap();
        assert_eq!(first_answer.try_recv().unwrap_err(), TryRecvError::Empty);
        go_on.send(()).unwrap();
        assert_eq!(second_answer.blocking_recv().unwrap().unwrap(), 1);
        assert!(first_answer.try_recv().unwrap().is_ok(), "it was answered with its group");
        orders.blocking_send(Order::Close).unwrap();
        thread.join().unwrap();
    }
}
