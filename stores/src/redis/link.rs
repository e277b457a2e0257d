//! One connection to one server, made again whenever it breaks.
//!
//! Commands of all callers share it: what comes at the same time goes out together. (Threads that serve by themselves have
//! one beside it, see [`own_connections`].) While it is down they are refused at once; nothing is sent twice by itself,
//! since only a caller knows whether that is safe. Once it is made, its scripts are loaded, so that no caller meets a
//! server without them but by an accident in between.
//!
//! ```text
//!   connect ──▶ load scripts ──▶ up ──▶ broken (an I/O error, no answer in time)
//!      ▲   failed                                │
//!      └──────────── 20 ms … 500 ms ◀────────────┘
//! ```

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, Pipeline, PushInfo, RedisError, Value};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use super::fault;
use super::own_connections;
use super::scripts;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A server that has not answered by now is as good as gone.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Commands of other callers that may wait to be sent before one has to wait itself.
const WAITING_COMMANDS: usize = 4_096;

/// What a connection is for.
#[derive(Clone)]
pub(super) enum Purpose {
    Commands,
    /// What is published goes here, with the address that it came from.
    Ears(Arc<str>, mpsc::UnboundedSender<Published>),
}

pub(super) type Published = (Arc<str>, Heard);

#[derive(Debug)]
pub(super) enum Heard {
    /// The connection was made: nothing is subscribed on it yet.
    Connected,
    Push(PushInfo),
}

pub(super) struct Link {
    shared: Arc<Shared>,
    server: ConnectionInfo,
    purpose: Purpose,
    /// Ends the task that keeps the connection.
    _stop: watch::Sender<()>,
}

struct Shared {
    /// No other link of this process has it.
    id: u64,
    name: String,
    open: RwLock<Option<Open>>,
    /// Counts the connections that were made; which of them is broken.
    made: watch::Sender<u64>,
    broken: watch::Sender<u64>,
}

#[derive(Clone)]
struct Open {
    connection: MultiplexedConnection,
    /// Of the shared connection, also where a thread has its own beside it.
    number: u64,
    /// Of the thread's own, if it is that one.
    own: Option<u64>,
}

impl Link {
    /// Keeps a connection from now on, in the runtime that this is called in. The first attempt is made at once.
    pub(super) fn keep(server: ConnectionInfo, purpose: Purpose) -> Self {
        static LINKS: AtomicU64 = AtomicU64::new(0);
        let (stop, stopped) = watch::channel(());
        let shared = Arc::new(Shared {
            id: LINKS.fetch_add(1, Ordering::Relaxed),
            name: server.addr().to_string(),
            open: RwLock::default(),
            made: watch::Sender::new(0),
            broken: watch::Sender::new(0),
        });
        tokio::spawn(keep(shared.clone(), server.clone(), purpose.clone(), stopped));
        Self { shared, server, purpose, _stop: stop }
    }

    pub(super) async fn send(&self, command: &Cmd) -> Result<Value, RedisError> {
        let mut open = self.nearest().ok_or_else(|| is_down(&self.shared.name))?;
        let answer = open.connection.send_packed_command(command).await.and_then(checked);
        if let Err(error) = &answer {
            self.judge(error, &open);
        }
        answer
    }

    /// Commands that are each answered once, in order. Of an error of the server each is the answer to its command alone.
    pub(super) async fn send_all(&self, commands: &Pipeline) -> Result<Vec<Value>, RedisError> {
        let mut open = self.nearest().ok_or_else(|| is_down(&self.shared.name))?;
        let answers = open.connection.send_packed_commands(commands, 0, commands.len()).await;
        match &answers {
            Ok(answers) => answers.iter().filter_map(error_of).for_each(|error| self.judge(&error, &open)),
            Err(error) => self.judge(error, &open),
        }
        answers
    }

    /// The connection of this thread, else the one that all share, if that is up.
    fn nearest(&self) -> Option<Open> {
        let shared = self.open()?;
        let own = self.own(shared.number);
        Some(match own {
            Some((connection, serial)) => Open { connection, own: Some(serial), ..shared },
            None => shared,
        })
    }

    /// The connection of this thread, if it should have one and it is there.
    fn own(&self, number: u64) -> Option<(MultiplexedConnection, u64)> {
        if !matches!(self.purpose, Purpose::Commands) || !own_connections::are_wanted_here() {
            return None;
        }
        own_connections::of(self.shared.id, number).unwrap_or_else(|to_be_opened| {
            let (server, purpose) = (self.server.clone(), self.purpose.clone());
            // The server has the scripts, as a rule: the shared connection is up.
            let opening = async move { reach(&server, &purpose).await };
            to_be_opened.open(opening, self.shared.broken.subscribe());
            None
        })
    }

    /// Where this thread sends its commands: what has just answered that it has none need not be where the shared one leads.
    pub(super) async fn load_scripts(&self) -> Result<(), RedisError> {
        let mut open = self.nearest().ok_or_else(|| is_down(&self.shared.name))?;
        load_scripts(&mut open.connection).await
    }

