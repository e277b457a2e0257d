//! The safety of the scripts: whatever a server refuses or holds, nothing is ever half-written.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod redis_support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use caudal_engine::ports::StoreError;
use caudal_engine::testing::clock::TestClock;
use caudal_engine::testing::conformance::Parts;
use caudal_stores::redis::{RedisSettings, RedisStore};
use redis_support::keyspace::{Keyspace, Picture};
use redis_support::redis_server::RedisServer;
use redis_support::scenes::{APART, FREEING, Operation, SETTLING, Scene, WRITING, stage_of};
use redis_support::{open_store, settings_of};

/// A store of its own with a scene in it.
struct Stage {
    store: Arc<RedisStore>,
    clock: Arc<TestClock>,
    keyspace: Keyspace,
    operation: Operation,
    before: Picture,
}

impl Stage {
    async fn set(server: &RedisServer, name: &str) -> Self {
        let parts = Parts::default();
        let settings: RedisSettings = settings_of(&server.url(), &parts);
        let store = open_store(&settings, &parts).await;
        let clock = parts.clock.clone();
        let operation = Scene::of(&store, parts).set(name).await;
        let mut keyspace = Keyspace::of(&server.url(), &settings.prefix).await;
        let before = keyspace.picture().await;
        Self { store, clock, keyspace, operation, before }
    }

    /// The keys that the operation changes, with what they are.
    async fn touched(&mut self, name: &str) -> BTreeMap<String, String> {
        let mut kinds = self.keyspace.kinds().await;
        (self.operation)().await.unwrap_or_else(|error| panic!("{name}: {error}"));
        kinds.extend(self.keyspace.kinds().await);
        let after = self.keyspace.picture().await;
        kinds.retain(|name, _| self.before.get(name) != after.get(name));
        kinds
    }

    /// The operation must be refused and leave everything as it was.
    async fn refused(&mut self, name: &str, trouble: &str) -> StoreError {
        let before = self.keyspace.picture().await;
        let Err(error) = (self.operation)().await else { panic!("{name} was done in spite of {trouble}") };
        self.unchanged(&before, name, trouble).await;
        error
    }

    async fn unchanged(&mut self, before: &Picture, name: &str, trouble: &str) {
        let after = self.keyspace.picture().await;
        let differ: Vec<&String> =
            before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key)).collect();
        assert!(differ.is_empty(), "{name} with {trouble}: half-written were {differ:?}");
    }

    /// What can be read no more, and so not be settled, has left its line by a script of its own, which is whole, too.
    async fn was_set_aside(&mut self, before: &mut Picture, name: &str) {
        let mut after = self.keyspace.picture().await;
        assert!(after.keys().any(|key| key.ends_with("}:naside")), "{name}: it is not set aside");
        for place in ["naside", "o:m", "no"] {
            let key = format!("{{p0}}:{place}");
            before.remove(&key);
            before.extend(after.remove_entry(&key));
        }
    }

    /// Asked until it is done: the connection may have to be made anew.
    async fn done_in_the_end(&self, name: &str) {
        for _ in 0..500 {
            match (self.operation)().await {
                Ok(()) => return,
                Err(StoreError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(other) => panic!("{name}: {other}"),
            }
        }
        panic!("{name} was never done");
    }
}

/// Goal: a key of another type, wherever a script would write, is found before the first write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_the_wrong_type_is_found_before_the_first_write() {
    let server = RedisServer::start();
    let mut refused = 0;
    for name in WRITING.iter().chain(FREEING) {
        let mut stage = Stage::set(&server, name).await;
        let touched = stage.touched(name).await;
        assert!(!touched.is_empty(), "{name} changes nothing");
        for (key, kind) in touched {
            stage.keyspace.put_back(&stage.before).await;
            stage.keyspace.break_key(&key, &kind).await;
            if *name == "claim a notification" {
                // What the last look has seen is believed no more.
                stage.clock.advance(Duration::from_secs(2));
            }
            let before = stage.keyspace.picture().await;
            match (stage.operation)().await {
                Err(error) => {
                    assert!(matches!(error, StoreError::Corrupt(_)), "{name} with a broken {key}: {error:?}");
                    let mut before = before;
                    if SETTLING.contains(name) && key.contains("}:n:") {
                        stage.was_set_aside(&mut before, name).await;
                    }
                    stage.unchanged(&before, name, &format!("a broken {key}")).await;
                    refused += 1;
                }
                // What is only set or removed is so whatever it was before.
                Ok(()) => eprintln!("{name} does not mind a broken {key}"),
            }
        }
        stage.store.shutdown().await;
    }
    assert!(refused > 60, "only {refused} operations were refused");
}

