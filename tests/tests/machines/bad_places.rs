//! Redis and Postgres that are not what they should be: what a process says when it is pointed at them, and what a
//! running one does when they become so.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use caudal_tests::{
    Answer, Client, Installation, PostgresServer, RedisServer, Role, Setup, installation, setup, until,
};
use serde_json::{Value, json};

/// How long a process may look before it says what is wrong: five seconds, and its own start on a busy machine.
const MOST_TO_REFUSE: Duration = Duration::from_secs(7);
const SECRET: &str = "not-for-logs";

/// Goal: the start is refused, soon, in words that have all of these in them and no password.
async fn assert_refused(mut setup: Setup, words: &[&str]) {
    for role in [Role::Web, Role::Worker] {
        setup = setup.role(role);
        let began = Instant::now();
        let refusal = setup.refused().await;
        assert!(refusal.code.is_some_and(|code| code != 0), "{refusal:?}");
        assert!(began.elapsed() < MOST_TO_REFUSE, "after {:?}: {refusal:?}", began.elapsed());
        assert!(words.iter().all(|word| refusal.said.contains(word)), "{words:?} in {}", refusal.said);
        assert!(!refusal.said.contains(SECRET) && !refusal.said.contains("panicked"), "{}", refusal.said);
    }
}

fn on(redis: impl ToString) -> Setup {
    setup!().environment("CAUDAL_REDIS_URL", redis.to_string())
}

/// Goal: each wrong address or password of Redis is said so, with what to do.
#[tokio::test]
async fn wrong_addresses_of_redis_are_refused() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    let locked = RedisServer::with(&["--requirepass", "right"]);
    let port = locked.port;
    let cases = [
        ("http://127.0.0.1:6379".to_owned(), vec!["CAUDAL_REDIS_URL", "redis://"]),
        ("redis://127.0.0.1:none".to_owned(), vec!["redis"]),
        ("redis://127.0.0.1:1".to_owned(), vec!["127.0.0.1:1", "cannot be reached"]),
        ("redis://no.such.host.invalid:6379".to_owned(), vec!["no.such.host.invalid", "cannot be reached"]),
        (format!("redis://{silent}"), vec!["cannot be reached"]),
        (format!("redis://:{SECRET}@127.0.0.1:{port}"), vec!["does not let us in", "password"]),
        (format!("redis://127.0.0.1:{port}"), vec!["password"]),
        (format!("redis://nobody:{SECRET}@127.0.0.1:{port}"), vec!["does not let us in", "user and password"]),
        (format!("rediss://:right@127.0.0.1:{port}"), vec!["127.0.0.1"]),
    ];
    for (url, words) in cases {
        assert_refused(on(url), &words).await;
    }
    assert_refused(setup!(), &["--redis-url", "caudal serve"]).await;
}

/// Goal: a Redis that would lose tasks, or that is somebody else's, is refused with the setting that is wrong.
#[tokio::test]
async fn unfit_redis_servers_are_refused() {
    let cases: [(&[&str], &[&str]); 4] = [
        (&["--maxmemory-policy", "allkeys-lru", "--maxmemory", "100mb"], &["maxmemory-policy noeviction"]),
        (&["--appendonly", "no"], &["appendonly yes"]),
        (&["--appendfsync", "everysec"], &["appendfsync always", "--redis-may-lose-seconds"]),
        (&["--maxmemory", "1mb"], &["maxmemory"]),
    ];
    for (options, words) in cases {
        let redis = RedisServer::with(options);
        assert_refused(on(redis.url()), words).await;
    }
    let redis = RedisServer::start();
    redis.ask(&["SET", "caudal:theirs", "something"]);
    assert_refused(on(redis.url()), &["caudal:theirs", "prefix"]).await;
    let replica = RedisServer::with(&["--replicaof", "127.0.0.1 1"]);
    assert_refused(on(replica.url()), &["replica", "primary"]).await;
}

/// Goal: the same for Postgres, and for one that a newer version has migrated.
#[tokio::test]
async fn unfit_databases_are_refused() {
    let (redis, postgres) = (RedisServer::start(), PostgresServer::start());
    let at = |url: String| on(redis.url()).environment("CAUDAL_DATABASE_URL", url);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let cases = [
        ("mysql://127.0.0.1/x".to_owned(), vec!["CAUDAL_DATABASE_URL", "postgres://"]),
        (format!("postgres://caudal:{SECRET}@127.0.0.1:1/x"), vec!["127.0.0.1:1", "cannot be reached"]),
        (format!("postgres://caudal:{SECRET}@{}/x", silent.local_addr().unwrap()), vec!["does not answer"]),
        (postgres.url_of("caudal", SECRET, "postgres"), vec!["does not let the user 'caudal' in"]),
        (postgres.url("none"), vec!["no database 'none'", "createdb none"]),
    ];
    for (url, words) in cases {
        assert_refused(at(url), &words).await;
    }
    assert_refused(setup!().environment("CAUDAL_DATABASE_URL", postgres.url("postgres")), &["redis_url"]).await;

    let good = at(postgres.url("postgres")).role(Role::Worker).start().await;
    drop(good);
    postgres.sql("postgres", "INSERT INTO caudal.schema_migrations (version, name) VALUES (99, 'of tomorrow')");
    assert_refused(at(postgres.url("postgres")), &["newer version", "99"]).await;
    postgres.sql("postgres", "DROP SCHEMA caudal CASCADE");
    // One that is behind is brought up to date.
    drop(at(postgres.url("postgres")).role(Role::Worker).start().await);
    assert_ne!(postgres.sql("postgres", "SELECT count(*) FROM caudal.schema_migrations"), "0");
}

async fn try_start(client: &Client) -> Answer {
    client.post("/start-task", &json!({ "flow": "slow_flow", "inputs": { "steps": 2, "step_ms": 10 } })).await
}

/// Goal: refused with 503, with these words in the process's log, and nothing is started.
async fn assert_refuses_starts(installation: &Installation, words: &str) {
    until("starts are refused", || async { (try_start(&installation.client()).await.status == 503).then_some(()) })
        .await;
    let refused = try_start(&installation.client()).await;
    assert_eq!((refused.status, refused.headers.contains_key("retry-after")), (503, true), "{refused:?}");
    assert!(installation.webs[0].log().contains(words), "'{words}' in the log");
}

async fn assert_works(installation: &Installation) {
    let client = installation.client();
    let started = until("starts are accepted", || async {
        let answer = try_start(&client).await;
        (answer.status == 200).then(|| answer.json())
    })
    .await;
    client.reached(started["task_id"].as_str().unwrap(), "SUCCESS").await;
}

/// Goal: a Redis that forgets its scripts, turns into a replica or has no memory left harms nothing that runs: it is said
/// what to do, and when that is done, work goes on.
#[tokio::test]
async fn running_processes_say_what_to_do() {
    let installation = installation!().without_postgres().start().await;
    let redis = &installation.redis;
    let client = installation.client();
    let before: Value = client.post("/start-task", &json!({ "flow": "slow_flow" })).await.ok();
    redis.ask(&["SCRIPT", "FLUSH"]);
    assert_works(&installation).await;

    redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_refuses_starts(&installation, "maxmemory").await;
    redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_works(&installation).await;

    redis.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    assert_refuses_starts(&installation, "replica").await;
    redis.ask(&["REPLICAOF", "NO", "ONE"]);
    assert_works(&installation).await;

    let task = before["task_id"].as_str().unwrap();
    client.reached(task, "SUCCESS").await;
    caudal_tests::assert_lawful(&client.events(task).await);
}