    pub(super) fn is_up(&self) -> bool {
        self.shared.open.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Which of the connections this is, if there is one now.
    pub(super) fn number(&self) -> Option<u64> {
        self.open().map(|open| open.number)
    }

    /// Returns when it is up, or this time is over.
    pub(super) async fn comes_up(&self, patience: Duration) -> bool {
        let mut made = self.shared.made.subscribe();
        // It cannot fail: the sender is in `shared`.
        let coming = async { made.wait_for(|number| *number > 0).await.is_ok() };
        tokio::time::timeout(patience, coming).await.unwrap_or(false)
    }

    /// The connection is of no use any more: it is made anew.
    pub(super) fn give_up(&self) {
        if let Some(open) = self.open() {
            self.shared.break_off(open.number);
        }
    }

    /// This thread's own connection, if there is one, is of no use any more.
    pub(super) fn let_go_of_own(&self) {
        own_connections::let_go_of_all(self.shared.id);
    }

    fn open(&self) -> Option<Open> {
        self.shared.open.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is wrong with a thread's own connection alone, such as an answer that did not come in time, cuts off nobody
    /// else. What is wrong with the server is wrong with the shared one, too.
    fn judge(&self, error: &RedisError, used: &Open) {
        if breaks(error) {
            if let Some(serial) = used.own {
                own_connections::let_go(self.shared.id, serial);
            }
            if used.own.is_none() || !is_of_the_connection(error) {
                self.shared.break_off(used.number);
            }
        }
    }
}

impl Shared {
    fn break_off(&self, number: u64) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_some_and(|open| open.number == number) {
            *open = None;
            self.broken.send_replace(number);
        }
    }
}

fn checked(answer: Value) -> Result<Value, RedisError> {
    answer.extract_error()
}

/// What the server refused, if this is that.
pub(super) fn error_of(answer: &Value) -> Option<RedisError> {
    match answer {
        Value::ServerError(error) => Some(error.clone().into()),
        _ => None,
    }
}

fn is_down(name: &str) -> RedisError {
    (ErrorKind::Io, "not connected", format!("Redis at {name} cannot be reached now")).into()
}

/// Whether the connection cannot be used any more. A replica may have been the primary a moment ago: its address may
/// lead to another server by now.
fn breaks(error: &RedisError) -> bool {
    is_of_the_connection(error)
        || error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("READONLY" | "NOAUTH"))
}

fn is_of_the_connection(error: &RedisError) -> bool {
    error.is_io_error() || error.kind() == ErrorKind::Parse
}

async fn keep(shared: Arc<Shared>, server: ConnectionInfo, purpose: Purpose, mut stopped: watch::Receiver<()>) {
    let mut broken = shared.broken.subscribe();
    let keeping = async {
        let mut pause = FIRST_PAUSE;
        loop {
            match connect(&server, &purpose).await {
                Ok(connection) => {
                    let number = *shared.made.borrow() + 1;
                    *shared.open.write().unwrap_or_else(PoisonError::into_inner) =
                        Some(Open { connection, number, own: None });
                    shared.made.send_replace(number);
                    if let Purpose::Ears(from, published) = &purpose {
                        // Nobody hears any more only when the store is being closed.
                        let _ = published.send((from.clone(), Heard::Connected));
                    }
                    if number > 1 && matches!(purpose, Purpose::Commands) {
                        info!(server = shared.name, "connected to Redis again");
                    }
                    // It cannot fail: the sender is in `shared`.
                    let _ = broken.wait_for(|broken| *broken >= number).await;
                    if matches!(purpose, Purpose::Commands) {
                        warn!(server = shared.name, "the connection to Redis is broken; connecting again");
                    }
                    pause = FIRST_PAUSE;
                }
                Err(error) => {
                    tracing::debug!(server = shared.name, error = fault::words_of(&error), "Redis cannot be reached");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    };
    tokio::select! {
        () = keeping => {}
        _ = stopped.changed() => {}
    }
    *shared.open.write().unwrap_or_else(PoisonError::into_inner) = None;
}

async fn connect(server: &ConnectionInfo, purpose: &Purpose) -> Result<MultiplexedConnection, RedisError> {
    let mut connection = reach(server, purpose).await?;
    if matches!(purpose, Purpose::Commands) {
        load_scripts(&mut connection).await?;
    }
    Ok(connection)
}

async fn reach(server: &ConnectionInfo, purpose: &Purpose) -> Result<MultiplexedConnection, RedisError> {
    let mut config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(ANSWER_TIMEOUT))
        .set_pipeline_buffer_size(WAITING_COMMANDS);
    let mut server = server.clone();
    if let Purpose::Ears(from, published) = purpose {
        let (from, published) = (from.clone(), published.clone());
        config = config.set_push_sender(move |push: PushInfo| published.send((from.clone(), Heard::Push(push))));
        let settings = server.redis_settings().clone().set_protocol(redis::ProtocolVersion::RESP3);
        server = server.set_redis_settings(settings);
    }
    Client::open(server)?.get_multiplexed_async_connection_with_config(&config).await
}

pub(super) async fn load_scripts(connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
    for script in scripts::all() {
        connection.send_packed_command(&script.load()).await.and_then(checked)?;
    }
    Ok(())
}

/// One attempt to connect, for whoever wants to know why it fails.
pub(super) async fn try_out(server: &ConnectionInfo) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(ANSWER_TIMEOUT));
    Client::open(server.clone())?.get_multiplexed_async_connection_with_config(&config).await
}
