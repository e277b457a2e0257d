//! The events of a task, one after the other, across lost connections.
//!
//! Reads `text/event-stream` as it comes in pieces; after a break it asks again with the last number seen, so each
//! event is given once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::Value;

use crate::client::{Client, ClientError, innermost};
use crate::output::text_of;

/// One message of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Message {
    id: Option<u64>,
    data: String,
}

/// Makes messages of bytes, wherever these are cut.
#[derive(Debug, Default)]
struct Framer {
    buffer: Vec<u8>,
    open: Message,
}

impl Framer {
    fn push(&mut self, bytes: &[u8]) -> Vec<Message> {
        self.buffer.extend_from_slice(bytes);
        let mut messages = Vec::new();
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            if let Some(message) = self.line(line.trim_end_matches(['\n', '\r'])) {
                messages.push(message);
            }
        }
        messages
    }

    fn line(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            let message = std::mem::take(&mut self.open);
            return (!message.data.is_empty()).then_some(message);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.open.id = value.parse().ok(),
            "data" => {
                if !self.open.data.is_empty() {
                    self.open.data.push('\n');
                }
                self.open.data.push_str(value);
            }
            // Comments, the kind (it stands in the data too) and the retry time.
            _ => {}
        }
        None
    }
}

/// How long a server may be away before the reader gives up.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);
/// The server sends a comment every 15 s; nothing for three times as long is a dead connection.
const SILENCE: Duration = Duration::from_secs(45);

type Bytes = BoxStream<'static, reqwest::Result<bytes::Bytes>>;

pub(crate) struct EventStream<'a> {
    client: &'a Client,
    task: String,
    seen: u64,
    connection: Option<Bytes>,
    framer: Framer,
    ready: VecDeque<Value>,
    lost_since: Option<Instant>,
    ended: bool,
}

impl<'a> EventStream<'a> {
    pub(crate) fn new(client: &'a Client, task: &str) -> Self {
        Self {
            client,
            task: task.to_owned(),
            seen: 0,
            connection: None,
            framer: Framer::default(),
            ready: VecDeque::new(),
            lost_since: None,
            ended: false,
        }
    }

    /// The next event; none after the last one. `lost` is told once when the connection breaks.
    pub(crate) async fn next(&mut self, lost: impl Fn(&str)) -> Result<Option<Value>, ClientError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            let Some(connection) = &mut self.connection else {
                if !self.connect(&lost).await? {
                    return Ok(None);
                }
                continue;
            };
            match tokio::time::timeout(SILENCE, connection.next()).await {
                Ok(Some(Ok(bytes))) => self.take(&bytes),
                Ok(Some(Err(error))) => self.lose(&lost, &innermost(&error)),
                // A clean end without a terminal event: the server is going down, or a proxy is impatient.
                Ok(None) => self.lose(&lost, "the server closed it"),
                Err(_) => self.lose(&lost, "nothing came"),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.lost_since = None;
        for message in self.framer.push(bytes) {
            let Ok(event) = serde_json::from_str::<Value>(&message.data) else { continue };
            let seq = event.get("seq").and_then(Value::as_u64).or(message.id).unwrap_or(0);
            if text_of(&event, "kind") == "log.reset" {
                self.seen = 0;
            } else if seq > self.seen {
                self.seen = seq;
                self.ended = is_terminal(&event);
                self.ready.push_back(event);
            }
        }
    }

    fn lose(&mut self, lost: &impl Fn(&str), cause: &str) {
        self.connection = None;
        self.framer = Framer::default();
        if self.lost_since.is_none() {
            self.lost_since = Some(Instant::now());
            lost(cause);
        }
    }

    /// False when the log has ended before.
    async fn connect(&mut self, lost: &impl Fn(&str)) -> Result<bool, ClientError> {
        if self.lost_since.is_some() {
            tokio::time::sleep(PAUSE).await;
        }
        match self.client.events(&self.task, self.seen).await {
            Ok(Some(response)) => {
                self.connection = Some(response.bytes_stream().boxed());
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(error) => {
                let patient = self.lost_since.is_some_and(|since| since.elapsed() < PATIENCE);
                // The first connection must work: a wrong address is told at once.
                if error.is_unreachable() && (patient || self.seen > 0 && self.lost_since.is_none()) {
                    self.lose(lost, &error.to_string());
                    return Ok(true);
                }
                Err(error)
            }
        }
    }
}

fn is_terminal(event: &Value) -> bool {
    matches!(text_of(event, "kind"), "task.succeeded" | "task.failed" | "task.cancelled")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        "retry: 1000\n\n: alive\n\nid: 1\nevent: log\ndata: {\"seq\":1}\n\nid: 2\r\ndata: a\r\ndata:b ü\r\n\r\n";

    /// Goal: wherever the bytes are cut, the same messages come out.
    #[test]
    fn cuts_do_not_matter() {
        let whole = Framer::default().push(STREAM.as_bytes());
        assert_eq!(whole.len(), 2);
        assert_eq!(whole[1], Message { id: Some(2), data: "a\nb ü".to_owned() });
        for size in 1..STREAM.len() {
            let mut framer = Framer::default();
            let pieces: Vec<Message> = STREAM.as_bytes().chunks(size).flat_map(|piece| framer.push(piece)).collect();
            assert_eq!(pieces, whole, "pieces of {size}");
        }
    }
}
