//! Connections of threads that serve by themselves, as a web server's do: each its own, beside the one that all share.
//!
//! On the shared one a command wakes the thread that keeps the connection, and its answer wakes the thread that asked:
//! beside busy cores each of them waits its turn. A runtime of one thread that has a connection of its own does all of it
//! in that thread. One of many threads would gain nothing, and has the shared one.
//!
//! It belongs to the shared connection: it is opened only while that one is up, and when either breaks, both are made
//! anew. Until it is there the shared one serves.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use redis::RedisError;
use redis::aio::MultiplexedConnection;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::watch;

const LONGEST_SILENCE: Duration = Duration::from_secs(15);

thread_local! {
    /// By the link that they belong to.
    static OWN: RefCell<HashMap<u64, Own>> = RefCell::default();
    static KEEPS_SHARED: Cell<bool> = const { Cell::new(false) };
}

struct Own {
    /// Of the shared connection that it belongs to.
    number: u64,
    /// None while it is being opened.
    connection: Option<MultiplexedConnection>,
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

/// The one of this thread, or whether it is still to be opened.
pub(super) fn of(link: u64, number: u64) -> Result<Option<MultiplexedConnection>, ToBeOpened> {
    OWN.with_borrow_mut(|all| match all.get(&link) {
        Some(own) if own.number == number => Ok(own.connection.clone()),
        _ => {
            all.insert(link, Own { number, connection: None });
            Err(ToBeOpened { link, number })
        }
    })
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
}

impl ToBeOpened {
    /// Lets go of it when the shared connection has broken, or is kept no more.
    pub(super) fn open(
        self,
        opening: impl Future<Output = Result<MultiplexedConnection, RedisError>> + Send + 'static,
        mut broken: watch::Receiver<u64>,
    ) {
        tokio::spawn(async move {
            if let Ok(mut connection) = opening.await {
                self.put(Some(connection.clone()));
                let is_over = async { drop(broken.wait_for(|broken| *broken >= self.number).await) };
                tokio::select! {
                    () = is_over => {}
                    () = keep_alive(&mut connection) => {}
                }
            }
            self.put(None);
        });
    }

    fn put(&self, connection: Option<MultiplexedConnection>) {
        OWN.with_borrow_mut(|all| match all.get_mut(&self.link) {
            Some(own) if own.number == self.number => match connection {
                Some(connection) => own.connection = Some(connection),
                None => drop(all.remove(&self.link)),
            },
            // Of a later shared connection.
            _ => {}
        });
    }
}
