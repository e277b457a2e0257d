//! A provider of words: speaks as much of the models' wire as one answer needs, and says when its first word left.
//!
//! It holds each answer until it is let go, so that all watchers can be there before the first word is.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
/// Words behind the first one, which nobody waits for.
const REST: &str =
    "data: {\"choices\":[{\"delta\":{\"content\":\" and so on.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

#[derive(Debug)]
pub(crate) struct Provider {
    address: SocketAddr,
    /// Answers that have begun and hold their first word.
    asked: Arc<Semaphore>,
    let_go: Arc<Semaphore>,
    serving: tokio::task::JoinHandle<()>,
}

impl Provider {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port is free")?;
        let address = listener.local_addr()?;
        let (asked, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let serving = tokio::spawn(serve(listener, asked.clone(), let_go.clone()));
        Ok(Self { address, asked, let_go, serving })
    }

    /// With this a server asks here.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let url = format!("http://{}/v1", self.address);
        vec![("CAUDAL_MODEL", "compatible:words".to_owned()), ("CAUDAL_MODEL_URL", url)]
    }

    /// Waits until somebody has asked.
    pub(crate) async fn asked(&self) -> Result<()> {
        self.asked.acquire().await?.forget();
        Ok(())
    }

    /// Lets one held answer go.
    pub(crate) fn let_go(&self) {
        self.let_go.add_permits(1);
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, asked: Arc<Semaphore>, let_go: Arc<Semaphore>) {
    while let Ok((connection, _)) = listener.accept().await {
        let (asked, let_go) = (asked.clone(), let_go.clone());
        tokio::spawn(async move {
            // A server that goes away is noticed where it is missed.
            let _gone = answer(connection, &asked, &let_go).await;
        });
    }
}

async fn answer(mut connection: TcpStream, asked: &Semaphore, let_go: &Semaphore) -> Result<()> {
    connection.set_nodelay(true)?;
    read_request(&mut connection).await?;
    connection.write_all(HEAD.as_bytes()).await?;
    asked.add_permits(1);
    let_go.acquire().await?.forget();
    let word = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"t={}\"}}}}]}}\n\n", unix_micros());
    connection.write_all(word.as_bytes()).await?;
    connection.write_all(REST.as_bytes()).await?;
    Ok(connection.shutdown().await?)
}

async fn read_request(connection: &mut TcpStream) -> Result<()> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = connection.read(&mut buffer).await?;
        bytes.extend_from_slice(&buffer[..read]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            if bytes.len() >= end + 4 + length.unwrap_or(0) {
                return Ok(());
            }
        }
        if read == 0 {
            anyhow::bail!("a request ended in its middle");
        }
    }
}

pub(crate) fn unix_micros() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
