//! Whether the server is one that tasks can be trusted to; of a cluster, each of its nodes.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, RedisError, Value};
use tracing::warn;

use super::keys::Keys;
use super::layout::MOST_PARTITIONS;
use super::link::Link;
use super::nodes::{Node, Nodes};
use super::open::{Found, OpenError};
use super::reply;
use super::scripts::{CHECK, REHEARSE};
use super::settings::RedisSettings;
use super::stats::info_field;

const OLDEST: u32 = 7;
/// How often the server is asked for more keys, when it is looked for foreign ones.
const MOST_SCANS: usize = 200;

/// Between two looks at a server that is still loading its data.
const LOADING_PAUSE: Duration = Duration::from_millis(50);

/// Whoever can be asked: a connection of the start, or one that is kept.
pub(super) trait Asked {
    async fn ask(&mut self, command: &Cmd) -> Result<Value, RedisError>;
}

impl Asked for MultiplexedConnection {
    async fn ask(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        self.send_packed_command(command).await.and_then(Value::extract_error)
    }
}

impl Asked for &Link {
    async fn ask(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        self.send(command).await
    }
}

/// Waits while the server loads its data: it answers nothing else, but it will.
pub(super) async fn has_loaded(server: &mut impl Asked, patience: Duration) -> Result<(), RedisError> {
    let loading = async {
        loop {
            let info = ask_text(server, &["INFO", "persistence"]).await?;
            if info_field(&info, "loading") != Some("1") {
                return Ok(());
            }
            tokio::time::sleep(LOADING_PAUSE).await;
        }
    };
    match tokio::time::timeout(patience, loading).await {
        Ok(done) => done,
        Err(_) => Err((ErrorKind::Server(redis::ServerErrorKind::BusyLoading), "it is still loading its data").into()),
    }
}

pub(super) async fn check(asked: &mut impl Asked, settings: &RedisSettings, server: &str) -> Result<Found, OpenError> {
    let failed = |error: RedisError| OpenError::of(server, &settings.prefix, &error);
    let info = ask_text(asked, &["INFO"]).await.map_err(failed)?;
    let server = server.to_owned();
    let version = info_field(&info, "redis_version").unwrap_or("unknown");
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major < OLDEST) {
        return Err(OpenError::TooOld { server, found: version.to_owned() });
    }
    if info_field(&info, "role") == Some("slave") {
        return Err(OpenError::Replica { server });
    }
    check_memory(asked, &info, &server).await?;
    let may_lose = check_disk(asked, &info, settings, &server).await?;
    Ok(Found { clustered: info_field(&info, "cluster_enabled") == Some("1"), may_lose })
}

/// Each node holds tasks, so that each must be what the one that the URL names must be. Answers how much the worst of them
/// may lose.
pub(super) async fn check_nodes(nodes: &Nodes, settings: &RedisSettings) -> Result<Duration, OpenError> {
    let mut may_lose = Duration::ZERO;
    for node in nodes.all() {
        may_lose = may_lose.max(check(&mut &node.commands, settings, &node.address).await?.may_lose);
    }
    Ok(may_lose)
}

/// Keys must not vanish.
async fn check_memory(asked: &mut impl Asked, info: &str, server: &str) -> Result<(), OpenError> {
    let configured = config(asked, "maxmemory-policy").await;
    let policy = configured.as_deref().or(info_field(info, "maxmemory_policy")).unwrap_or("noeviction");
    match policy {
        "noeviction" => Ok(()),
        policy => Err(OpenError::Eviction { server: server.to_owned(), policy: policy.to_owned() }),
    }
}

/// What is accepted must be durable. Answers how much of the newest need not be.
async fn check_disk(
    asked: &mut impl Asked,
    info: &str,
    settings: &RedisSettings,
    server: &str,
) -> Result<Duration, OpenError> {
    if info_field(info, "aof_enabled") == Some("0") {
        return Err(OpenError::NotDurable { server: server.to_owned() });
    }
    let Some(fsync) = config(asked, "appendfsync").await else {
        warn!(
            server,
            "This Redis does not tell its configuration (CONFIG GET is not granted); it is taken on trust that \
             appendfsync is what it should be"
        );
        return Ok(Duration::from_secs(settings.may_lose_seconds.unwrap_or(0).into()));
    };
    let seconds = match fsync.as_str() {
        "always" => 0,
        "everysec" => 1,
        _ => 30,
    };
    if seconds > 0 && settings.may_lose_seconds.is_none_or(|may_lose| may_lose < seconds) {
        return Err(OpenError::MayLose { server: server.to_owned(), fsync, seconds });
    }
    let pauses = config(asked, "no-appendfsync-on-rewrite").await.is_some_and(|pauses| pauses == "yes");
    if pauses && settings.may_lose_seconds.is_none_or(|may_lose| may_lose < 30) {
        return Err(OpenError::MayLoseInRewrite { server: server.to_owned() });
    }
    Ok(Duration::from_secs(if pauses { 30 } else { seconds }.into()))
}