/// Goal: a server without memory refuses what brings something new, whole, and does it when it has some again; what frees
/// memory, and what brings to its end what is there, is done all the same, as it is done with memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_memory_nothing_is_half_written() {
    let server = RedisServer::start();
    for name in WRITING {
        let mut stage = Stage::set(&server, name).await;
        server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
        let error = stage.refused(name, "no memory").await;
        assert!(matches!(&error, StoreError::Full(what) if what.contains("maxmemory")), "{name}: {error}");
        server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
        stage.done_in_the_end(name).await;
    }
    for name in FREEING {
        let mut with_memory = Stage::set(&server, name).await;
        let expected = with_memory.touched(name).await;
        let mut stage = Stage::set(&server, name).await;
        server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
        let touched = stage.touched(name).await;
        server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
        assert!(!expected.is_empty() && touched == expected, "{name} changes {touched:?}, with memory {expected:?}");
    }
}

/// Goal: the same of a server that has become a replica.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_replica_nothing_is_half_written() {
    let server = RedisServer::start();
    for name in WRITING.iter().chain(FREEING) {
        let mut stage = Stage::set(&server, name).await;
        // Nobody listens there: it keeps what it has.
        server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
        let error = stage.refused(name, "a replica").await;
        assert!(matches!(&error, StoreError::Unavailable(what) if what.contains("replica")), "{name}: {error}");
        server.ask(&["REPLICAOF", "NO", "ONE"]);
        stage.done_in_the_end(name).await;
    }
}

