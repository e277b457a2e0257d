//! The provider's socket: HTTP/1.1 as far as a client of ours speaks it, one answer per connection.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use caudal_engine::flow::Secret;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::reply::{Beat, Reply};
use crate::settings::ModelSettings;

/// The key that a double is asked with. It must never be seen anywhere else.
const KEY: &str = "sk-double-7f3a91c2";

/// What the provider was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// 1 for the first request.
    pub number: usize,
    pub path: String,
    /// The request's `Authorization`.
    pub authorization: String,
    pub body: Value,
}

/// A provider at work until it is dropped.
pub struct ModelDouble {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    serving: tokio::task::JoinHandle<()>,
}

type Script = dyn Fn(&Asked) -> Reply + Send + Sync;

impl ModelDouble {
    #[expect(clippy::expect_used, reason = "a test that cannot be set up must fail")]
    pub async fn start(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let serving = tokio::spawn(serve(listener, script, asked.clone()));
        Self { address, asked, serving }
    }

    /// Where its API begins.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The key that is sent to it.
    pub fn key(&self) -> &'static str {
        KEY
    }

    /// Settings by which a model is asked here.
    pub fn settings(&self) -> ModelSettings {
        ModelSettings {
            model: Some("openai:double".to_owned()),
            url: Url::parse(&self.url()).ok(),
            keys: [("OPENAI_API_KEY", Secret::new(KEY.to_owned()))].into(),
            ..ModelSettings::default()
        }
    }

    /// All it was asked so far.
    pub fn requests(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for ModelDouble {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, script: Arc<Script>, asked: Arc<Mutex<Vec<Asked>>>) {
    let mut answering = tokio::task::JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        let (script, asked) = (script.clone(), asked.clone());
        answering.spawn(async move {
            // Who goes away in the middle is no error here.
            let _gone = answer(connection, &*script, &asked).await;
        });
    }
}

async fn answer(mut connection: TcpStream, script: &Script, all: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let Some((head, body)) = read_request(&mut connection).await? else { return Ok(()) };
    let reply = {
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = Asked {
            number: all.len() + 1,
            path: head.split(' ').nth(1).unwrap_or_default().to_owned(),
            authorization: header(&head, "authorization").unwrap_or_default().to_owned(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        };
        all.push(asked.clone());
        (script(&asked), asked.body["stream"] == true)
    };
    let (reply, streamed) = reply;
    write_reply(&mut connection, &reply, streamed).await
}

async fn write_reply(connection: &mut TcpStream, reply: &Reply, streamed: bool) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} X\r\nconnection: close\r\ntransfer-encoding: chunked\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if reply.headers.iter().all(|(name, _)| name != "content-type") {
        let kind = if streamed { "text/event-stream" } else { "application/json" };
        head.push_str(&format!("content-type: {kind}\r\n"));
    }
    connection.write_all(format!("{head}\r\n").as_bytes()).await?;
    for beat in reply.beats_for(streamed) {
        match beat {
            Beat::Bytes(bytes) if bytes.is_empty() => {}
            Beat::Bytes(bytes) => {
                let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), &bytes, b"\r\n"].concat();
                connection.write_all(&chunk).await?;
                connection.flush().await?;
            }
            Beat::PauseMs(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
            // Until the other side goes away.
            Beat::Hang => return connection.read(&mut [0; 1]).await.map(|_| ()),
            Beat::Cut => return Ok(()),
        }
    }
    connection.write_all(b"0\r\n\r\n").await
}

async fn read_request(connection: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length: usize = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Ok(Some((head, bytes[end + 4..end + 4 + length].to_vec())));
            }
        }
        match connection.read(&mut buffer).await? {
            0 => return Ok(None),
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
