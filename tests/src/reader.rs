//! A reader of an event stream on a bare connection, so that it can be cut after any byte.
//!
//! It understands HTTP/1.1 answers of unknown length (chunked) and event streams just as far as our server speaks
//! them; what it does not expect fails the test.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An event that arrived whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub id: u64,
    /// The `event:` field; empty for an unnamed one.
    pub kind: String,
    pub data: Value,
}

/// How a connection ended.
#[derive(Debug)]
pub struct Connection {
    pub status: u16,
    pub frames: Vec<Frame>,
    /// The server closed it (not we).
    pub closed: bool,
}

impl Connection {
    /// Reads until the server closes, `most_bytes` have come, or `most_time` is over; then it is cut.
    ///
    /// None when the server is not there.
    pub async fn read(
        address: SocketAddr,
        path: &str,
        last_event_id: u64,
        most_bytes: usize,
        most_time: Duration,
    ) -> Option<Self> {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let seen = if last_event_id == 0 { String::new() } else { format!("Last-Event-ID: {last_event_id}\r\n") };
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n{seen}\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut bytes = Vec::new();
        let closed = timeout(most_time, read_up_to(&mut stream, most_bytes, &mut bytes)).await.unwrap_or(false);
        Some(Self::parse(&bytes, closed))
    }

    fn parse(bytes: &[u8], closed: bool) -> Self {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Self { status: 0, frames: Vec::new(), closed };
        };
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let (body, finished) = unchunked(&bytes[end + 4..]);
        // What is cut in the middle of a letter or of an event has not arrived.
        let whole = body.windows(2).rposition(|two| two == b"\n\n").map_or(0, |at| at + 2);
        let text = std::str::from_utf8(&body[..whole]).unwrap();
        Self { status, frames: text.split("\n\n").filter_map(frame).collect(), closed: closed || finished }
    }
}

/// True when the other side closed.
async fn read_up_to(stream: &mut TcpStream, most: usize, bytes: &mut Vec<u8>) -> bool {
    while bytes.len() < most {
        let mut piece = vec![0; (most - bytes.len()).min(16 * 1024)];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return true,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
        if bytes.ends_with(b"\r\n0\r\n\r\n") || bytes.starts_with(b"HTTP/1.1 204") && bytes.ends_with(b"\r\n\r\n") {
            return true;
        }
    }
    false
}

/// The body as far as it came, and whether its end was there.
fn unchunked(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        bytes = &bytes[line + 2..];
        let there = size.min(bytes.len());
        body.extend_from_slice(&bytes[..there]);
        bytes = bytes.get(size + 2..).unwrap_or_default();
    }
    (body, false)
}

/// None for comments and `retry:` alone.
fn frame(text: &str) -> Option<Frame> {
    let field = |name: &str| text.lines().filter_map(|line| line.strip_prefix(name)).map(str::trim_start).next();
    let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data:")).collect();
    if data.is_empty() {
        return None;
    }
    Some(Frame {
        id: field("id:").unwrap().parse().unwrap(),
        kind: field("event:").unwrap_or_default().to_owned(),
        data: serde_json::from_str(&data.join("\n")).unwrap(),
    })
}
