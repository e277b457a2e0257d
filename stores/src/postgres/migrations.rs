//! Bringing a schema to this version: each migration once, in order, all that are missing in one transaction.
//!
//! Several processes may start at once: one migrates, the others wait for it and find nothing to do.

use sqlx_core::connection::Connection;
use sqlx_core::query::query;
use sqlx_core::query_scalar::query_scalar;
use sqlx_core::raw_sql::raw_sql;
use sqlx_core::sql_str::AssertSqlSafe;
use sqlx_postgres::{PgConnection, Postgres};

use super::fault::Fault;
use super::open::{OpenError, Place};

const MIGRATIONS: &[(&str, &str)] =
    &[("0001_kept_tasks", include_str!("../../../migrations/postgres/0001_kept_tasks.sql"))];

pub(super) async fn run(connection: &mut PgConnection, schema: &str, place: &Place<'_>) -> Result<(), OpenError> {
    let known = MIGRATIONS.len() as i64;
    let mut found = version(connection, schema).await.map_err(|fault| place.explain(fault))?;
    if found < known {
        found = migrate(connection, schema).await.map_err(|fault| place.explain(fault))?;
    }
    if found > known {
        return Err(place.newer(found, known));
    }
    Ok(())
}

/// How many migrations the schema has seen.
async fn version(connection: &mut PgConnection, schema: &str) -> Result<i64, Fault> {
    let there: bool = query_scalar("SELECT to_regclass($1 || '.schema_migrations') IS NOT NULL")
        .bind(schema)
        .fetch_one(&mut *connection)
        .await?;
    if !there {
        return Ok(0);
    }
    Ok(query_scalar("SELECT coalesce(max(version), 0) FROM schema_migrations").fetch_one(connection).await?)
}

/// Answers the version that it is at then: another process may have been there first, even a newer one.
async fn migrate(connection: &mut PgConnection, schema: &str) -> Result<i64, Fault> {
    let mut transaction = connection.begin().await?;
    // It takes what it takes, and so does waiting for another process that is at it.
    raw_sql("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").execute(&mut *transaction).await?;
    query::<Postgres>("SELECT pg_advisory_xact_lock(hashtextextended('caudal migrations ' || $1, 0))")
        .bind(schema)
        .execute(&mut *transaction)
        .await?;
    let found = version(&mut transaction, schema).await?;
    if found == 0 {
        make_schema(&mut transaction, schema).await?;
    }
    let missing = MIGRATIONS.iter().zip(1_i64..).filter(|(_, number)| *number > found);
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
    Ok(found.max(MIGRATIONS.len() as i64))
}

async fn make_schema(connection: &mut PgConnection, schema: &str) -> Result<(), Fault> {
    let there: bool =
        query_scalar("SELECT to_regnamespace($1) IS NOT NULL").bind(schema).fetch_one(&mut *connection).await?;
    if !there {
        // The name was checked when the settings were read.
        raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut *connection).await?;
    }
    raw_sql("CREATE TABLE IF NOT EXISTS schema_migrations (version bigint PRIMARY KEY, name text NOT NULL)")
        .execute(connection)
        .await?;
    Ok(())
}
