//! Opening a Redis store: what is wrong is said at once, with what to do.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod redis_support;

use std::time::Duration;

use caudal_engine::ports::TaskStore;
use caudal_engine::testing::conformance::Parts;
use caudal_stores::redis::{OpenError, RedisSettings, RedisStore};
use redis_support::keyspace::{Keyspace, command};
use redis_support::redis_server::{RedisCluster, RedisServer};
use redis_support::{open_store, settings_of};

async fn refused(settings: &RedisSettings) -> String {
    let Parts { clock, ids, bell, feed, .. } = Parts::default();
    match RedisStore::open(settings, clock, ids, bell, feed).await {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it was opened"),
    }
}

fn assert_says(sentence: &str, words: &[&str]) {
    for word in words {
        assert!(sentence.contains(word), "'{word}' is not in: {sentence}");
    }
    assert!(sentence.ends_with('.') || sentence.ends_with('?') || sentence.contains("slots"), "{sentence}");
}

/// Goal: a URL that is none says how one looks, and keeps its password to itself.
#[tokio::test]
async fn a_wrong_url_is_explained() {
    for url in ["localhost:6379", "http://localhost", "redis://user:secret@host:port/0", ""] {
        let sentence = refused(&RedisSettings::new(url)).await;
        assert_says(&sentence, &["redis://user:password@host:6379/0"]);
        assert!(!sentence.contains("secret"), "{sentence}");
    }
}

/// Goal: nobody at the other end is said, with where that end is; also when it speaks another language.
#[tokio::test]
async fn an_unreachable_server_is_named() {
    let mut server = RedisServer::start();
    let url = server.url();
    server.kill();
    assert_says(&refused(&RedisSettings::new(url)).await, &[&server.port.to_string(), "cannot be reached"]);
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = deaf.local_addr().unwrap();
    let sentence = refused(&RedisSettings::new(format!("redis://{address}"))).await;
    assert_says(&sentence, &[&address.to_string(), "cannot be reached"]);
    let sentence = refused(&RedisSettings::new(format!("rediss://127.0.0.1:{}", server.port))).await;
    assert_says(&sentence, &["cannot be reached"]);
}

/// Goal: a missing and a wrong password are told from a server that is not there.
#[tokio::test]
async fn a_wrong_password_is_explained() {
    let server = RedisServer::with(&["--requirepass", "right"]);
    let with = |user: &str| RedisSettings::new(format!("redis://{user}127.0.0.1:{}", server.port));
    for user in ["", ":wrong@", "nobody:right@"] {
        assert_says(&refused(&with(user)).await, &["does not let us in", "user and password"]);
    }
    let Parts { clock, ids, bell, feed, .. } = Parts::default();
    let store = RedisStore::open(&with(":right@"), clock, ids, bell, feed).await.unwrap();
    store.check().await.unwrap();
}

/// Goal: a server that would throw tasks away, or lose them, is refused; each time with the line that puts it right.
#[tokio::test]
async fn a_server_that_loses_tasks_is_refused() {
    let server = RedisServer::start();
    let settings = RedisSettings::new(server.url());
    server.ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    assert_says(&refused(&settings).await, &["allkeys-lru", "`maxmemory-policy noeviction`"]);
    server.ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    server.ask(&["CONFIG", "SET", "appendfsync", "everysec"]);
    assert_says(&refused(&settings).await, &["everysec", "`appendfsync always`", "--redis-may-lose-seconds=1"]);
    server.ask(&["CONFIG", "SET", "appendfsync", "no"]);
    let may_lose = RedisSettings { may_lose_seconds: Some(1), ..settings.clone() };
    assert_says(&refused(&may_lose).await, &["appendfsync is no", "--redis-may-lose-seconds=30"]);
    server.ask(&["CONFIG", "SET", "appendfsync", "always"]);
    server.ask(&["CONFIG", "SET", "no-appendfsync-on-rewrite", "yes"]);
    assert_says(&refused(&settings).await, &["`no-appendfsync-on-rewrite no`", "--redis-may-lose-seconds=30"]);
    server.ask(&["CONFIG", "SET", "no-appendfsync-on-rewrite", "no"]);
    server.ask(&["CONFIG", "SET", "appendonly", "no"]);
    assert_says(&refused(&may_lose).await, &["appendonly is off", "`appendonly yes`"]);
    server.ask(&["CONFIG", "SET", "appendonly", "yes"]);
    server.ask(&["CONFIG", "SET", "appendfsync", "everysec"]);
    let store = open_store(&may_lose, &Parts::default()).await;
    store.check().await.unwrap();
    assert_eq!(store.may_lose(), Duration::from_secs(1), "what everysec may lose is told");
    server.ask(&["CONFIG", "SET", "appendfsync", "always"]);
    let store = open_store(&may_lose, &Parts::default()).await;
    assert_eq!(store.may_lose(), Duration::ZERO, "what is allowed is not what is so");
}

