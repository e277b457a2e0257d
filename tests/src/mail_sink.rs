//! A mail server of our own that misbehaves as it is told, and remembers every mail that it has said OK to.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::free_port::free_port;
use crate::laws::now_ms;
use crate::patience::until;

/// How it behaves, towards all, from this moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    Good,
    /// Waits so long before each reply, or until it behaves in another way.
    Slow(Duration),
    /// Hears everything and says nothing, until it behaves in another way.
    Silent,
    /// Says this to each recipient.
    Refuses(&'static str),
    /// Takes mails and does not say so, until it behaves in another way.
    Ponders,
    /// Hangs up while a mail is on its way.
    HangsUp,
}

/// A mail that the sink has taken on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub to: String,
    pub message_id: String,
    pub subject: String,
    pub at_ms: i64,
}

#[derive(Debug)]
pub struct MailSink {
    port: u16,
    manners: watch::Sender<Manners>,
    taken: Arc<Mutex<Vec<Taken>>>,
    most_at_once: Arc<AtomicUsize>,
    accepting: Option<JoinHandle<()>>,
}

impl MailSink {
    pub async fn start() -> Self {
        let mut sink = Self {
            port: free_port(),
            manners: watch::Sender::new(Manners::Good),
            taken: Arc::default(),
            most_at_once: Arc::default(),
            accepting: None,
        };
        sink.come_up().await;
        sink
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    pub fn behave(&self, manners: Manners) {
        self.manners.send_replace(manners);
    }

    /// All conversations are cut and nobody is let in.
    pub async fn go_down(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            let _aborted = accepting.await;
        }
    }

    pub async fn come_up(&mut self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await.unwrap();
        let (manners, taken, most) = (self.manners.subscribe(), self.taken.clone(), self.most_at_once.clone());
        self.accepting = Some(tokio::spawn(async move {
            // They end with this task.
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while conversations.try_join_next().is_some() {}
                conversations.spawn(Conversation::with(stream, manners.clone(), taken.clone()).hold());
                most.fetch_max(conversations.len(), Ordering::SeqCst);
            }
        }));
    }

    /// Waits until nobody talks to it any more: then it has taken all that it will.
    pub async fn left_alone(&self) {
        // The sink itself, whoever accepts, and each conversation has one.
        let is_alone = || async { (Arc::strong_count(&self.taken) <= 2).then_some(()) };
        until("the sink is left alone", is_alone).await;
    }

    /// How many conversations it was in at the same time, at most. One that has just ended may be counted with the next.
    pub fn most_at_once(&self) -> usize {
        self.most_at_once.load(Ordering::SeqCst)
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the mails are as they should be.
    pub async fn until(&self, what: &str, is_so: impl Fn(&[Taken]) -> bool) -> Vec<Taken> {
        until(what, || async { Some(self.taken()).filter(|taken| is_so(taken)) }).await
    }

    /// Waits until it has taken so many.
    pub async fn received(&self, count: usize) -> Vec<Taken> {
        self.until(&format!("the sink has {count} mails"), |taken| taken.len() >= count).await
    }
}

struct Conversation {
    lines: Lines<BufReader<OwnedReadHalf>>,
    output: OwnedWriteHalf,
    manners: watch::Receiver<Manners>,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Conversation {
    fn with(stream: TcpStream, manners: watch::Receiver<Manners>, taken: Arc<Mutex<Vec<Taken>>>) -> Self {
        let (input, output) = stream.into_split();
        Self { lines: BufReader::new(input).lines(), output, manners, taken }
    }

    /// None when either side has hung up.
    async fn hold(mut self) -> Option<()> {
        self.reply("220 sink").await?;
        let mut to = String::new();
        loop {
            let line = self.lines.next_line().await.ok()??;
            match line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "EHLO" => self.reply("250-sink\r\n250 8BITMIME").await?,
                "RCPT" => {
                    to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                    let words = self.words_to_recipient();
                    self.reply(words).await?;
                }
                "DATA" => {
                    self.reply("354 go on").await?;
                    self.take(&to).await?;
                    drop(self.manners.wait_for(|now| *now != Manners::Ponders).await);
                    self.reply("250 OK").await?;
                }
                "QUIT" => return self.reply("221 bye").await,
                _ => self.reply("250 OK").await?,
            }
        }
    }

    fn words_to_recipient(&self) -> &'static str {
        match *self.manners.borrow() {
            Manners::Refuses(words) => words,
            _ => "250 OK",
        }
    }

    /// It is taken when the last line is here, and only told after that: as with any server, the sender may be gone by then.
    async fn take(&mut self, to: &str) -> Option<()> {
        let mut taken = Taken { to: to.to_owned(), message_id: String::new(), subject: String::new(), at_ms: 0 };
        loop {
            let line = self.lines.next_line().await.ok()??;
            if *self.manners.borrow() == Manners::HangsUp {
                return None;
            }
            match line.split_once(": ") {
                Some(("Message-ID", id)) => taken.message_id = id.to_owned(),
                Some(("Subject", subject)) => taken.subject = subject.to_owned(),
                _ if line == "." => break,
                _ => {}
            }
        }
        if *self.manners.borrow() == Manners::Silent {
            // Whoever waits for an answer to it must send it again.
            return None;
        }
        taken.at_ms = now_ms();
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(taken);
        Some(())
    }

    async fn reply(&mut self, words: &str) -> Option<()> {
        let manners = *self.manners.borrow_and_update();
        match manners {
            Manners::Slow(pause) => {
                let other = self.manners.wait_for(|now| *now != manners);
                drop(tokio::time::timeout(pause, other).await);
            }
            Manners::Silent => drop(self.manners.wait_for(|now| *now != Manners::Silent).await),
            _ => {}
        }
        self.output.write_all(format!("{words}\r\n").as_bytes()).await.ok()
    }
}
