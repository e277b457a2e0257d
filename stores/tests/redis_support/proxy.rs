//! A proxy between a store and its server that can lose an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Counted down from here, it comes to nothing.
const DISARMED: i64 = -1;

pub struct Proxy {
    pub url: String,
    armed: Arc<AtomicI64>,
}

impl Proxy {
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let armed = Arc::new(AtomicI64::new(DISARMED));
        let proxy = Self { url, armed: armed.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                tokio::spawn(pass(client, server, armed.clone()));
            }
        });
        proxy
    }

    /// After so many more, a script is run, but its answer is lost with the connection.
    pub fn lose_an_answer(&self, after: i64) {
        self.armed.store(after, Ordering::SeqCst);
    }

    /// Whether one was lost; from now on none is.
    pub fn has_lost_one(&self) -> bool {
        self.armed.swap(DISARMED, Ordering::SeqCst) < 0
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, armed: Arc<AtomicI64>) {
    let (mut from_client, mut from_server) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut loses = false;
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Some(bytes) = read.ok().and_then(|length| from_client.get(..length)) else { return };
                if bytes.is_empty() {
                    return;
                }
                let is_script = bytes.windows(7).any(|window| window == b"EVALSHA");
                loses |= is_script && armed.fetch_sub(1, Ordering::SeqCst) == 0;
                if server.write_all(bytes).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut from_server) => {
                let Some(bytes) = read.ok().and_then(|length| from_server.get(..length)) else { return };
                // It was run, and nobody will hear of it.
                if bytes.is_empty() || loses || client.write_all(bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}
