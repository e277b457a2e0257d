//! Opening a database: what is said when it cannot be used, who migrates it, and that it is then left alone.

#![expect(clippy::panic, reason = "these are tests")]

mod kit;

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::ports::SystemClock;
use caudal_stores::postgres::{PostgresSettings, PostgresStore};
use kit::{PostgresServer, ended_task, settings, settings_on, shared_server};

async fn try_open(settings: &PostgresSettings) -> Result<PostgresStore, String> {
    PostgresStore::open(settings, Arc::new(SystemClock)).await.map_err(|error| error.to_string())
}

/// What is said when a database cannot be opened.
async fn refusal(settings: &PostgresSettings) -> String {
    let Err(refused) = try_open(settings).await else { panic!("it was opened") };
    assert!(!refused.contains("secret"), "{refused}");
    refused
}

fn at(url: String) -> PostgresSettings {
    PostgresSettings { url, ..settings() }
}

fn assert_says(refused: &str, words: &[&str]) {
    assert!(words.iter().all(|word| refused.contains(word)), "{refused}");
}

/// Goal: each thing that can be wrong with the address is a sentence that says what to do, without the password.
#[tokio::test]
async fn what_is_wrong_is_said() {
    let server = shared_server();
    let port = server.port();
    let cases = [
        ("mysql://user:secret@127.0.0.1/x".to_owned(), vec!["postgres://user:password@host"]),
        ("postgres://user:secret@127.0.0.1:none/x".to_owned(), vec!["cannot be read", "postgres://"]),
        ("postgres://user:secret@127.0.0.1:1/x".to_owned(), vec!["cannot be reached at 127.0.0.1:1", "Start it"]),
        ("postgres://user:secret@no.such.host.invalid/x".to_owned(), vec!["no.such.host.invalid:5432"]),
        (server.url_of(kit::postgres_server::USER, "secret", "postgres"), vec!["let the user 'caudal' in", "password"]),
        (server.url_of("nobody_known", "secret", "postgres"), vec!["'nobody_known'"]),
        (server.url("no_such_database"), vec!["no database 'no_such_database'", "createdb no_such_database"]),
    ];
    for (url, words) in cases {
        assert_says(&refusal(&at(url)).await, &words);
    }
    let odd = PostgresSettings { schema: "x; DROP".to_owned(), ..settings() };
    assert_says(&refusal(&odd).await, &["x; DROP", "a-z"]);
    assert!(!format!("{:?}", at(server.url("postgres"))).contains(&port.to_string()), "settings can be shown");
}

/// Goal: who may not make tables, or may not write at all, learns what to ask for.
#[tokio::test]
async fn missing_rights_are_said() {
    let server = shared_server();
    server.sql("postgres", "CREATE ROLE guest LOGIN PASSWORD 'secret'; REVOKE CREATE ON DATABASE postgres FROM PUBLIC");
    let guest = at(server.url_of("guest", "secret", "postgres"));
    assert_says(&refusal(&guest).await, &["'guest'", &format!("CREATE SCHEMA IF NOT EXISTS {}", guest.schema)]);
    server.sql("postgres", &format!("CREATE SCHEMA {0}; GRANT ALL ON SCHEMA {0} TO guest", guest.schema));
    try_open(&guest).await.unwrap();
    server.sql("postgres", "ALTER ROLE guest SET default_transaction_read_only = on");
    assert_says(&refusal(&guest).await, &["can only be read", "primary"]);
    server.sql("postgres", "CREATE DATABASE old ENCODING 'LATIN1' TEMPLATE template0");
    assert_says(&refusal(&at(server.url("old"))).await, &["LATIN1", "UTF8"]);
}

/// Goal: a server that takes connections and never answers is given up.
#[tokio::test]
async fn a_silent_server_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://user:secret@{}/x", silent.local_addr().unwrap());
    assert_says(&refusal(&PostgresSettings::new(url)).await, &["cannot be reached", "does not answer"]);
}

/// Goal: an older version does not write into a newer one's schema, and says so.
#[tokio::test]
async fn a_newer_schema_is_refused() {
    let settings = settings();
    try_open(&settings).await.unwrap();
    let later = format!("INSERT INTO {}.schema_migrations VALUES (999, '0999_later')", settings.schema);
    shared_server().sql("postgres", &later);
    assert_says(&refusal(&settings).await, &["newer version", "999", &settings.schema]);
}

/// Goal: many processes that start at once make the schema once, and all of them can use it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_starts_migrate_once() {
    let settings = settings();
    let opening: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let settings = settings.clone();
                async move { try_open(&settings).await }
            })
        })
        .collect();
    for (number, opening) in (0..).zip(opening) {
        let store = opening.await.unwrap().unwrap();
        assert_eq!(store.archive(&[ended_task(number)]).await.unwrap().kept.len(), 1);
    }
    let rows = shared_server().sql("postgres", &format!("SELECT count(*) FROM {}.schema_migrations", settings.schema));
    assert_eq!(rows, "2", "each migration once");
}

/// Goal: a schema that was made before, with whatever is in it, is used and left otherwise as it is.
#[tokio::test]
async fn a_schema_may_be_there_before() {
    let settings = settings();
    let other = format!("CREATE SCHEMA {0}; CREATE TABLE {0}.theirs (x int)", settings.schema);
    shared_server().sql("postgres", &other);
    try_open(&settings).await.unwrap();
    try_open(&settings).await.unwrap();
    assert_eq!(shared_server().sql("postgres", &format!("SELECT count(*) FROM {}.theirs", settings.schema)), "0");
}

/// Goal: an open store that nobody asks holds no connection and makes no query.
#[tokio::test]
async fn an_idle_store_asks_nothing() {
    let server = PostgresServer::start();
    let store = try_open(&settings_on(&server)).await.unwrap();
    let ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'caudal'";
    while server.sql("postgres", ours) != "0" {}
    store.stats().await.unwrap();
    let seen = server.queries();
    assert!(seen > 0, "queries are seen");
    for _ in 0..100 {
        store.stats().await.unwrap();
        assert_eq!(store.clean(Duration::from_secs(60), u64::MAX, 10).await.unwrap(), 0);
    }
    // The first cleaning had to look.
    assert!(server.queries() <= seen + 10, "{seen} grew to {}", server.queries());
}
