//! Moving what is in the write-ahead log into the database file, without stalling the writer.
//!
//! A thread with a connection of its own copies while the writer goes on. Only when little is left does the writer
//! copy the rest itself: a log that is copied whole begins anew at its start, so it does not grow for ever.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tracing::warn;

use super::fault::Fault;
use super::open;
use super::wal_ahead::WalAhead;

/// Pages in the log that are worth a checkpoint (16 MiB).
const BEGIN_AT: usize = 4_096;
/// Pages that the writer copies in a moment.
const LITTLE: usize = 512;
const MOST_PASSES: usize = 5;

#[derive(Debug, Default)]
struct Progress {
    /// Pages in the log after the last commit.
    pages: AtomicUsize,
    running: AtomicBool,
    /// The copier is done: the rest is the writer's.
    rest: AtomicBool,
}

pub(super) struct Checkpoints {
    progress: Arc<Progress>,
    ahead: WalAhead,
    begin: Option<SyncSender<()>>,
    copier: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Watches the writer's connection and starts the copier.
    pub(super) fn start(writer: &mut Connection, database: &Path) -> Result<Self, Fault> {
        let progress = Arc::new(Progress::default());
        let watched = progress.clone();
        writer.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: std::ffi::c_int| {
            watched.pages.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        let connection = open::connect(database)?;
        let (begin, orders) = sync_channel(1);
        let copied = progress.clone();
        let copier = std::thread::Builder::new()
            .name("caudal-checkpoint".to_owned())
            .spawn(move || copy_when_told(&connection, &copied, &orders))
            .map_err(Fault::unreadable)?;
        let ahead = WalAhead::of(database);
        Ok(Self { progress, ahead, begin: Some(begin), copier: Some(copier) })
    }

    pub(super) fn after_commit(&self, writer: &Connection) {
        if self.progress.rest.swap(false, Ordering::Acquire) {
            copy(writer);
            self.progress.running.store(false, Ordering::Release);
        } else if self.progress.pages.load(Ordering::Relaxed) >= BEGIN_AT {
            self.begin();
        }
    }

    /// Nobody waits: time for what the next commits will be glad of.
    pub(super) fn at_leisure(&mut self) {
        self.ahead.make_room(self.progress.pages.load(Ordering::Relaxed), BEGIN_AT);
    }

    /// The disk is full: what is copied out of the log can be written again.
    pub(super) fn make_room(&self) {
        if self.progress.pages.load(Ordering::Relaxed) > 0 {
            self.begin();
        }
    }

    fn begin(&self) {
        if !self.progress.running.swap(true, Ordering::AcqRel)
            && let Some(begin) = &self.begin
        {
            let _ = begin.try_send(());
        }
    }

    /// Leaves a database file that needs nothing beside it.
    pub(super) fn close(&mut self, writer: &Connection) {
        self.begin = None;
        if let Some(copier) = self.copier.take() {
            let _ = copier.join();
        }
        if let Err(error) = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            warn!(%error, "The write-ahead log could not be taken into the database file; the next start does it");
        }
    }
}

fn copy_when_told(connection: &Connection, progress: &Progress, orders: &Receiver<()>) {
    while orders.recv().is_ok() {
        for _ in 0..MOST_PASSES {
            let copied = copy(connection);
            let left = progress.pages.load(Ordering::Relaxed).saturating_sub(copied);
            if left <= LITTLE {
                break;
            }
        }
        progress.rest.store(true, Ordering::Release);
    }
}

/// Copies what can be copied without waiting for anybody. Answers how many of the log's pages are copied by now.
fn copy(connection: &Connection) -> usize {
    let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(2));
    match copied {
        Ok(pages) => usize::try_from(pages).unwrap_or(0),
        Err(error) => {
            warn!(%error, "A checkpoint failed and will be tried again");
            usize::MAX
        }
    }
}
