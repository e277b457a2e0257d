//! A client that sees every byte: one connection per request, streams read message by message.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub headers: Vec<(&'a str, String)>,
    pub body: Vec<u8>,
}

impl<'a> Request<'a> {
    pub fn new(method: &'a str, path: &'a str) -> Self {
        Self { method, path, headers: Vec::new(), body: Vec::new() }
    }

    pub fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.text(body.to_string())
    }

    pub fn text(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", "application/json")
    }

    fn bytes(&self) -> Vec<u8> {
        let has = |name: &str| self.headers.iter().any(|(found, _)| found.eq_ignore_ascii_case(name));
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !has("host") {
            text.push_str("host: localhost\r\n");
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub async fn send(self, address: SocketAddr) -> Answer {
        let head = self.method == "HEAD";
        let mut connection = Connection::open(address, &self.bytes()).await;
        let (status, headers) = connection.head().await;
        let mut body = Vec::new();
        if !head && status != 204 && status != 304 {
            match headers.get("content-length") {
                Some(length) => {
                    body = vec![0; length.parse().unwrap()];
                    connection.0.read_exact(&mut body).await.unwrap();
                }
                None => {
                    while let Some(chunk) = connection.chunk().await {
                        body.extend(chunk);
                    }
                }
            }
        }
        Answer { status, headers, body }
    }

    pub async fn stream(self, address: SocketAddr) -> EventStream {
        let mut connection = Connection::open(address, &self.bytes()).await;
        let (status, headers) = connection.head().await;
        EventStream { status, headers, connection, bytes: Vec::new(), read: 0 }
    }
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    async fn open(address: SocketAddr, bytes: &[u8]) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        Self(BufReader::new(stream))
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        line.trim_end_matches("\r\n").to_owned()
    }

    async fn head(&mut self) -> (u16, HashMap<String, String>) {
        let status = self.line().await.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = HashMap::new();
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(": ") else { return (status, headers) };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
    }

    /// Nothing after the last one.
    async fn chunk(&mut self) -> Option<Vec<u8>> {
        let length = usize::from_str_radix(&self.line().await, 16).ok().filter(|length| *length > 0)?;
        let mut bytes = vec![0; length + 2];
        self.0.read_exact(&mut bytes).await.unwrap();
        bytes.truncate(length);
        Some(bytes)
    }
}

/// A block of a stream: up to the next empty line.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Message {
    pub id: Option<String>,
    pub event: Option<String>,
    pub data: Option<String>,
    pub text: String,
}

impl Message {
    pub fn json(&self) -> Value {
        serde_json::from_str(self.data.as_deref().unwrap()).unwrap()
    }

    pub fn seq(&self) -> u64 {
        self.id.as_deref().unwrap().parse().unwrap()
    }

    fn of(text: &str) -> Self {
        let mut message = Self { text: text.to_owned(), ..Self::default() };
        for line in text.lines() {
            match line.split_once(": ") {
                Some(("id", value)) => message.id = Some(value.to_owned()),
                Some(("event", value)) => message.event = Some(value.to_owned()),
                Some(("data", value)) => message.data = Some(value.to_owned()),
                _ => {}
            }
        }
        message
    }
}

pub struct EventStream {
    pub status: u16,
    pub headers: HashMap<String, String>,
    connection: Connection,
    pub bytes: Vec<u8>,
    read: usize,
}

impl EventStream {
    /// The next block, comments and `retry` too; nothing when the server closed the stream.
    pub async fn block(&mut self) -> Option<Message> {
        loop {
            let unread = &self.bytes[self.read..];
            if let Some(end) = unread.windows(2).position(|pair| pair == b"\n\n") {
                let message = Message::of(std::str::from_utf8(&unread[..end]).unwrap());
                self.read += end + 2;
                return Some(message);
            }
            let chunk = self.connection.chunk().await?;
            self.bytes.extend(chunk);
        }
    }

    /// The next message.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            let block = self.block().await?;
            if block.data.is_some() {
                return Some(block);
            }
        }
    }

    pub async fn rest(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.next().await {
            messages.push(message);
        }
        messages
    }
}
