//! Bringing a schema to this version: each migration once, in order, all that are missing in one transaction.
//!
//! Several processes may start at once: one migrates, the others wait for it and find nothing to do.

use std::time::{Duration, Instant};

use sqlx_core::connection::Connection;
use sqlx_core::query::query;
use sqlx_core::query_scalar::query_scalar;
use sqlx_core::raw_sql::raw_sql;
use sqlx_core::sql_str::AssertSqlSafe;
use sqlx_postgres::{PgConnection, Postgres};

use super::fault::Fault;
use super::open::{OpenError, Place};

/// Between two looks at whether another process has done its migration; and how long it may take.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// Names and statements, in order.
type Migrations = &'static [(&'static str, &'static str)];

const MIGRATIONS: Migrations = &[
    ("0001_kept_tasks", include_str!("../../../migrations/postgres/0001_kept_tasks.sql")),
    ("0002_kept_notifications", include_str!("../../../migrations/postgres/0002_kept_notifications.sql")),
];

pub(super) async fn run(connection: &mut PgConnection, schema: &str, place: &Place<'_>) -> Result<(), OpenError> {
    run_all(connection, schema, place, MIGRATIONS).await
}

async fn run_all(
    connection: &mut PgConnection,
    schema: &str,
    place: &Place<'_>,
    migrations: Migrations,
) -> Result<(), OpenError> {
    let known = migrations.len() as i64;
    let mut found = version(connection, schema).await.map_err(|fault| place.explain(fault))?;
    if found < known {
        found = migrate(connection, schema, migrations, LONGEST_WAIT).await.map_err(|fault| place.explain(fault))?;
    }
    if found > known {
        return Err(place.newer(found, known));
    }
    Ok(())
}

/// How many migrations the schema has seen. Read from the catalog's tables: functions such as `to_regclass` may still
/// believe, when another process has just migrated, what they knew before we waited for it.
async fn version(connection: &mut PgConnection, schema: &str) -> Result<i64, Fault> {
    let there: bool =
        query_scalar("SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'schema_migrations')")
            .bind(schema)
            .fetch_one(&mut *connection)
            .await?;
    if !there {
        return Ok(0);
    }
    Ok(query_scalar("SELECT coalesce(max(version), 0) FROM schema_migrations").fetch_one(connection).await?)
}

/// Answers the version that it is at then: another process may have been there first, even a newer one.
///
/// The lock is the session's and is taken before the transaction begins: a transaction that began earlier may look at
/// what it remembers of the catalogue from before the wait.
async fn migrate(
    connection: &mut PgConnection,
    schema: &str,
    migrations: Migrations,
    longest_wait: Duration,
) -> Result<i64, Fault> {
    // What it does takes what it takes. Who waits for another process that is at it says so, and does not wait for ever:
    // that one may hang.
    raw_sql("SET statement_timeout = 0; SET lock_timeout = 0").execute(&mut *connection).await?;
    let waiting_since = Instant::now();
    while !try_lock(connection, schema).await? {
        if waiting_since.elapsed() < PAUSE {
            tracing::info!(schema, "another process is bringing the database to this version; waiting for it");
        }
        if waiting_since.elapsed() >= longest_wait {
            return Err(Fault::Migrating(longest_wait));
        }
        tokio::time::sleep(PAUSE).await;
    }
    // A failure ends the connection, and the lock with it.
    let version = migrate_alone(connection, schema, migrations).await?;
    query::<Postgres>("SELECT pg_advisory_unlock(hashtextextended('caudal migrations ' || $1, 0))")
        .bind(schema)
        .execute(connection)
        .await?;
    Ok(version)
}

async fn try_lock(connection: &mut PgConnection, schema: &str) -> Result<bool, Fault> {
    let lock = query_scalar("SELECT pg_try_advisory_lock(hashtextextended('caudal migrations ' || $1, 0))");
    Ok(lock.bind(schema).fetch_one(connection).await?)
}

async fn migrate_alone(connection: &mut PgConnection, schema: &str, migrations: Migrations) -> Result<i64, Fault> {
    let mut transaction = connection.begin().await?;
    let found = version(&mut transaction, schema).await?;
    if found == 0 {
        make_schema(&mut transaction, schema).await?;
    }
    let missing = migrations.iter().zip(1_i64..).filter(|(_, number)| *number > found);
    for ((name, sql), number) in missing {
        raw_sql(*sql).execute(&mut *transaction).await?;
        query::<Postgres>("INSERT INTO schema_migrations (version, name) VALUES ($1, $2)")
            .bind(number)
            .bind(name)
            .execute(&mut *transaction)
            .await?;
        tracing::info!(migration = name, "the database has a new schema");
    }
    transaction.commit().await?;
    Ok(found.max(migrations.len() as i64))
}

async fn make_schema(connection: &mut PgConnection, schema: &str) -> Result<(), Fault> {
    let there: bool = query_scalar("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)")
        .bind(schema)
        .fetch_one(&mut *connection)
        .await?;
    if !there {
        // The name was checked when the settings were read.
        raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut *connection).await?;
    }
    raw_sql("CREATE TABLE IF NOT EXISTS schema_migrations (version bigint PRIMARY KEY, name text NOT NULL)")
        .execute(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