/// A setting of the server, if the user may ask for it.
async fn config(asked: &mut impl Asked, name: &str) -> Option<String> {
    let mut command = redis::cmd("CONFIG");
    command.arg("GET").arg(name);
    let answer = asked.ask(&command).await.ok()?;
    let mut pair = match answer {
        Value::Map(mut pairs) => return pairs.pop().and_then(|(_, value)| reply::text(value).ok()),
        answer => reply::list(answer).ok()?.into_iter(),
    };
    pair.nth(1).and_then(|value| reply::text(value).ok())
}

async fn ask_text(asked: &mut impl Asked, words: &[&str]) -> Result<String, RedisError> {
    let command = words.iter().fold(Cmd::new(), |mut command, word| {
        command.arg(word);
        command
    });
    let answer = asked.ask(&command).await?;
    reply::text(answer).map_err(|error| (ErrorKind::UnexpectedReturnType, "an odd answer", error.to_string()).into())
}

/// On each node: the user may write what the store writes, and what is there already is ours.
pub(super) async fn foreign_keys(nodes: &Nodes, keys: &Keys, server: &str) -> Result<(), OpenError> {
    let failed = |error: RedisError| OpenError::of(server, keys.prefix(), &error);
    let Some(first) = nodes.of(0) else { return Ok(()) };
    let layout = format!("{}layout", keys.of(0));
    let mut command = redis::cmd("TYPE");
    command.arg(&layout);
    let kind = reply::text(first.commands.send(&command).await.map_err(failed)?).unwrap_or_default();
    let foreign = |example: String| OpenError::ForeignKeys {
        server: server.to_owned(),
        prefix: keys.prefix().to_owned(),
        example,
    };
    let is_new = match &*kind {
        "hash" => false,
        "none" => {
            for node in nodes.all() {
                let scanned = scan(&node.commands, keys.prefix()).await;
                if let Some(example) = scanned.map_err(failed)? {
                    return Err(foreign(example));
                }
            }
            true
        }
        other => return Err(foreign(format!("{layout} is a {other}"))),
    };
    for node in nodes.all() {
        rehearse(nodes, keys, &node, is_new).await?;
    }
    Ok(())
}

/// The user may write there what the store writes. Whether there is room for it is asked of a new store alone: where tasks
/// are, a process must come up without, to end them.
async fn rehearse(nodes: &Nodes, keys: &Keys, node: &Node, is_new: bool) -> Result<(), OpenError> {
    let is_there = |partition: &u16| nodes.of(*partition).is_some_and(|of| of.address == node.address);
    // One that could hold no partition holds no tasks.
    let Some(partition) = (0..MOST_PARTITIONS).find(is_there) else { return Ok(()) };
    let script = if is_new { &CHECK } else { &REHEARSE };
    let rehearsal = script.call(&keys.of(partition)).arg(0);
    let done = node.commands.send(&rehearsal.command).await;
    done.map(drop).map_err(|error| OpenError::of(&node.address, keys.prefix(), &error))
}

/// Looks for a key with our prefix. A server with millions of keys of others is not looked through to its end.
async fn scan(link: &Link, prefix: &str) -> Result<Option<String>, RedisError> {
    let pattern: String = prefix.chars().flat_map(|c| ['\\', c]).chain(['*']).collect();
    let mut cursor = "0".to_owned();
    for _ in 0..MOST_SCANS {
        let mut command = redis::cmd("SCAN");
        command.arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1_000);
        let answer = link.send(&command).await?;
        let Ok([next, found]) = reply::tuple(answer) else { return Ok(None) };
        // What a check has left behind is no sign of anybody.
        let found = reply::list(found).unwrap_or_default().into_iter().filter_map(|key| reply::text(key).ok());
        if let Some(example) = found.into_iter().find(|key| !key.ends_with("}:check")) {
            return Ok(Some(example));
        }
        cursor = reply::text(next).unwrap_or_default();
        if cursor == "0" {
            return Ok(None);
        }
    }
    Ok(None)
}
