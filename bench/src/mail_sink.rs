//! A mail server that takes mails and forgets them, or behaves as badly as it is told.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Towards everybody, from the moment on in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    Good,
    /// Takes connections, hears everything, says nothing.
    Silent,
    /// "Not now", to every recipient.
    Busy,
    /// Hangs up while a mail is on its way.
    HangsUp,
}

#[derive(Debug)]
pub(crate) struct MailSink {
    address: SocketAddr,
    manners: watch::Sender<Manners>,
    taken: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

impl MailSink {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port is free")?;
        let address = listener.local_addr()?;
        let (manners, taken) = (watch::Sender::new(Manners::Good), Arc::<AtomicU64>::default());
        let serving = tokio::spawn(serve(listener, manners.subscribe(), taken.clone()));
        Ok(Self { address, manners, taken, serving })
    }

    /// With this a server sends its mails here.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let from = "Caudal <caudal@example.org>".to_owned();
        vec![("CAUDAL_SMTP_URL", format!("smtp://{}", self.address)), ("CAUDAL_MAIL_FROM", from)]
    }

    pub(crate) fn behave(&self, manners: Manners) {
        self.manners.send_replace(manners);
    }

    /// How many mails it has said OK to.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for MailSink {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, manners: watch::Receiver<Manners>, taken: Arc<AtomicU64>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (manners, taken) = (manners.clone(), taken.clone());
        tokio::spawn(async move {
            // Whoever hangs up has nothing more to say.
            let _gone = converse(stream, manners, &taken).await;
        });
    }
}

async fn converse(stream: TcpStream, mut manners: watch::Receiver<Manners>, taken: &AtomicU64) -> Result<()> {
    stream.set_nodelay(true)?;
    let (input, mut output) = stream.into_split();
    let mut input = BufReader::new(input);
    let (mut line, mut in_mail) = (Vec::new(), false);
    reply(&mut output, &mut manners, "220 sink").await?;
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let now = *manners.borrow();
        if in_mail {
            if now == Manners::HangsUp {
                return Ok(());
            }
            if line == b".\r\n" {
                in_mail = false;
                reply(&mut output, &mut manners, "250 OK").await?;
                taken.fetch_add(1, Ordering::Relaxed);
            }
            continue;
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        in_mail = verb == b"DATA";
        let words = match verb.as_slice() {
            b"EHLO" => "250-sink\r\n250 8BITMIME",
            b"DATA" => "354 go on",
            b"RCPT" if now == Manners::Busy => "451 4.3.2 too busy",
            b"QUIT" => "221 bye",
            _ => "250 OK",
        };
        reply(&mut output, &mut manners, words).await?;
    }
}

async fn reply(output: &mut OwnedWriteHalf, manners: &mut watch::Receiver<Manners>, words: &str) -> Result<()> {
    manners.wait_for(|now| *now != Manners::Silent).await?;
    Ok(output.write_all(format!("{words}\r\n").as_bytes()).await?)
}
