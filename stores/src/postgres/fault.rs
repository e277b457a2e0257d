//! What can go wrong in Postgres, in the port's words; and whose trouble it is, the store's or one task's.

use caudal_engine::ports::StoreError;
use sqlx_core::error::Error;
use thiserror::Error;

#[derive(Debug, Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Sql(#[from] Error),
    /// What is stored makes no sense to us.
    #[error("{0}")]
    Unreadable(String),
    #[error("Postgres did not answer in time")]
    Silent,
    #[error(
        "another process has been bringing the database to this version for {} s; if it hangs, end its session: \
         SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted",
        .0.as_secs()
    )]
    Migrating(std::time::Duration),
}

/// Classes of errors that come from the state of the server, whatever it was asked to store: plans, connection,
/// transaction state, rights, missing tables, serialization, resources, operator's intervention, its own trouble.
const OF_THE_STORE: [&str; 13] = ["08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58", "XX"];

impl Fault {
    pub(super) fn unreadable(what: impl std::fmt::Display) -> Self {
        Self::Unreadable(what.to_string())
    }

    /// The five letters of SQLSTATE.
    pub(super) fn code(&self) -> Option<String> {
        match self {
            Self::Sql(error) => error.as_database_error()?.code().map(String::from),
            _ => None,
        }
    }

    /// The whole store has the trouble, not the task that met it.
    pub(super) fn is_of_the_store(&self) -> bool {
        match self {
            Self::Sql(Error::Encode(_) | Error::InvalidArgument(_)) | Self::Unreadable(_) => false,
            Self::Sql(Error::Database(_)) => {
                self.code().is_none_or(|code| OF_THE_STORE.iter().any(|known| code.starts_with(known)))
            }
            Self::Sql(_) | Self::Silent | Self::Migrating(_) => true,
        }
    }

    /// The connection it came over is of no more use.
    pub(super) fn breaks_the_connection(&self) -> bool {
        match self {
            Self::Sql(Error::Database(_)) => self.code().is_some_and(|code| code.starts_with("57P")),
            Self::Sql(Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::PoolTimedOut) | Self::Silent => true,
            _ => false,
        }
    }

    pub(super) fn to_store_error(&self) -> StoreError {
        let says = match self {
            Self::Sql(Error::PoolTimedOut) => "Postgres gave no connection in time".to_owned(),
            // Without the library's own words in front.
            Self::Sql(Error::Database(error)) => format!("Postgres says: {}", error.message()),
            Self::Sql(Error::Io(error)) => format!("the connection to Postgres is broken: {error}"),
            other => other.to_string(),
        };
        match self {
            Self::Unreadable(_) | Self::Sql(Error::ColumnDecode { .. } | Error::Decode(_)) => StoreError::Corrupt(says),
            _ if self.code().is_some_and(|code| code == "53100") => StoreError::Full(says),
            _ => StoreError::Unavailable(says),
        }
    }
}
