//! Connections to Postgres: opened when they are needed, few, and never waited for long.
//!
//! When Postgres is away, whoever asks first finds out and waits for it; the others are told at once, until it is
//! time to try again. So a list that can do without does not become slow.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use caudal_engine::ports::StoreError;
use sqlx_core::pool::PoolConnection;
use sqlx_postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, Postgres};

use super::fault::Fault;
use super::settings::PostgresSettings;

/// How long Postgres is believed to be away before somebody tries again.
const AWAY: Duration = Duration::from_secs(1);
/// Unused connections are closed after this long.
const IDLE: Duration = Duration::from_secs(120);

pub(super) struct Connections {
    pool: PgPool,
    away_until: Mutex<Option<Instant>>,
    /// How long a whole operation may take, whatever the network does.
    patience: Duration,
}

impl Connections {
    /// Connects to nothing yet.
    pub(super) fn new(settings: &PostgresSettings, options: PgConnectOptions) -> Self {
        let pool = PgPoolOptions::new()
            .min_connections(0)
            .max_connections(settings.most_connections.max(1))
            .acquire_timeout(settings.connect_patience)
            .idle_timeout(IDLE)
            .connect_lazy_with(options);
        // The server's own limit comes first, where it can be heard.
        let patience = settings.statement_patience + Duration::from_secs(2);
        Self { pool, away_until: Mutex::default(), patience }
    }

    pub(super) async fn run<T>(
        &self,
        operation: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let mut connection = self.lend().await?;
        let answer = self.within(Duration::ZERO, operation(&mut connection)).await;
        self.settle(connection, answer)
    }

    /// A connection for longer than one operation.
    pub(super) async fn lend(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        if self.away_until().is_some_and(|until| Instant::now() < until) {
            return Err(StoreError::Unavailable("Postgres is away".to_owned()));
        }
        let lent = self.pool.acquire().await.map_err(Fault::from);
        *self.away_until() = lent.is_err().then(|| Instant::now() + AWAY);
        lent.map_err(|fault| fault.to_store_error())
    }

    /// Gives an operation up that takes longer than the patience and this.
    pub(super) async fn within<T>(
        &self,
        longer: Duration,
        operation: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        tokio::time::timeout(self.patience + longer, operation).await.unwrap_or(Err(Fault::Silent))
    }

    /// Gives a connection back, or closes it if the answer says that it is of no more use.
    fn settle<T>(&self, mut connection: PoolConnection<Postgres>, answer: Result<T, Fault>) -> Result<T, StoreError> {
        if let Err(fault) = &answer
            && fault.breaks_the_connection()
        {
            connection.close_on_drop();
        }
        answer.map_err(|fault| fault.to_store_error())
    }

    /// Closes what is open; later operations are refused.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    fn away_until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.away_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
