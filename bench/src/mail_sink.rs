//! A mail server that takes mails and forgets them, or behaves as badly as it is told.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

const MOST_WAITING: u32 = 1_024;

/// Towards everybody, from the moment on in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    Good,
    /// Takes connections, hears everything, says nothing.
    Silent,
    /// "Not now", to every recipient.
    Busy,
    /// "Never", to every recipient.
    Refusing,
    /// Hangs up while a mail is on its way.
    HangsUp,
    /// Nobody listens at its address.
    Down,
}

#[derive(Debug)]
pub(crate) struct MailSink {
    address: SocketAddr,
    manners: watch::Sender<Manners>,
    taken: Arc<AtomicU64>,
    serving: JoinHandle<io::Result<()>>,
}

impl MailSink {
    pub(crate) async fn start() -> Result<Self> {
        let place = held(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).context("no port is free")?;
        let address = place.local_addr()?;
        let (manners, taken) = (watch::Sender::new(Manners::Good), Arc::<AtomicU64>::default());
        let (listener, told) = (place.listen(MOST_WAITING)?, manners.subscribe());
        let counted = taken.clone();
        let serving = tokio::spawn(async move { serve(listener, address, told, &counted).await });
        Ok(Self { address, manners, taken, serving })
    }

    /// With this a server sends its mails here.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let from = "Caudal <caudal@example.org>".to_owned();
        vec![("CAUDAL_SMTP_URL", format!("smtp://{}", self.address)), ("CAUDAL_MAIL_FROM", from)]
    }

    pub(crate) fn behave(&self, manners: Manners) -> Result<()> {
        if self.serving.is_finished() {
            bail!("the mail sink has lost its port, {}", self.address);
        }
        self.manners.send_replace(manners);
        Ok(())
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

/// A port that is ours, at which nobody listens yet: whoever connects is refused.
fn held(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Conversations that have just ended hold the port for a while.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Listens whenever it is not down.
async fn serve(
    mut listener: TcpListener,
    address: SocketAddr,
    mut manners: watch::Receiver<Manners>,
    taken: &Arc<AtomicU64>,
) -> io::Result<()> {
    loop {
        listen(listener, &mut manners, taken).await;
        let place = held(address)?;
        let Ok(_) = manners.wait_for(|now| *now != Manners::Down).await else { return Ok(()) };
        listener = place.listen(MOST_WAITING)?;
    }
}

/// Until it is down; its conversations end with it.
async fn listen(listener: TcpListener, manners: &mut watch::Receiver<Manners>, taken: &Arc<AtomicU64>) {
    let mut conversations = JoinSet::new();
    let others = manners.clone();
    loop {
        tokio::select! {
            _down = manners.wait_for(|now| *now == Manners::Down) => return,
            Some(_ended) = conversations.join_next() => {}
            Ok((stream, _)) = listener.accept() => {
                let (manners, taken) = (others.clone(), taken.clone());
                conversations.spawn(async move {
                    // Whoever hangs up has nothing more to say.
                    let _gone = converse(stream, manners, &taken).await;
                });
            }
            else => return,
        }
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
            b"RCPT" if now == Manners::Refusing => "550 5.1.1 nobody of that name",
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said to a recipient, if anybody is there.
    async fn said(address: SocketAddr) -> io::Result<String> {
        let (input, mut output) = TcpStream::connect(address).await?.into_split();
        output.write_all(b"EHLO me\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n").await?;
        let mut lines = BufReader::new(input).lines();
        let mut last = String::new();
        for _ in 0..5 {
            last = lines.next_line().await?.unwrap_or_default();
        }
        Ok(last)
    }

    /// Goal: a sink is as it was told to be: refuses for good, is not there at all, and is back at the same address.
    #[tokio::test]
    async fn behaves_as_it_is_told() {
        let sink = MailSink::start().await.unwrap();
        assert_eq!(said(sink.address).await.unwrap(), "250 OK");
        sink.behave(Manners::Busy).unwrap();
        assert!(said(sink.address).await.unwrap().starts_with("451"));
        sink.behave(Manners::Refusing).unwrap();
        assert!(said(sink.address).await.unwrap().starts_with("550"));
        sink.behave(Manners::Down).unwrap();
        while TcpStream::connect(sink.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert_eq!(said(sink.address).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        sink.behave(Manners::Good).unwrap();
        while TcpStream::connect(sink.address).await.is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(said(sink.address).await.unwrap(), "250 OK");
    }
}
