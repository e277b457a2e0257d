//! Reading beside the writer: a few read-only connections, lent to short transactions on blocking threads.
//!
//! They are short because a read transaction keeps the write-ahead log from beginning anew.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use caudal_engine::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::fault::Fault;
use super::open;

const MOST_READERS: usize = 4;

#[derive(Clone)]
pub(super) struct Readers {
    database: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(database: PathBuf) -> Self {
        Self { database: Arc::new(database), idle: Arc::default(), places: Arc::new(Semaphore::new(MOST_READERS)) }
    }

    /// Runs a read in a transaction of its own: what it sees is of one moment.
    pub(super) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let place = self.places.clone().acquire_owned().await.map_err(closed)?;
        let (idle, database) = (self.idle.clone(), self.database.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let _place = place;
            let lent = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = lent.map_or_else(|| open::connect_reader(&database), Ok)?;
            let transaction = connection.unchecked_transaction()?;
            let answer = read(&transaction)?;
            drop(transaction);
            // One that failed is not lent again.
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok(answer)
        });
        reading.await.map_err(closed)?.map_err(|fault: Fault| fault.to_store_error())
    }

    /// Closes the connections that nobody uses.
    pub(super) fn close(&self) {
        self.places.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn closed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("the store is closed: {error}"))
}
