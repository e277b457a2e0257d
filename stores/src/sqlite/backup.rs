//! A copy of the whole store while it runs.
//!
//! The copy is made in one read transaction, so it is of one moment, and writers go on meanwhile. It is written
//! beside its place and put there only when it is whole and on disk; what is there already is not overwritten.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use thiserror::Error;

use super::open::{self, DATABASE};

#[derive(Debug, Error)]
pub enum BackupError {
    #[error("there is no store in {path}", path = .0.display())]
    NoStore(PathBuf),
    #[error("{path} exists already; a backup overwrites nothing", path = .0.display())]
    Exists(PathBuf),
    #[error("{path} cannot be written: {source}", path = path.display())]
    Target { path: PathBuf, source: std::io::Error },
    #[error("the store could not be copied: {0}")]
    Copy(String),
}

/// Copies the store in this folder into a new file, while another process owns it or none.
pub fn back_up_folder(folder: &Path, to: &Path) -> Result<(), BackupError> {
    let database = folder.join(DATABASE);
    if !database.is_file() {
        return Err(BackupError::NoStore(folder.to_owned()));
    }
    back_up(&database, to)
}

pub(super) fn back_up(database: &Path, to: &Path) -> Result<(), BackupError> {
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let mut partial = to.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    let copied = copy(database, &partial).and_then(|()| put_in_place(&partial, to));
    let _ = fs::remove_file(&partial);
    copied
}

fn copy(database: &Path, partial: &Path) -> Result<(), BackupError> {
    let failed = |error: rusqlite::Error| BackupError::Copy(error.to_string());
    let file = File::create_new(partial).map_err(|source| target(partial, source))?;
    let source = open::connect_reader(database).map_err(|fault| BackupError::Copy(fault.to_string()))?;
    let mut copy = Connection::open(partial).map_err(failed)?;
    let step = Backup::new(&source, &mut copy).and_then(|backup| backup.step(-1)).map_err(failed)?;
    if step != StepResult::Done {
        return Err(BackupError::Copy(format!("it ended with {step:?}")));
    }
    // The copy stands alone: no write-ahead log beside it.
    copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).map_err(failed)?;
    drop(copy);
    file.sync_all().map_err(|source| target(partial, source))
}

fn put_in_place(partial: &Path, to: &Path) -> Result<(), BackupError> {
    // A link, unlike a rename, never takes the place of another file; but not every file system has links.
    let linked = fs::hard_link(partial, to).or_else(|source| match source.kind() {
        ErrorKind::AlreadyExists => Err(source),
        _ if to.exists() => Err(ErrorKind::AlreadyExists.into()),
        _ => fs::rename(partial, to),
    });
    linked.map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
        _ => target(to, source),
    })?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| target(folder, source))
}

fn target(path: &Path, source: std::io::Error) -> BackupError {
    BackupError::Target { path: path.to_owned(), source }
}
