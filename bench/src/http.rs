//! HTTP/1.1, as little of it as a load generator needs: one connection, kept open, whose cost does not stand in the
//! way of what is measured. Bodies come with a length or in chunks; no server of ours sends anything else.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;

/// A server that says nothing for this long will not say anything.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Connection {
    stream: BufStream<TcpStream>,
    host: String,
}

struct Head {
    status: u16,
    length: Length,
}

enum Length {
    Bytes(usize),
    Chunked,
}

impl Connection {
    /// `host` is an address with a port.
    pub(crate) async fn open(host: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(host).await.with_context(|| format!("cannot connect to {host}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufStream::new(stream), host: host.to_owned() })
    }

    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        self.send("GET", path, "application/json", b"").await?;
        self.answer().await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &[u8]) -> anyhow::Result<(u16, Vec<u8>)> {
        self.send("POST", path, "application/json", body).await?;
        self.answer().await
    }

    /// Reads an event stream to its end and gives each line of data to `see`; after it the connection is free again.
    pub(crate) async fn watch(&mut self, path: &str, mut see: impl FnMut(&[u8])) -> anyhow::Result<()> {
        self.send("GET", path, "text/event-stream", b"").await?;
        let head = self.head().await?;
        if head.status != 200 || !matches!(head.length, Length::Chunked) {
            bail!("GET {path} answered {} and no stream", head.status);
        }
        let mut line = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            // An event may be cut anywhere by a chunk's border.
            for part in chunk.split_inclusive(|byte| *byte == b'\n') {
                line.extend_from_slice(part);
                if line.ends_with(b"\n") {
                    if let Some(data) = line.strip_prefix(b"data:") {
                        see(data);
                    }
                    line.clear();
                }
            }
        }
        Ok(())
    }

    async fn send(&mut self, method: &str, path: &str, accept: &str, body: &[u8]) -> anyhow::Result<()> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\naccept: {accept}\r\n", self.host);
        if method == "POST" {
            request.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        self.stream.write_all(request.as_bytes()).await?;
        self.stream.write_all(body).await?;
        Ok(self.stream.flush().await?)
    }

    async fn answer(&mut self) -> anyhow::Result<(u16, Vec<u8>)> {
        let head = self.head().await?;
        let mut body = Vec::new();
        match head.length {
            Length::Bytes(length) => {
                body.resize(length, 0);
                self.stream.read_exact(&mut body).await?;
            }
            Length::Chunked => {
                while let Some(chunk) = self.chunk().await? {
                    body.extend_from_slice(&chunk);
                }
            }
        }
        Ok((head.status, body))
    }

    async fn head(&mut self) -> anyhow::Result<Head> {
        let first = line(&mut self.stream).await?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| anyhow!("'{first}' is no answer in HTTP"))?;
        let mut length = Length::Bytes(0);
        loop {
            let header = line(&mut self.stream).await?.to_ascii_lowercase();
            match header.split_once(':').map(|(name, value)| (name, value.trim())) {
                None => return Ok(Head { status, length }),
                Some(("content-length", bytes)) => length = Length::Bytes(bytes.parse()?),
                Some(("transfer-encoding", _)) => length = Length::Chunked,
                Some(_) => {}
            }
        }
    }

    /// The next chunk; none at the end.
    async fn chunk(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let size = line(&mut self.stream).await?;
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)?;
        let mut chunk = vec![0; size + 2];
        self.stream.read_exact(&mut chunk).await?;
        chunk.truncate(size);
        Ok((size > 0).then_some(chunk))
    }
}

async fn line(stream: &mut (impl AsyncBufRead + Unpin)) -> anyhow::Result<String> {
    let mut line = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_line(&mut line)).await;
    if read.context("the server said nothing for half a minute")?? == 0 {
        bail!("the server closed the connection");
    }
    line.truncate(line.trim_end().len());
    Ok(line)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Goal: bodies of both kinds and a stream cut in the middle of a line are read over one connection.
    #[tokio::test]
    async fn reads_what_servers_send() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            for answer in [
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                "HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nid: 1\ndat\r\n8\r\na:\"x\"\n\n:\r\n0\r\n\r\n",
            ] {
                let _ = stream.read(&mut [0; 1024]).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        };
        let client = async {
            let mut connection = Connection::open(&host).await.unwrap();
            assert_eq!(connection.get("/a").await.unwrap(), (200, b"ok".to_vec()));
            assert_eq!(connection.post("/b", b"{}").await.unwrap(), (404, b"abcd".to_vec()));
            let mut seen = Vec::new();
            connection.watch("/c", |data| seen.push(data.to_vec())).await.unwrap();
            assert_eq!(seen, [b"\"x\"\n".to_vec()]);
        };
        tokio::join!(server, client);
    }
}
