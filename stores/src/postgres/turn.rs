//! The right to write: one process at a time has it, for one transaction.
//!
//! So no task is archived while it is forgotten, counts are changed by one at a time, and processes do not do the
//! same work beside each other. Postgres itself ends the turn of a process that is gone.
//!
//! Whoever waits for the turn gets it in the order of coming. Archivers leave their work to one that is at the same already, but
//! wait for the turn like everybody: neither archiving tasks nor notifications nor cleaning, which all take one turn after the
//! other, starves the others.

use std::time::Duration;

use caudal_engine::ports::StoreError;
use sqlx_core::query_scalar::{QueryScalar, query_scalar};
use sqlx_core::raw_sql::raw_sql;
use sqlx_postgres::{PgArguments, PgConnection, Postgres};
use tokio::sync::SemaphorePermit;

use super::connections::{Connections, Lent};
use super::fault::Fault;

/// The right to archive something, as the name of a lock. Who archives tasks does not do the work of who archives notifications.
#[derive(Debug, Clone, Copy)]
pub(super) struct Right(&'static str);

pub(super) const TASKS: Right = Right("caudal archiving ");
pub(super) const OUTBOX: Right = Right("caudal archiving notifications ");

/// First the right to archive, which nobody waits for; then the turn.
const ARCHIVE: &str = "SELECT CASE \
    WHEN pg_try_advisory_xact_lock(hashtextextended($1::text || current_schema(), 0)) \
    THEN pg_advisory_xact_lock(hashtextextended('caudal kept tasks ' || current_schema(), 0)) IS NOT NULL \
    ELSE false END";
const WRITE: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended('caudal kept tasks ' || current_schema(), 0)) IS NOT NULL";

/// What was written is there when it is committed, and only then.
pub struct Turn<'s> {
    connections: &'s Connections,
    /// None when the turn is over.
    lent: Option<Lent<'s>>,
    /// None for an archiver, which waits behind nobody of its process.
    _place: Option<SemaphorePermit<'s>>,
}

impl<'s> Turn<'s> {
    /// For an archiver; none while another one is at the same.
    pub(super) async fn to_archive(connections: &'s Connections, right: Right) -> Result<Option<Self>, StoreError> {
        let mut turn = Self { connections, lent: Some(connections.lend().await?), _place: None };
        let ask = query_scalar(ARCHIVE).bind(right.0);
        if turn.step(async |connection| begin(connection, ask).await).await? {
            return Ok(Some(turn));
        }
        turn.finish("ROLLBACK").await?;
        Ok(None)
    }

    /// Waits while somebody else has it, but not for ever: no longer than for a statement.
    pub(super) async fn wait(connections: &'s Connections) -> Result<Self, StoreError> {
        let place = connections.line_up().await?;
        let mut turn = Self { connections, lent: Some(connections.lend().await?), _place: Some(place) };
        turn.step(async |connection| begin(connection, query_scalar(WRITE)).await).await?;
        Ok(turn)
    }

    /// After an error the turn is over and nothing of it is stored.
    pub(super) async fn step<T>(
        &mut self,
        step: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.long_step(Duration::ZERO, step).await
    }

    /// A step that may take this much longer than others.
    pub(super) async fn long_step<T>(
        &mut self,
        longer: Duration,
        step: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let Some(lent) = &mut self.lent else {
            return Err(StoreError::Unavailable("the turn to write is over".to_owned()));
        };
        let answer = self.connections.within(longer, step(&mut lent.connection)).await;
        if answer.is_err() {
            self.give_up();
        }
        answer.map_err(|fault| fault.to_store_error())
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        self.finish("COMMIT").await
    }

    async fn finish(mut self, how: &'static str) -> Result<(), StoreError> {
        self.step(async |connection| Ok(raw_sql(how).execute(connection).await.map(drop)?)).await?;
        // In order again, so it goes back to the others.
        drop(self.lent.take());
        Ok(())
    }

    /// Closing the connection takes back what is not committed.
    fn give_up(&mut self) {
        if let Some(mut lent) = self.lent.take() {
            lent.connection.close_on_drop();
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.give_up();
    }
}

async fn begin(
    connection: &mut PgConnection,
    lock: QueryScalar<'static, Postgres, bool, PgArguments>,
) -> Result<bool, Fault> {
    raw_sql("BEGIN").execute(&mut *connection).await?;
    Ok(lock.fetch_one(connection).await?)
}
