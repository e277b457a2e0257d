//! What can go wrong in SQLite, in the port's words.

use caudal_engine::ports::StoreError;
use caudal_engine::task::IllegalMove;
use rusqlite::ErrorCode;
use rusqlite::ffi;
use thiserror::Error;

#[derive(Debug, Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    /// What is stored makes no sense to us.
    #[error("{0}")]
    Unreadable(String),
    #[error(transparent)]
    Illegal(#[from] IllegalMove),
}

impl Fault {
    pub(super) fn unreadable(what: impl std::fmt::Display) -> Self {
        Self::Unreadable(what.to_string())
    }

    fn codes(&self) -> Option<(ErrorCode, i32)> {
        match self {
            Self::Sql(rusqlite::Error::SqliteFailure(error, _)) => Some((error.code, error.extended_code)),
            _ => None,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        // Without space for the shared index file SQLite speaks of an I/O error.
        self.codes()
            .is_some_and(|(code, extended)| code == ErrorCode::DiskFull || extended == ffi::SQLITE_IOERR_SHMSIZE)
    }

    /// The store works, but what one row holds makes no sense.
    pub(super) fn is_of_a_row(&self) -> bool {
        match self {
            Self::Unreadable(_) | Self::Illegal(_) => true,
            Self::Sql(error) => !matches!(error, rusqlite::Error::SqliteFailure(..)),
        }
    }

    /// The whole store has the trouble, not the one operation that met it.
    pub(super) fn is_of_the_store(&self) -> bool {
        use ErrorCode as E;
        self.is_full()
            || self.codes().is_some_and(|(code, _)| {
                matches!(
                    code,
                    E::ReadOnly
                        | E::SystemIoFailure
                        | E::CannotOpen
                        | E::PermissionDenied
                        | E::DatabaseBusy
                        | E::DatabaseLocked
                        | E::OutOfMemory
                        | E::NotADatabase
                        | E::DatabaseCorrupt
                )
            })
    }

    /// The disk may hold anything now: only a fresh start can tell what was written.
    pub(super) fn leaves_doubt(&self) -> bool {
        !self.is_full() && self.codes().is_some_and(|(code, _)| code == ErrorCode::SystemIoFailure)
    }

    pub(super) fn is_corruption(&self) -> bool {
        self.codes().is_some_and(|(code, _)| matches!(code, ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
    }

    pub(super) fn to_store_error(&self) -> StoreError {
        if self.is_full() {
            return StoreError::Full(self.to_string());
        }
        match self {
            Self::Unreadable(_) | Self::Illegal(_) => StoreError::Corrupt(self.to_string()),
            Self::Sql(_) if self.is_corruption() => StoreError::Corrupt(self.to_string()),
            Self::Sql(_) => StoreError::Unavailable(self.to_string()),
        }
    }
}
