//! Bringing a database file to the schema of this version: each migration once, in order, in a transaction.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::fault::Fault;
use super::open::OpenError;

pub(super) const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_tasks", include_str!("../../../migrations/sqlite/0001_tasks.sql")),
    ("0002_outbox", include_str!("../../../migrations/sqlite/0002_outbox.sql")),
    ("0003_bounded_outbox", include_str!("../../../migrations/sqlite/0003_bounded_outbox.sql")),
    ("0004_newborn_notifications", include_str!("../../../migrations/sqlite/0004_newborn_notifications.sql")),
];

pub(super) fn run(connection: &mut Connection, database: &Path) -> Result<(), OpenError> {
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    let found = version(connection).map_err(|fault| OpenError::of(database, &fault))?;
    if found > known {
        return Err(OpenError::Newer { path: database.to_owned(), found, known });
    }
    (found..known).try_for_each(|done| apply(connection, done)).map_err(|fault| OpenError::of(database, &fault))
}

/// How many migrations the database has seen.
fn version(connection: &Connection) -> Result<u32, Fault> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT",
    )?;
    let version = "SELECT ifnull(max(version), 0) FROM schema_migrations";
    Ok(connection.query_row(version, [], |row| row.get(0))?)
}

fn apply(connection: &mut Connection, done: u32) -> Result<(), Fault> {
    let Some((name, sql)) = MIGRATIONS.get(done as usize) else { return Ok(()) };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(sql)?;
    transaction.execute("INSERT INTO schema_migrations (version, name) VALUES (?1, ?2)", (done + 1, name))?;
    transaction.commit()?;
    tracing::info!(migration = name, "The database has a new schema");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every migration says why it is there and what it breaks, and its number is its place.
    #[test]
    fn migrations_speak() {
        for (place, (name, sql)) in MIGRATIONS.iter().enumerate() {
            assert!(name.starts_with(&format!("{:04}_", place + 1)), "{name}");
            let mut lines = sql.lines();
            assert!(lines.next().is_some_and(|line| line.starts_with("-- Why: ")), "{name}");
            assert!(lines.next().is_some_and(|line| line.starts_with("-- Breaking: ")), "{name}");
        }
    }
}
