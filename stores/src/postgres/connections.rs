//! Connections to Postgres: opened when they are needed, few, and never waited for long.
//!
//! When Postgres is away, whoever asks first finds out and waits for it; the others are told at once, until it is
//! time to try again. So a list that can do without does not become slow. A process that has lent all of its connections
//! has met no trouble of Postgres: that is another answer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use caudal_engine::ports::StoreError;
use sqlx_core::error::Error;
use sqlx_core::pool::PoolConnection;
use sqlx_postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, Postgres};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::fault::Fault;
use super::settings::PostgresSettings;

/// How long Postgres is believed to be away before somebody tries again.
const AWAY: Duration = Duration::from_secs(1);
const BUSY: &str = "all connections to Postgres are in use";
/// Unused connections are closed after this long.
const IDLE: Duration = Duration::from_secs(120);

pub(super) struct Connections {
    pool: PgPool,
    most: u32,
    /// As many as the pool has: whoever has one of them waits for Postgres alone, not for others of this process.
    places: Semaphore,
    /// One: those who write one after the other wait here, not each on a connection.
    line: Semaphore,
    away_until: Mutex<Option<Instant>>,
    connect_patience: Duration,
    /// How long a whole operation may take, whatever the network does.
    patience: Duration,
}

/// A connection that goes back when it is dropped.
pub(super) struct Lent<'c> {
    pub(super) connection: PoolConnection<Postgres>,
    _place: SemaphorePermit<'c>,
}

impl Connections {
    /// Connects to nothing yet.
    pub(super) fn new(settings: &PostgresSettings, options: PgConnectOptions) -> Self {
        let most = settings.most_connections.max(1);
        let pool = PgPoolOptions::new()
            .min_connections(0)
            .max_connections(most)
            .acquire_timeout(settings.connect_patience)
            .idle_timeout(IDLE)
            .connect_lazy_with(options);
        Self {
            pool,
            most,
            places: Semaphore::new(usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS)),
            line: Semaphore::new(1),
            away_until: Mutex::default(),
            connect_patience: settings.connect_patience,
            // The server's own limit comes first, where it can be heard.
            patience: settings.statement_patience + Duration::from_secs(2),
        }
    }

    pub(super) async fn run<T>(
        &self,
        operation: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let mut lent = self.lend().await?;
        let answer = self.within(Duration::ZERO, operation(&mut lent.connection)).await;
        settle(lent, answer)
    }

    /// A connection for longer than one operation.
    pub(super) async fn lend(&self) -> Result<Lent<'_>, StoreError> {
        self.refuse_while_away()?;
        let place = place_in(&self.places, self.connect_patience, BUSY).await?;
        // Whoever had the place may have found out.
        self.refuse_while_away()?;
        match self.pool.acquire().await {
            Ok(connection) => {
                *self.away_until() = None;
                Ok(Lent { connection, _place: place })
            }
            // All are there and none came back: each is still busy with what nobody waits for any more. One that cannot be
            // opened, or does not answer when it is to be used again, is not counted.
            Err(Error::PoolTimedOut) if self.pool.size() >= self.most => Err(StoreError::Unavailable(BUSY.to_owned())),
            Err(error) => {
                *self.away_until() = Some(Instant::now() + AWAY);
                Err(Fault::from(error).to_store_error())
            }
        }
    }

    /// The place of whoever writes next. Each of those behind it would otherwise have a connection while it waits in
    /// Postgres, and readers would find none.
    pub(super) async fn line_up(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        place_in(&self.line, self.patience, "what was to be written into Postgres before this takes too long").await
    }

    fn refuse_while_away(&self) -> Result<(), StoreError> {
        if self.away_until().is_some_and(|until| Instant::now() < until) {
            return Err(StoreError::Unavailable("Postgres is away".to_owned()));
        }
        Ok(())
    }

    /// Gives an operation up that takes longer than the patience and this.
    pub(super) async fn within<T>(
        &self,
        longer: Duration,
        operation: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        tokio::time::timeout(self.patience + longer, operation).await.unwrap_or(Err(Fault::Silent))
    }

    /// Closes what is open; later operations are refused.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    fn away_until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.away_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a connection back, or closes it if the answer says that it is of no more use.
fn settle<T>(mut lent: Lent<'_>, answer: Result<T, Fault>) -> Result<T, StoreError> {
    if let Err(fault) = &answer
        && fault.breaks_the_connection()
    {
        lent.connection.close_on_drop();
    }
    answer.map_err(|fault| fault.to_store_error())
}

/// In the order of coming.
async fn place_in<'c>(
    line: &'c Semaphore,
    patience: Duration,
    busy: &'static str,
) -> Result<SemaphorePermit<'c>, StoreError> {
    match tokio::time::timeout(patience, line.acquire()).await {
        Ok(Ok(place)) => Ok(place),
        _ => Err(StoreError::Unavailable(busy.to_owned())),
    }
}
