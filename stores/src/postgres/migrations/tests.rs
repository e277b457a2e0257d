//! Schemas that are a migration behind or ahead, on a real server: the next migration is one that only this test knows.

#![expect(unreachable_pub, dead_code, reason = "the kit of the end-to-end tests is taken in by its path")]

// As the stores' other tests do.
#[path = "../../../../tests/src/free_port.rs"]
mod free_port;
#[path = "../../../../tests/src/postgres_server.rs"]
mod postgres_server;

use std::sync::Arc;

use caudal_engine::ports::SystemClock;
use postgres_server::PostgresServer;
use sqlx_core::connection::ConnectOptions;

use super::super::open::options_of;
use super::super::settings::PostgresSettings;
use super::super::store::PostgresStore;
use super::*;

const NEXT: (&str, &str) = ("of_tomorrow", "ALTER TABLE tasks ADD COLUMN mood text DEFAULT 'calm'");
const BROKEN: (&str, &str) = ("broken", "ALTER TABLE tasks ADD COLUMN mood text; SELECT nothing");
const TASK: &str = "INSERT INTO caudal.tasks (id, tenant, flow, state, version, ran_version, priority, created_at, ended_at, \
    takeovers, head, progress, status, input, search, bytes) \
    VALUES (gen_random_uuid(), 'default', 'poem_flow', 4, 1, 1, 1, 1, 2, 0, 2, 100, 'Done', '{}', 'poem', 100)";

/// What a newer binary knows.
fn and(next: (&'static str, &'static str)) -> Migrations {
    MIGRATIONS.iter().copied().chain([next]).collect::<Vec<_>>().leak()
}

/// Starts a binary that knows these migrations.
async fn start(settings: &PostgresSettings, migrations: Migrations) -> Result<(), String> {
    let options = options_of(settings).map_err(|error| error.to_string())?;
    let mut connection = options.connect().await.unwrap();
    let place = Place::of(settings, &options);
    run_all(&mut connection, &settings.schema, &place, migrations).await.map_err(|error| error.to_string())
}

/// Goal: a newer binary brings a schema that is one migration behind up to its own, with all that is in it, once; then
/// the older one refuses to start, and says which is which.
#[tokio::test]
async fn one_migration_behind_and_one_ahead() {
    let server = PostgresServer::start();
    let settings = PostgresSettings::new(server.url("postgres"));
    let today = PostgresStore::open(&settings, Arc::new(SystemClock)).await.unwrap();
    today.close().await;
    server.sql("postgres", TASK);
    for _ in 0..2 {
        start(&settings, and(NEXT)).await.unwrap();
        assert_eq!(server.sql("postgres", "SELECT flow || ' ' || mood FROM caudal.tasks"), "poem_flow calm");
    }
    let known = "SELECT string_agg(name, ' ' ORDER BY version) FROM caudal.schema_migrations";
    let names: Vec<&str> = and(NEXT).iter().map(|(name, _)| *name).collect();
    assert_eq!(server.sql("postgres", known), names.join(" "));
    let Err(refused) = PostgresStore::open(&settings, Arc::new(SystemClock)).await else { panic!("it was opened") };
    let refused = refused.to_string();
    assert!(
        refused.contains(&format!("is at {}", names.len()))
            && refused.contains(&format!("up to {}", MIGRATIONS.len()))
            && refused.contains("newer"),
        "{refused}"
    );
}

/// Goal: a migration that fails leaves the schema as it was, and the binary of before goes on with it.
#[tokio::test]
async fn a_failed_migration_leaves_nothing() {
    let server = PostgresServer::start();
    let settings = PostgresSettings::new(server.url("postgres"));
    start(&settings, MIGRATIONS).await.unwrap();
    let failed = start(&settings, and(BROKEN)).await.unwrap_err();
    assert!(failed.contains("nothing"), "{failed}");
    let columns = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'mood'";
    assert_eq!(server.sql("postgres", columns), "0");
    start(&settings, MIGRATIONS).await.unwrap();
    start(&settings, and(NEXT)).await.unwrap();
}

/// Goal: whoever waits for a migration of another process that hangs does not wait for ever, and says what to do.
#[tokio::test]
async fn a_migration_that_hangs_is_named() {
    let server = PostgresServer::start();
    let settings = PostgresSettings::new(server.url("postgres"));
    let options = options_of(&settings).map_err(|error| error.to_string()).unwrap();
    let (mut hanging, mut waiting) = (options.connect().await.unwrap(), options.connect().await.unwrap());
    assert!(try_lock(&mut hanging, &settings.schema).await.unwrap());
    let longest = Duration::from_millis(300);
    let refused = migrate(&mut waiting, &settings.schema, MIGRATIONS, longest).await.unwrap_err();
    let said = Place::of(&settings, &options).explain(refused).to_string();
    assert!(said.contains("pg_terminate_backend"), "{said}");
    drop(hanging);
    let known = MIGRATIONS.len() as i64;
    assert_eq!(migrate(&mut waiting, &settings.schema, MIGRATIONS, LONGEST_WAIT).await.unwrap(), known);
}
