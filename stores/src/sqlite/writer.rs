//! The one writer: a thread that owns the only connection that writes.
//!
//! It takes what came during the last commit as one group, runs it in one transaction and commits it once: however
//! many wait, each waits for one flush to disk. Nothing is announced or answered before the commit.
//!
//! ```text
//!   callers ──▶ queue ──▶ group: run, run, run … ──▶ COMMIT ──▶ announce ──▶ answer
//!                               │ a statement failed: roll back, run each alone
//! ```

use std::sync::Arc;
use std::time::Instant;

use caudal_engine::ports::{Bell, Clock, Feed, IdSource};
use caudal_engine::task::Limits;
use rusqlite::Connection;
use tokio::sync::mpsc;
use tracing::{error, warn};

use super::announcements::Announcements;
use super::checkpoint::Checkpoints;
use super::fault::Fault;
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
        while let Some(group) = next_group(&mut orders) {
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
            Ok(()) => {
                metrics::histogram!("caudal_commit_seconds").record(began.elapsed().as_secs_f64());
                metrics::histogram!("caudal_commit_operations").record(u32::try_from(group.len()).unwrap_or(u32::MAX));
                metrics::counter!("caudal_commits_total").increment(1);
                announcements.tell(&self.around.bell, &self.around.feed);
                answer(group, None);
            }
            Err(fault) => {
                announcements.clear();
                self.roll_back();
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

    fn transact(&mut self, group: &mut Group, announcements: &mut Announcements) -> Result<(), Fault> {
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
            operation.run(&mut session)?;
        }
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
        Ok(())
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

fn answer(group: Group, fault: Option<&Fault>) {
    for operation in group {
        operation.answer(fault.map(Fault::to_store_error));
    }
}

/// Waits for the first operation and takes with it what else is there. None when there will be no more.
fn next_group(orders: &mut mpsc::Receiver<Order>) -> Option<Group> {
    let mut group = Group::new();
    let mut bytes = 0;
    let mut next = orders.blocking_recv();
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
