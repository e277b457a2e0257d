//! Opening: the folder, its lock, the database file and its schema; and saying clearly what is wrong.

use std::path::{Path, PathBuf};
use std::time::Duration;

use caudal_engine::ports::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use thiserror::Error;

use super::fault::Fault;
use super::migrations;
use super::settings::{Durability, SqliteSettings};

pub const DATABASE: &str = "caudal.db";

#[derive(Debug, Error)]
pub enum OpenError {
    #[error("the data folder cannot be used: {path}: {source}. Give a folder that this user may write to.", path = path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error(
        "the data folder {folder} is in use by process {process}. End that process, or give another folder.",
        folder = folder.display()
    )]
    InUse { folder: PathBuf, process: String },
    #[error(
        "{path} is no readable database: {reason}. Put a backup in its place (with no -wal and -shm file beside it), \
         or move it away to begin anew.",
        path = path.display()
    )]
    Corrupt { path: PathBuf, reason: String },
    #[error(
        "{path} was written by a newer version of Caudal: it has schema {found}, this version knows schemas up to \
         {known}. Start the newer version, or put a backup from before the upgrade in its place.",
        path = path.display()
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error("{path} cannot be opened: {reason}", path = path.display())]
    Store { path: PathBuf, reason: StoreError },
}

impl OpenError {
    pub(super) fn of(path: &Path, fault: &Fault) -> Self {
        let path = path.to_owned();
        if fault.is_corruption() || matches!(fault, Fault::Unreadable(_)) {
            return Self::Corrupt { path, reason: fault.to_string() };
        }
        Self::Store { path, reason: fault.to_store_error() }
    }
}

pub(super) fn make_folder(folder: &Path) -> Result<(), OpenError> {
    std::fs::create_dir_all(folder).map_err(|source| OpenError::Folder { path: folder.to_owned(), source })
}

/// The writer's connection, with the schema of this version.
pub(super) fn open_writer(database: &Path, settings: &SqliteSettings) -> Result<Connection, OpenError> {
    let failed = |fault: &Fault| OpenError::of(database, fault);
    let mut connection = connect(database).map_err(|fault| failed(&fault))?;
    configure(&connection, settings).map_err(|fault| failed(&fault))?;
    migrations::run(&mut connection, database)?;
    Ok(connection)
}

fn configure(connection: &Connection, settings: &SqliteSettings) -> Result<(), Fault> {
    // Before the first table, else it needs a VACUUM to take effect.
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    let synchronous = match settings.durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    connection.execute_batch(&format!("PRAGMA synchronous = {synchronous}"))?;
    if let Some(most_bytes) = settings.most_bytes {
        let page_bytes: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let most_pages = most_bytes / page_bytes.max(1).cast_unsigned();
        connection.query_row(&format!("PRAGMA max_page_count = {}", most_pages.max(1)), [], |_| Ok(()))?;
    }
    Ok(())
}

/// A connection that may write.
pub(super) fn connect(database: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    prepare(&connection, 8 * 1024)?;
    // Checkpoints are made beside the writer, not in its commits.
    connection.query_row("PRAGMA wal_autocheckpoint = 0", [], |_| Ok(()))?;
    // After a flood the log's file shrinks again.
    connection.query_row("PRAGMA journal_size_limit = 67108864", [], |_| Ok(()))?;
    Ok(connection)
}

pub(super) fn connect_reader(database: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    prepare(&connection, 2 * 1024)?;
    Ok(connection)
}

fn prepare(connection: &Connection, cache_kib: u32) -> Result<(), Fault> {
    connection.set_prepared_statement_cache_capacity(128);
    connection.busy_timeout(Duration::from_secs(5))?;
    // Plans must not depend on bound values, or SQLite compiles a statement anew whenever its LIMIT is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(&format!(
        "PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{cache_kib}"
    ))?;
    Ok(())
}
