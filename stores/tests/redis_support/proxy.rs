//! A proxy between a store and its server that can lose an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub struct Proxy {
    pub url: String,
    armed: Arc<AtomicBool>,
}

impl Proxy {
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let armed = Arc::new(AtomicBool::new(false));
        let proxy = Self { url, armed: armed.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                tokio::spawn(pass(client, server, armed.clone()));
            }
        });
        proxy
    }

    /// The next script is run, but its answer is lost with the connection.
    pub fn lose_next_answer(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    pub fn has_lost_one(&self) -> bool {
        !self.armed.load(Ordering::SeqCst)
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, armed: Arc<AtomicBool>) {
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
                loses |= is_script && armed.swap(false, Ordering::SeqCst);
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