/// Goal: every node of a cluster is looked at, not only the one that the URL names; the sentence names the node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_loses_tasks_is_refused() {
    let cluster = RedisCluster::start(3);
    let settings = RedisSettings::new(cluster.url());
    let node = &cluster.nodes[1];
    let port = node.port.to_string();
    for (name, wrong, right) in [("appendonly", "no", "yes"), ("maxmemory-policy", "allkeys-lru", "noeviction")] {
        node.ask(&["CONFIG", "SET", name, wrong]);
        assert_says(&refused(&settings).await, &[&port, &format!("`{name} {right}`")]);
        node.ask(&["CONFIG", "SET", name, right]);
    }
    node.ask(&["ACL", "SETUSER", "default", "-hset"]);
    assert_says(&refused(&settings).await, &[&port, "may not do"]);
    node.ask(&["ACL", "SETUSER", "default", "+@all"]);
    open_store(&settings, &Parts::default()).await.check().await.unwrap();
}

/// Goal: a server that is still loading its data is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loading_server_is_waited_for() {
    let slow = ["--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024"];
    let server = RedisServer::with(&[&slow[..], &["--enable-debug-command", "yes"]].concat());
    for number in 0..60 {
        server.ask(&["SET", &format!("other:{number}"), &"x".repeat(4_000)]);
    }
    let settings = RedisSettings::new(server.url());
    let server = std::sync::Arc::new(server);
    let loading = server.clone();
    let reload = tokio::task::spawn_blocking(move || loading.ask(&["DEBUG", "RELOAD"]));
    while !server.ask(&["INFO", "persistence"]).contains("\nloading:1") {
        assert!(!reload.is_finished(), "nobody saw it loading");
    }
    open_store(&settings, &Parts::default()).await.check().await.unwrap();
    reload.await.unwrap();
}

/// Goal: a prefix that would change where a cluster keeps the keys is refused.
#[tokio::test]
async fn a_prefix_with_braces_is_refused() {
    let server = RedisServer::start();
    for prefix in ["{caudal}:", "a{", "}b"] {
        let settings = RedisSettings { prefix: prefix.to_owned(), ..RedisSettings::new(server.url()) };
        assert_says(&refused(&settings).await, &[prefix, "braces"]);
    }
}

/// Goal: a replica says where to go instead.
#[tokio::test]
async fn a_replica_is_refused() {
    let server = RedisServer::start();
    server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    assert_says(&refused(&RedisSettings::new(server.url())).await, &["replica", "primary"]);
}

