//! Somebody who is called by webhooks: answers as it is told, and remembers what it was told.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::patience::until;

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    head: Vec<(String, String)>,
    pub body: String,
}

impl Call {
    /// Of a header by its name in small letters.
    pub fn header(&self, name: &str) -> &str {
        let found = self.head.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Debug, Default)]
struct Memory {
    calls: Vec<Call>,
    /// For the next calls, in order; then all is well.
    answers: VecDeque<String>,
}

#[derive(Debug)]
pub struct Hook {
    address: SocketAddr,
    memory: Arc<Mutex<Memory>>,
    /// Whether calls are answered.
    answers: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Hook {
    /// Answers the first calls so (`"503 Service Unavailable"`), further ones with 204.
    pub async fn answering(answers: &[&str]) -> Self {
        Self::that(answers, true).await
    }

    /// Hears all calls and answers none before it is told to.
    pub async fn holding() -> Self {
        Self::that(&[], false).await
    }

    /// From now on calls are answered, also those that are held.
    pub fn answer(&self) {
        self.answers.send_replace(true);
    }

    async fn that(answers: &[&str], is_answering: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = answers.iter().map(|&words| words.to_owned()).collect();
        let memory = Arc::new(Mutex::new(Memory { calls: Vec::new(), answers }));
        let told = memory.clone();
        let answers = watch::Sender::new(is_answering);
        let may_answer = answers.subscribe();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, told.clone(), may_answer.clone()));
            }
        });
        Self { address, memory, answers, accepting }
    }

    pub fn url(&self) -> String {
        self.url_as("127.0.0.1")
    }

    /// By another of this machine's names.
    pub fn url_as(&self, host: &str) -> String {
        format!("http://{host}:{}/hook", self.address.port())
    }

    pub fn calls(&self) -> Vec<Call> {
        lock(&self.memory).calls.clone()
    }

    /// Waits until it was called so often.
    pub async fn called(&self, times: usize) -> Vec<Call> {
        let calls = || async { Some(self.calls()).filter(|calls| calls.len() >= times) };
        until(&format!("the hook is called {times} times"), calls).await
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One call per connection.
async fn answer(stream: TcpStream, memory: Arc<Mutex<Memory>>, mut may_answer: watch::Receiver<bool>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => head.push((name.to_ascii_lowercase(), value.to_owned())),
            None if line.trim_end().is_empty() => break,
            // The request itself.
            None => {}
        }
    }
    let length = head.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    let words = {
        let mut memory = lock(&memory);
        memory.calls.push(Call { head, body: String::from_utf8(body).unwrap() });
        memory.answers.pop_front().unwrap_or_else(|| "204 No Content".to_owned())
    };
    may_answer.wait_for(|may| *may).await.ok()?;
    let reply = format!("HTTP/1.1 {words}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(reply.as_bytes()).await.ok()
}

fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}