/// Goal: the same of a server that cannot write to its disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_disk_nothing_is_half_written() {
    let server = RedisServer::with(&["--dbfilename", "taken", "--save", "36000 1000000"]);
    // A folder stands where the server would put its snapshot.
    std::fs::create_dir(server.folder().join("taken")).unwrap();
    server.ask(&["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]);
    server.ask(&["BGSAVE"]);
    while !server.ask(&["INFO", "persistence"]).contains("rdb_last_bgsave_status:err") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for name in WRITING.iter().chain(FREEING) {
        let mut stage = Stage::set(&server, name).await;
        server.ask(&["CONFIG", "SET", "stop-writes-on-bgsave-error", "yes"]);
        let error = stage.refused(name, "no disk").await;
        assert!(matches!(&error, StoreError::Unavailable(what) if what.contains("disk")), "{name}: {error}");
        server.ask(&["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]);
        stage.done_in_the_end(name).await;
    }
}

/// Goal: a script that is called with nonsense refuses it before it writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_argument_is_found_before_the_first_write() {
    let server = RedisServer::start();
    let mut refused = 0;
    for name in WRITING.iter().chain(FREEING) {
        let mut stage = Stage::set(&server, name).await;
        let calls = monitored(&server, &stage).await;
        assert!(!calls.is_empty(), "{name} calls no script");
        // The name, the hash, the count of keys and the prefix are no arguments of the script.
        for (call, place) in calls.iter().flat_map(|call| (4..call.len()).map(move |place| (call, place))) {
            stage.keyspace.put_back(&stage.before).await;
            let before = stage.keyspace.picture().await;
            let mut command = redis::Cmd::new();
            for (at, word) in call.iter().enumerate() {
                command.arg(if at == place { &b"nonsense"[..] } else { word });
            }
            if stage.keyspace.send(&command).await.is_err() {
                stage.unchanged(&before, name, &format!("a wrong argument {}", place - 3)).await;
                refused += 1;
            }
        }
        stage.store.shutdown().await;
    }
    assert!(refused > 60, "only {refused} calls were refused");
}

/// The script calls that the operation makes, as the server saw them.
async fn monitored(server: &RedisServer, stage: &Stage) -> Vec<Vec<Vec<u8>>> {
    let seen = server.monitor();
    (stage.operation)().await.unwrap();
    let prefix = stage.keyspace.key("");
    let lines = seen.lines();
    let calls = lines.iter().map(|line| redis_support::monitor::words(line));
    calls
        .filter(|words| words.first().is_some_and(|first| first.eq_ignore_ascii_case(b"EVALSHA")))
        .filter(|words| words.get(3).is_some_and(|key| key.starts_with(prefix.as_bytes())))
        .collect()
}

/// What is made of several scripts, each of which must be whole by itself: the calls as they are made one after the other,
/// and what was there before the first.
async fn calls_of(server: &RedisServer, name: &str) -> (Keyspace, Picture, Vec<Vec<Vec<u8>>>) {
    let parts = Parts::default();
    let settings = stage_of(name, settings_of(&server.url(), &parts));
    let mut keyspace = Keyspace::of(&server.url(), &settings.prefix).await;
    let (before, seen) = match name {
        "open" | "open and grow" => {
            if name == "open and grow" {
                open_store(&settings, &parts).await.shutdown().await;
            }
            let settings = RedisSettings { partitions: Some(3), ..settings.clone() };
            let (before, seen) = (keyspace.picture().await, server.monitor());
            open_store(&settings, &parts).await.shutdown().await;
            (before, seen)
        }
        apart => {
            let store = open_store(&settings, &parts).await;
            let operation = Scene::of(&store, parts).set(apart).await;
            let (before, seen) = (keyspace.picture().await, server.monitor());
            operation().await.unwrap();
            store.shutdown().await;
            (before, seen)
        }
    };
    let calls = seen.lines().into_iter().map(|line| redis_support::monitor::words(&line)).filter(|words| {
        let is_ours = words.get(3).is_some_and(|key| key.starts_with(settings.prefix.as_bytes()));
        is_ours && words[0].eq_ignore_ascii_case(b"EVALSHA")
    });
    (keyspace, before, calls.collect())
}

fn command_of(call: &[Vec<u8>]) -> redis::Cmd {
    call.iter().fold(redis::Cmd::new(), |mut command, word| {
        command.arg(word);
        command
    })
}

/// A refused call must have left everything as it was. Answers whether it was refused.
async fn refused_whole(keyspace: &mut Keyspace, command: &redis::Cmd, what: &str) -> bool {
    let before = keyspace.picture().await;
    let is_refused = keyspace.send(command).await.is_err();
    if is_refused {
        assert!(keyspace.picture().await == before, "half-written: {what}");
    }
    is_refused
}

/// Goal: each script of an operation that takes several, and of opening and growing a store, is refused whole: by a key of
/// another type, on a replica, with a wrong argument; without memory too, but a store that is there is opened all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_several_scripts_is_whole() {
    let server = RedisServer::start();
    let mut refused = [0; 3];
    for name in APART.iter().copied().chain(["open", "open and grow"]) {
        let (mut keyspace, before, calls) = calls_of(&server, name).await;
        assert!(calls.len() > 2, "{name} calls {} scripts", calls.len());
        keyspace.put_back(&before).await;
        for (place, call) in calls.iter().enumerate() {
            let (what, command) = (format!("{name}, script {place}"), command_of(call));
            let (was, kinds) = (keyspace.picture().await, keyspace.kinds().await);
            keyspace.send(&command).await.unwrap();
            let (now, kinds_now) = (keyspace.picture().await, keyspace.kinds().await);
            for (key, kind) in kinds.into_iter().chain(kinds_now) {
                if was.get(&key) != now.get(&key) {
                    keyspace.put_back(&was).await;
                    keyspace.break_key(&key, &kind).await;
                    refused[0] += usize::from(refused_whole(&mut keyspace, &command, &format!("{what}, {key}")).await);
                }
            }
            keyspace.put_back(&was).await;
            server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
            let is_refused = refused_whole(&mut keyspace, &command, &what).await;
            // A new store begins with the question whether there is room for it.
            let is_new = APART.contains(&name) || (name == "open" && place == 0);
            assert_eq!(is_refused, is_new, "{what}, without memory");
            server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
            keyspace.put_back(&was).await;
            server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
            refused[1] += usize::from(refused_whole(&mut keyspace, &command, &what).await);
            server.ask(&["REPLICAOF", "NO", "ONE"]);
            // The name, the hash, the count of keys and the prefix are no arguments of the script.
            for wrong in 4..call.len() {
                keyspace.put_back(&was).await;
                let mut call = call.clone();
                call[wrong] = b"nonsense".to_vec();
                let what = format!("{what}, argument {}", wrong - 3);
                refused[2] += usize::from(refused_whole(&mut keyspace, &command_of(&call), &what).await);
            }
            keyspace.put_back(&was).await;
            keyspace.send(&command).await.unwrap();
        }
    }
    assert!(refused[0] > 5 && refused[1] > 8 && refused[2] > 8, "{refused:?}");
}
