//! One keep-alive connection: a request goes out, its answer comes back, whole or as a stream.
//!
//! As little as the measured server needs, so that the generator costs little beside it: one buffer per connection,
//! bodies read in place, no pipelining. A connection that the server ended is opened again by the next request.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::body::Body;
use super::head::Head;
use super::sse::{SseMessage, SseParser};
use super::target::Target;

const BUFFER_BYTES: usize = 4 * 1024;

#[derive(Debug)]
pub(crate) struct Connection {
    target: Target,
    /// The address to come from, when one has too few ports.
    from: Option<Ipv4Addr>,
    stream: TcpStream,
    output: Vec<u8>,
    input: Vec<u8>,
    /// What lies before was read.
    at: usize,
    body: Body,
    closes: bool,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(target: &Target, from: Option<Ipv4Addr>) -> Result<Self> {
        Ok(Self {
            target: target.clone(),
            from,
            stream: dial(target, from).await?,
            output: Vec::new(),
            input: Vec::with_capacity(BUFFER_BYTES),
            at: 0,
            body: Body::NONE,
            closes: false,
        })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer> {
        self.send("GET", path, "", None).await?;
        self.answer().await.with_context(|| format!("GET {path}"))
    }

    pub(crate) async fn post(&mut self, path: &str, json: &[u8]) -> Result<Answer> {
        self.send("POST", path, "", Some(json)).await?;
        self.answer().await.with_context(|| format!("POST {path}"))
    }

    /// Opens an event stream. It must be read to its end before the connection is used again.
    pub(crate) async fn watch(&mut self, path: &str) -> Result<EventStream<'_>> {
        self.send("GET", path, "accept: text/event-stream\r\n", None).await?;
        let head = self.head().await.with_context(|| format!("GET {path}"))?;
        if head.status != 200 {
            let body = self.rest_of_body().await?;
            bail!("GET {path} answered {}: {}", head.status, String::from_utf8_lossy(&body));
        }
        Ok(EventStream { connection: self, parser: SseParser::default(), unread: 0..0 })
    }

    async fn answer(&mut self) -> Result<Answer> {
        let head = self.head().await?;
        Ok(Answer { status: head.status, body: self.rest_of_body().await? })
    }

    async fn send(&mut self, method: &str, path: &str, headers: &str, json: Option<&[u8]>) -> Result<()> {
        if self.closes || !self.body.has_ended() {
            *self = Self::open(&self.target, self.from).await?;
        }
        self.output.clear();
        let host = &self.target.host;
        write!(self.output, "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{headers}")?;
        match json {
            Some(json) => {
                let length = json.len();
                write!(self.output, "content-type: application/json\r\ncontent-length: {length}\r\n\r\n")?;
                self.output.extend_from_slice(json);
            }
            None => self.output.extend_from_slice(b"\r\n"),
        }
        self.stream.write_all(&self.output).await.with_context(|| format!("{method} {path} was not sent"))
    }

    async fn head(&mut self) -> Result<Head> {
        loop {
            if let Some((head, length)) = Head::parse(&self.input[self.at..])? {
                self.at += length;
                self.body = Body::new(head.length);
                self.closes = head.closes;
                return Ok(head);
            }
            if self.fill().await? == 0 {
                bail!("the connection was closed before an answer came");
            }
        }
    }

    async fn rest_of_body(&mut self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(piece) = self.piece().await? {
            all.extend_from_slice(&self.input[piece]);
        }
        Ok(all)
    }

    /// The next bytes of the body, as a place in the buffer; it holds until the next call.
    async fn piece(&mut self) -> Result<Option<Range<usize>>> {
        loop {
            let from = self.at;
            let piece = self.body.next_piece(&self.input[from..])?;
            self.at += piece.consumed;
            if !piece.data.is_empty() {
                return Ok(Some(from + piece.data.start..from + piece.data.end));
            }
            if self.body.has_ended() {
                return Ok(None);
            }
            if self.fill().await? == 0 {
                if self.body.may_close() {
                    self.body = Body::NONE;
                    return Ok(None);
                }
                bail!("the connection was closed in the middle of an answer");
            }
        }
    }

    async fn fill(&mut self) -> Result<usize> {
        self.input.drain(..self.at);
        self.at = 0;
        if self.input.capacity() - self.input.len() < BUFFER_BYTES / 4 {
            self.input.reserve(BUFFER_BYTES);
        }
        Ok(self.stream.read_buf(&mut self.input).await?)
    }
}

async fn dial(target: &Target, from: Option<Ipv4Addr>) -> Result<TcpStream> {
    let context = || format!("{} cannot be reached", target.address);
    let socket = if target.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(from) = from {
        socket.bind(SocketAddr::from((from, 0))).with_context(|| format!("nothing can be sent from {from}"))?;
    }
    let stream = socket.connect(target.address).await.with_context(context)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The messages of a stream, one after the other.
#[derive(Debug)]
pub(crate) struct EventStream<'a> {
    connection: &'a mut Connection,
    parser: SseParser,
    unread: Range<usize>,
}

impl EventStream<'_> {
    /// Waits for the next message. False: the stream has ended.
    pub(crate) async fn advance(&mut self) -> Result<bool> {
        loop {
            let mut rest = &self.connection.input[self.unread.clone()];
            let is_complete = self.parser.advance(&mut rest);
            self.unread.start = self.unread.end - rest.len();
            if is_complete {
                return Ok(true);
            }
            match self.connection.piece().await? {
                Some(piece) => self.unread = piece,
                None => return Ok(false),
            }
        }
    }

    pub(crate) fn message(&self) -> &SseMessage {
        self.parser.message()
    }
}