/// Goal: a user that may not do everything is told so at the start, not at the first task; and what the message advises
/// is enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_permissions_are_named() {
    let server = RedisServer::start();
    let with = |user: &str| RedisSettings::new(format!("redis://{user}:pw@127.0.0.1:{}", server.port));
    let rights: [(&str, &[&str]); 4] = [
        ("reader", &["~*", "&*", "+@read", "+@connection", "+@scripting", "+info", "+config|get", "+cluster|slots"]),
        ("elsewhere", &["~other:*", "&*", "+@all"]),
        ("mute", &["~*", "resetchannels", "+@all"]),
        ("scriptless", &["~*", "&*", "+@all", "-@scripting"]),
    ];
    for (user, rights) in rights {
        let mut words = vec!["ACL", "SETUSER", user, "on", ">pw"];
        words.extend(rights);
        server.ask(&words);
        assert_says(&refused(&with(user)).await, &["may not do", "~caudal:* &caudal:*"]);
    }
    let advised = "ACL SETUSER advised on >pw ~caudal:* &caudal:* +@all -@dangerous +info +config|get +cluster|slots";
    server.ask(&advised.split(' ').collect::<Vec<_>>());
    // It does not hide from us what we must see.
    server.ask(&["CONFIG", "SET", "appendfsync", "everysec"]);
    assert_says(&refused(&with("advised")).await, &["everysec"]);
    server.ask(&["CONFIG", "SET", "appendfsync", "always"]);
    for name in redis_support::scenes::WRITING.iter().chain(redis_support::scenes::FREEING) {
        let parts = Parts::default();
        let prefix = format!("caudal:{}:", settings_of("", &parts).prefix);
        let settings = RedisSettings { prefix, ..with("advised") };
        let settings = RedisSettings { time: caudal_stores::redis::StoreTime::Process, ..settings };
        let store = open_store(&settings, &parts).await;
        (redis_support::scenes::Scene::of(&store, parts).set(name).await)().await.unwrap();
        store.stats().await.unwrap();
    }
}

/// Goal: what a newer version has written is not touched.
#[tokio::test]
async fn another_layout_is_refused() {
    let server = RedisServer::start();
    let settings = RedisSettings::new(server.url());
    open_store(&settings, &Parts::default()).await.shutdown().await;
    server.ask(&["HSET", "caudal:{p0}:layout", "version", "7"]);
    assert_says(&refused(&settings).await, &["layout 7", "layout 1", "caudal:*"]);
}

/// Goal: somebody else's keys are not taken for ours, nor ours for somebody else's.
#[tokio::test]
async fn foreign_keys_are_refused() {
    let server = RedisServer::start();
    let settings = RedisSettings::new(server.url());
    server.ask(&["SET", "caudal:users:7", "somebody"]);
    server.ask(&["SET", "other:thing", "else"]);
    assert_says(&refused(&settings).await, &["caudal:users:7", "another key prefix"]);
    server.ask(&["DEL", "caudal:users:7"]);
    open_store(&settings, &Parts::default()).await.shutdown().await;
    open_store(&settings, &Parts::default()).await.shutdown().await;
    server.ask(&["DEL", "caudal:{p0}:layout"]);
    server.ask(&["SET", "caudal:{p0}:layout", "text"]);
    assert_says(&refused(&settings).await, &["layout is a string"]);
    let odd = RedisSettings { prefix: "a*[b]?\\".to_owned(), ..settings };
    server.ask(&["SET", "aXb", "no prefix of ours"]);
    open_store(&odd, &Parts::default()).await.check().await.unwrap();
}

/// Goal: two stores with different prefixes share a server and nothing else.
#[tokio::test]
async fn prefixes_keep_apart() {
    let server = RedisServer::start();
    let parts = Parts::default();
    let (one, other) = (settings_of(&server.url(), &parts), settings_of(&server.url(), &parts));
    let (first, second) = (open_store(&one, &parts).await, open_store(&other, &parts).await);
    let scene = redis_support::scenes::Scene::of(&first, parts);
    scene.trial.start().await;
    assert_eq!(
        first.list(&caudal_engine::ports::TaskFilter { limit: 9, ..Default::default() }).await.unwrap().items.len(),
        1
    );
    assert!(
        second
            .list(&caudal_engine::ports::TaskFilter { limit: 9, ..Default::default() })
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let mut keyspace = Keyspace::of(&server.url(), "").await;
    let all: Vec<String> = redis::from_redis_value(keyspace.send(&command(&["KEYS", "*"])).await.unwrap()).unwrap();
    assert!(all.iter().all(|key| key.starts_with(&one.prefix) || key.starts_with(&other.prefix)), "{all:?}");
}

/// Goal: the error tells a program apart what a person reads.
#[tokio::test]
async fn errors_have_kinds() {
    let Parts { clock, ids, bell, feed, .. } = Parts::default();
    let opened = RedisStore::open(&RedisSettings::new("nonsense"), clock, ids, bell, feed).await;
    assert!(matches!(opened, Err(OpenError::Url { .. })));
}
