//! Which conversations are kept for the next mail, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use lettre::Address;
use lettre::address::Envelope;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A server that takes every mail and ends a conversation behind a mail when it is told.
#[derive(Debug, Default)]
struct Seen {
    conversations: AtomicUsize,
    mails: AtomicUsize,
    ended: AtomicUsize,
    hangs_up: AtomicBool,
}

async fn server() -> (Server, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::<Seen>::default();
    let told = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            told.conversations.fetch_add(1, Ordering::SeqCst);
            let told = told.clone();
            tokio::spawn(async move {
                take_mails(stream, &told).await;
                told.ended.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    let settings = SmtpSettings::parse(&format!("smtp://127.0.0.1:{port}?tls=none")).unwrap();
    (Server::new(settings, 1), seen)
}

async fn take_mails(stream: TcpStream, seen: &Seen) {
    let (input, mut output) = stream.into_split();
    let mut lines = BufReader::new(input).lines();
    output.write_all(b"220 ready\r\n").await.unwrap();
    let mut in_mail = false;
    while let Ok(Some(line)) = lines.next_line().await {
        if in_mail && line != "." {
            continue;
        }
        if in_mail {
            seen.mails.fetch_add(1, Ordering::SeqCst);
        }
        let ends = in_mail && seen.hangs_up.load(Ordering::SeqCst);
        in_mail = line == "DATA";
        output.write_all(if in_mail { b"354 go on\r\n" } else { b"250 OK\r\n" }).await.unwrap();
        if ends {
            return;
        }
    }
}

impl Seen {
    /// Conversations begun, mails taken.
    fn counts(&self) -> (usize, usize) {
        (self.conversations.load(Ordering::SeqCst), self.mails.load(Ordering::SeqCst))
    }

    /// So many conversations are over.
    async fn ended(&self, count: usize) {
        while self.ended.load(Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
    }
}

fn letter() -> Letter {
    let address = |text: &str| text.parse::<Address>().unwrap();
    let envelope = Envelope::new(Some(address("a@example.org")), vec![address("b@example.org")]).unwrap();
    Letter::of_raw(envelope, b"Subject: Hola\r\n\r\nHola\r\n")
}

async fn deliver(server: &Server, mails: u32) {
    for _ in 0..mails {
        assert_eq!(server.deliver(&letter(), &AtomicBool::default()).await, Delivery::Accepted);
    }
}

/// Goal: a kept conversation that the server has ended meanwhile costs no attempt: the mail goes over a new one, once.
#[tokio::test]
async fn a_conversation_that_was_ended_meanwhile_costs_nothing() {
    let (server, seen) = server().await;
    seen.hangs_up.store(true, Ordering::SeqCst);
    deliver(&server, 1).await;
    seen.ended(1).await;
    assert_eq!(server.idle().len(), 1, "we have not noticed");
    seen.hangs_up.store(false, Ordering::SeqCst);
    deliver(&server, 2).await;
    assert_eq!(seen.counts(), (2, 3), "each mail was accepted at its first attempt, and is there once");
}

/// Goal: a conversation is good for so many mails and is then ended by us.
#[tokio::test]
async fn a_conversation_ends_after_its_mails() {
    let (server, seen) = server().await;
    deliver(&server, MOST_MAILS).await;
    assert_eq!(seen.counts(), (1, MOST_MAILS as usize));
    deliver(&server, 1).await;
    assert_eq!(seen.counts(), (2, MOST_MAILS as usize + 1));
    seen.ended(1).await;
}

/// Goal: a conversation is kept as long as servers bear its silence, and no longer.
#[tokio::test]
async fn a_conversation_ends_after_its_silence() {
    let (server, seen) = server().await;
    deliver(&server, 1).await;
    tokio::time::pause();
    tokio::time::advance(LONGEST_SILENCE - Duration::from_secs(1)).await;
    tokio::time::resume();
    deliver(&server, 1).await;
    assert_eq!(seen.counts(), (1, 2), "it is still good");
    tokio::time::pause();
    tokio::time::advance(LONGEST_SILENCE).await;
    tokio::time::resume();
    deliver(&server, 1).await;
    assert_eq!(seen.counts(), (2, 3));
    seen.ended(1).await;
}
