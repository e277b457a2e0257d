//! Connections of threads that serve by themselves, as a web server's do: each its own, beside the one that all share.
//!
//! On the shared one a command wakes the thread that keeps the connection, and its answer wakes the thread that asked:
//! beside busy cores each of them waits its turn. A runtime of one thread that has a connection of its own does all of it
//! in that thread. One of many threads would gain nothing, and has the shared one.
//!
//! It belongs to the shared connection: it is opened only while that one is up, and goes with it. When it breaks alone, it
//! goes alone. Until it is there (again) the shared one serves.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use redis::RedisError;
use redis::aio::MultiplexedConnection;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{oneshot, watch};

use super::fault::words_of;

const LONGEST_SILENCE: Duration = Duration::from_secs(5);
/// After one could not be opened: a server that takes no more connections is not asked for one with every command.
const PAUSE: Duration = Duration::from_secs(1);

thread_local! {
    /// By the link that they belong to.
    static OWN: RefCell<HashMap<u64, Own>> = RefCell::default();
    static SERIALS: Cell<u64> = const { Cell::new(0) };
    static KEEPS_SHARED: Cell<bool> = const { Cell::new(false) };
}

struct Own {
    /// Of the shared connection that it belongs to.
    number: u64,
    /// No other of this thread has it.
    serial: u64,
    /// None while it is being opened.
    connection: Option<MultiplexedConnection>,
    /// Tells whoever keeps it that it is here no more.
    _kept: oneshot::Sender<()>,
}

/// This thread keeps the shared connections: here they are as good as its own.
pub(super) fn keep_shared_here() {
    KEEPS_SHARED.set(true);
}

/// Whether this thread should have one.
pub(super) fn are_wanted_here() -> bool {
    !KEEPS_SHARED.get()
        && Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::CurrentThread)
}

/// The one of this thread with its serial number, or whether it is still to be opened.
pub(super) fn of(link: u64, number: u64) -> Result<Option<(MultiplexedConnection, u64)>, ToBeOpened> {
    OWN.with_borrow_mut(|all| match all.get(&link) {
        Some(own) if own.number == number => Ok(own.connection.clone().map(|connection| (connection, own.serial))),
        _ => {
            let serial = SERIALS.get() + 1;
            SERIALS.set(serial);
            let (kept, let_go) = oneshot::channel();
            all.insert(link, Own { number, serial, connection: None, _kept: kept });
            Err(ToBeOpened { link, number, serial, let_go })
        }
    })
}

/// This one is of no use any more. One that was opened since stays.
pub(super) fn let_go(link: u64, serial: u64) {
    OWN.with_borrow_mut(|all| {
        if all.get(&link).is_some_and(|own| own.serial == serial) {
            all.remove(&link);
        }
    });
}

/// Whichever it is.
pub(super) fn let_go_of_all(link: u64) {
    drop(OWN.with_borrow_mut(|all| all.remove(&link)));
}

/// Returns when it is dead. The shared one is asked something every second; this one may have nothing to do for hours,
/// and servers, and what is on the way, close what is silent for long.
async fn keep_alive(connection: &mut MultiplexedConnection) {
    loop {
        tokio::time::sleep(LONGEST_SILENCE).await;
        if connection.send_packed_command(&redis::cmd("PING")).await.is_err() {
            return;
        }
    }
}

/// Nobody else opens it meanwhile.
pub(super) struct ToBeOpened {
    link: u64,
    number: u64,
    serial: u64,
    let_go: oneshot::Receiver<()>,
}

impl ToBeOpened {
    /// Keeps it until it is let go of, is dead, or the shared connection has broken or is kept no more.
    pub(super) fn open(
        self,
        opening: impl Future<Output = Result<MultiplexedConnection, RedisError>> + Send + 'static,
        mut broken: watch::Receiver<u64>,
    ) {
        let Self { link, number, serial, let_go } = self;
        tokio::spawn(async move {
            let keeping = async {
                match opening.await {
                    Ok(mut connection) => {
                        put(link, serial, &connection);
                        keep_alive(&mut connection).await;
                    }
                    Err(error) => {
                        tracing::debug!(error = words_of(&error), "a thread gets no Redis connection of its own now");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            };
            tokio::select! {
                biased;
                // Somebody else may be opening another by now.
                _ = let_go => {}
                () = keeping => self::let_go(link, serial),
                _ = broken.wait_for(|broken| *broken >= number) => self::let_go(link, serial),
            }
        });
    }
}

fn put(link: u64, serial: u64, connection: &MultiplexedConnection) {
    OWN.with_borrow_mut(|all| {
        if let Some(own) = all.get_mut(&link).filter(|own| own.serial == serial) {
            own.connection = Some(connection.clone());
        }
    });
}
