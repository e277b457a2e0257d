//! Opening: the server is asked whether it is what it should be, and what is wrong is said clearly, with what to do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use caudal_engine::ports::{Bell, Clock, Feed, IdSource, StoreError};
use redis::aio::MultiplexedConnection;
use redis::{ConnectionInfo, ErrorKind, IntoConnectionInfo, RedisError};
use thiserror::Error;
use tokio::sync::Notify;
use tokio::sync::{mpsc, oneshot};

use super::ears::Ears;
use super::fault::{is_denied, words_of};
use super::keys::Keys;
use super::layout::{Layout, OtherVersion, VERSION};
use super::link::{self, Published};
use super::nodes::Nodes;
use super::old_tasks;
use super::outbox::OutboxRounds;
use super::own_connections;
use super::rounds::Rounds;
use super::server_checks;
use super::settings::RedisSettings;
use super::short_writes::{self, ShortWrites};
use super::store::{IoThread, RedisStore};
use super::watches::Watches;

/// All that is asked at the start is answered by then, or the start fails.
const PATIENCE: Duration = Duration::from_millis(4_500);
/// Of it, for a server that is still loading its data.
const LOADING_PATIENCE: Duration = Duration::from_millis(3_500);
/// Of a new store on a cluster.
const CLUSTER_PARTITIONS: u16 = 16;

#[derive(Debug, Error)]
pub enum OpenError {
    #[error(
        "'{url}' is no URL of a Redis: {reason}. It looks like redis://user:password@host:6379/0, or rediss://… for TLS."
    )]
    Url { url: String, reason: String },
    #[error("Redis at {server} cannot be reached: {reason}. Is it running there, and does the URL name it?")]
    Unreachable { server: String, reason: String },
    #[error(
        "Redis at {server} shows a certificate that is not trusted here: {reason}. Name the certificate of the authority \
         that has signed it, a PEM file, in the variable SSL_CERT_FILE; and in the URL a host for which it was made."
    )]
    Certificate { server: String, reason: String },
    #[error(
        "Redis at {server} does not let us in: {reason}. Put the right user and password into the URL, as in \
         redis://user:password@host."
    )]
    Password { server: String, reason: String },
    #[error("Redis at {server} is version {found}; Caudal needs Redis 7 or Valkey. Upgrade it.")]
    TooOld { server: String, found: String },
    #[error("Redis at {server} is a replica, which can only be read. Point the URL at its primary.")]
    Replica { server: String },
    #[error(
        "Redis at {server} throws keys away when its memory is full (maxmemory-policy is {policy}), and tasks would be \
         lost. Set `maxmemory-policy noeviction` in its configuration."
    )]
    Eviction { server: String, policy: String },
    #[error(
        "Redis at {server} keeps nothing on disk (appendonly is off), so that tasks would be lost with its process. Set \
         `appendonly yes` and `appendfsync always` in its configuration."
    )]
    NotDurable { server: String },
    #[error(
        "Redis at {server} may lose what it accepted last (appendfsync is {fsync}). Set `appendfsync always` in its \
         configuration, or say how much may be lost with --redis-may-lose-seconds={seconds}."
    )]
    MayLose { server: String, fsync: String, seconds: u32 },
    #[error(
        "Redis at {server} may lose what it accepts while it rewrites its log (no-appendfsync-on-rewrite is yes). Set \
         `no-appendfsync-on-rewrite no` in its configuration, or say how much may be lost with \
         --redis-may-lose-seconds=30."
    )]
    MayLoseInRewrite { server: String },
    #[error("the key prefix '{prefix}' has braces, by which a cluster tells where keys live. Choose one without.")]
    Prefix { prefix: String },
    #[error(
        "the user of Redis at {server} may not do what the store does: {reason}. Grant it the keys and channels \
         {prefix}* and all commands but the dangerous ones, for example with: \
         ACL SETUSER <user> ~{prefix}* &{prefix}* +@all -@dangerous +info +config|get +cluster|slots"
    )]
    Permission { server: String, reason: String, prefix: String },
    #[error(
        "what is stored under {prefix}* was written by another version of Caudal: it has layout {found}, this version \
         knows layout {known}. Start that version, or choose another key prefix."
    )]
    OtherLayout { prefix: String, found: u32, known: u32 },
    #[error(
        "Redis at {server} has keys under {prefix}* that are not ours ({example}). Choose another key prefix, or another \
         database."
    )]
    ForeignKeys { server: String, prefix: String, example: String },
    #[error("the store in Redis at {server} cannot be opened: {reason}")]
    Store { server: String, reason: StoreError },
    #[error("the store's thread cannot be started: {0}")]
    Thread(std::io::Error),
}

