//! The network between a process and a server, in small: it can hang, be cut, or lose what the server answers.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const PIECE: usize = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Passes,
    /// Nothing passes in either direction; what was sent meanwhile arrives when it passes again.
    Hangs,
    /// What is sent arrives, what is answered does not, ever.
    LosesAnswers,
    /// Connections are closed as soon as they are there.
    Cut,
}

/// Listens on a port of its own and passes everything on, as long as it is not told otherwise.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, heard) = watch::channel(State::Passes);
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(connect(near, port, heard.clone()));
            }
        });
        Self { address, state, accepting }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn pass(&self) {
        self.state.send_replace(State::Passes);
    }

    /// As a cable that is pulled and put back: neither side is told.
    pub fn hang(&self) {
        self.state.send_replace(State::Hangs);
    }

    /// As a server that dies right after it has done what it was told.
    pub fn lose_answers(&self) {
        self.state.send_replace(State::LosesAnswers);
    }

    /// Closes what is open, and what is opened.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.send_replace(State::Cut);
        self.accepting.abort();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    FromServer,
}

async fn connect(near: TcpStream, port: u16, state: watch::Receiver<State>) {
    // Dropping both sides closes them.
    let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    let mut cut = state.clone();
    // Each to its own end: what was sent arrives, although nobody waits for the answer any more.
    let both = async {
        tokio::join!(
            pump(near_in, far_out, state.clone(), Direction::ToServer),
            pump(far_in, near_out, state, Direction::FromServer),
        )
    };
    tokio::select! {
        _ = both => {}
        // It fails only with the proxy, which cuts too.
        _ = cut.wait_for(|state| *state == State::Cut) => {}
    }
}

/// Returns when one side is closed.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
    direction: Direction,
) {
    let mut piece = vec![0; PIECE];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        let Ok(now) = state.wait_for(|state| *state != State::Hangs).await.map(|state| *state) else { return };
        if now == State::LosesAnswers && direction == Direction::FromServer {
            continue;
        }
        if to.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
}