impl OpenError {
    pub(super) fn of(server: &str, prefix: &str, error: &RedisError) -> Self {
        let (server, reason) = (server.to_owned(), words_of(error));
        if is_denied(error) {
            return Self::Permission { server, reason, prefix: prefix.to_owned() };
        }
        match (error.kind(), error.code()) {
            (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => {
                Self::Password { server, reason }
            }
            (_, Some("READONLY")) => Self::Replica { server },
            (ErrorKind::InvalidClientConfig, _) => Self::Url { url: server, reason },
            _ if error.is_io_error() && reason.contains("certificate") => Self::Certificate { server, reason },
            _ if error.is_io_error() => Self::Unreachable { server, reason },
            _ => Self::Store { server, reason: super::fault::to_store_error(error) },
        }
    }
}

/// What was found at the server.
pub(super) struct Found {
    pub(super) clustered: bool,
    /// How much of the newest it may lose.
    pub(super) may_lose: Duration,
}

impl RedisStore {
    /// Looks at the server, then keeps connections to it, on a thread of their own, until the store is dropped.
    pub async fn open(
        settings: &RedisSettings,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        bell: Arc<Bell>,
        feed: Arc<Feed>,
    ) -> Result<Self, OpenError> {
        if settings.prefix.contains(['{', '}']) {
            return Err(OpenError::Prefix { prefix: settings.prefix.clone() });
        }
        let server = server_of(&settings.url)?;
        let name = server.addr().to_string();
        let (thread, runtime) = start_thread()?;
        let settings = settings.clone();
        let opening = runtime.spawn(async move {
            let opening = open_inside(&settings, server, Around { clock, ids, bell, feed, thread });
            match tokio::time::timeout(PATIENCE, opening).await {
                Ok(opened) => opened,
                Err(_) => Err(OpenError::Unreachable {
                    server: settings_server(&settings),
                    reason: "it did not answer in time".to_owned(),
                }),
            }
        });
        opening.await.unwrap_or_else(|error| {
            Err(OpenError::Store { server: name, reason: StoreError::Unavailable(error.to_string()) })
        })
    }
}

fn settings_server(settings: &RedisSettings) -> String {
    server_of(&settings.url).map(|server| server.addr().to_string()).unwrap_or_default()
}

fn server_of(url: &str) -> Result<ConnectionInfo, OpenError> {
    let server = url.into_connection_info().map_err(|error| OpenError::Url {
        // A password in it goes to no log.
        url: url.rsplit_once('@').map_or(url, |(_, rest)| rest).to_owned(),
        reason: error.to_string(),
    })?;
    let tcp = server.tcp_settings().clone().set_nodelay(true);
    Ok(server.set_tcp_settings(tcp))
}

fn start_thread() -> Result<(IoThread, tokio::runtime::Handle), OpenError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(OpenError::Thread)?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new().name("caudal-redis".to_owned()).spawn(move || {
        own_connections::keep_shared_here();
        runtime.block_on(async {
            let _ = stopped.await;
        });
    });
    let thread = thread.map_err(OpenError::Thread)?;
    Ok((IoThread { stop: Mutex::new(Some(stop)), thread: Mutex::new(Some(thread)) }, handle))
}

/// What the store needs from its process.
struct Around {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    bell: Arc<Bell>,
    feed: Arc<Feed>,
    thread: IoThread,
}

async fn open_inside(
    settings: &RedisSettings,
    server: ConnectionInfo,
    around: Around,
) -> Result<RedisStore, OpenError> {
    let (name, prefix) = (server.addr().to_string(), settings.prefix.clone());
    let failed = |error: RedisError| OpenError::of(&name, &prefix, &error);
    let mut connection: MultiplexedConnection = link::try_out(&server).await.map_err(failed)?;
    server_checks::has_loaded(&mut connection, LOADING_PATIENCE).await.map_err(failed)?;
    let mut found = server_checks::check(&mut connection, settings, &name).await?;
    // The links do it too, and would try for ever where it is not allowed.
    link::load_scripts(&mut connection).await.map_err(failed)?;
    let (published, hearing) = mpsc::unbounded_channel::<Published>();
    let nodes = Nodes::new(server, found.clustered, published);
    let stored = |reason: StoreError| OpenError::Store { server: name.clone(), reason };
    nodes.come_up(PATIENCE).await;
    if found.clustered {
        found.may_lose = server_checks::check_nodes(&nodes, settings).await?;
    }
    let keys = Arc::new(Keys::new(&prefix));
    let of_new = if found.clustered { CLUSTER_PARTITIONS } else { 1 };
    server_checks::foreign_keys(&nodes, &keys, &name).await?;
    let layout = match Layout::establish(&nodes, &keys, settings.partitions, of_new).await.map_err(stored)? {
        Ok(layout) => Arc::new(layout),
        Err(OtherVersion(found)) => return Err(OpenError::OtherLayout { prefix, found, known: VERSION }),
    };
    let Around { clock, ids, bell, feed, thread } = around;
    let rounds = Arc::new(Rounds::new(settings.lease, settings.time, clock.clone()));
    let outbox_rounds = Arc::new(OutboxRounds::new(settings.lease, settings.time, &clock));
    let watches = Watches::new(feed);
    let short_writes = ShortWrites::new();
    let sender =
        short_writes::Sender { nodes: nodes.clone(), keys: keys.clone(), time: settings.time, clock: clock.clone() };
    tokio::spawn(short_writes.clone().send(sender));
    let store = RedisStore {
        nodes: nodes.clone(),
        keys: keys.clone(),
        layout: layout.clone(),
        rounds: rounds.clone(),
        outbox_rounds: outbox_rounds.clone(),
        watches: watches.clone(),
        short_writes,
        bell: bell.clone(),
        clock,
        ids,
        limits: settings.limits.clone(),
        lease: settings.lease,
        most_unarchived_bytes: settings.most_unarchived_bytes,
        archived_grace: settings.archived_grace,
        most_archived_bytes: settings.most_archived_bytes,
        time: settings.time,
        may_lose: found.may_lose,
        thread,
    };
    for partition in 0..layout.partitions() {
        // From now on it is known how long this server has been up.
        store.rescue_in(partition, 0).await.map_err(stored)?;
    }
    let ears = Arc::new(Ears {
        nodes,
        keys,
        layout,
        rounds,
        outbox_rounds,
        watches,
        bell,
        moved: Notify::new(),
        partitions: Mutex::default(),
        leaving: Mutex::default(),
        changing: tokio::sync::Mutex::default(),
    });
    tokio::spawn(ears.clone().hear(hearing));
    ears.settle().await;
    let old_tasks = old_tasks::list_all(ears.nodes.clone(), ears.keys.clone(), ears.layout.clone());
    tokio::spawn(old_tasks);
    tokio::spawn(ears.keep());
    Ok(store)
}
