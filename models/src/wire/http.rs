//! One request to a provider: sent once, never repeated here. What goes wrong is a [`ModelError`] with the provider's own
//! words, and repeating is the step's business.

use std::collections::VecDeque;
use std::time::Duration;

use caudal_engine::flow::Secret;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, redirect};
use serde_json::Value;

use super::Piece;
use super::reading::{pieces_of, said_in};
use super::sse::{SseData, SseReader};
use crate::error::ModelError;
use crate::provider::Provider;

/// A whole answer that is not streamed, an error, a list of embeddings.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// Who asks for more patience than this gets it by repeated asking.
const MOST_PATIENCE: Duration = Duration::from_secs(3600);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const USER_AGENT: &str = concat!("caudal/", env!("CARGO_PKG_VERSION"));

pub(crate) fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirect would carry the key to wherever it leads.
        .redirect(redirect::Policy::none())
        .tcp_nodelay(true)
        .build()
}

/// Where a request goes and how long it may take.
pub(crate) struct Line<'a> {
    pub(crate) client: &'a Client,
    pub(crate) provider: &'static Provider,
    pub(crate) url: &'a str,
    pub(crate) key: Option<&'a Secret<String>>,
    pub(crate) silence: Duration,
    pub(crate) timeout: Duration,
}

impl Line<'_> {
    /// Sends it and returns when the answer has begun well.
    async fn send(&self, path: &str, body: &Value) -> Result<Response, ModelError> {
        let mut request = self.client.post(format!("{}/{path}", self.url)).json(body).timeout(self.timeout);
        if let Some(key) = self.key {
            request = request.bearer_auth(key.expose());
        }
        let sent = tokio::time::timeout(self.silence, request.send()).await;
        let response = sent
            .map_err(|_| ModelError::Silent { provider: self.provider.name, silence: self.silence })?
            .map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }

    /// An answer of one piece.
    pub(crate) async fn ask(&self, path: &str, body: &Value) -> Result<String, ModelError> {
        let mut response = self.send(path, body).await?;
        let bytes = self.rest(&mut response).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(crate) async fn begin(&self, body: &Value) -> Result<Speaking, ModelError> {
        let response = self.send("chat/completions", body).await?;
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let whole = content_type.starts_with("application/json");
        Ok(Speaking {
            response,
            provider: self.provider.name,
            silence: self.silence,
            whole: whole.then(Vec::new),
            reader: SseReader::default(),
            ready: VecDeque::new(),
            ended: false,
            over: false,
        })
    }

    async fn rest(&self, response: &mut Response) -> Result<Vec<u8>, ModelError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = next_chunk(response, self.provider.name, self.silence).await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MOST_BYTES {
                return Err(ModelError::Malformed(format!("more than {MOST_BYTES} bytes")));
            }
        }
        Ok(bytes)
    }

    /// What a status that is no success means.
    async fn refusal(&self, mut response: Response) -> ModelError {
        let status = response.status().as_u16();
        let after = patience(response.headers());
        let body = self.rest(&mut response).await.unwrap_or_default();
        let text = String::from_utf8_lossy(&body);
        let parsed: Value = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.trim().to_owned()));
        let parsed = if parsed.is_array() { parsed[0].clone() } else { parsed };
        let error = parsed.get("error").unwrap_or(&parsed);
        let provider = self.provider.name;
        let said = self.without_key(said_in(error));
        match status {
            // Of a refused key the provider likes to repeat a part; the variable says enough.
            401 | 403 if self.provider.key_variable.is_some() => {
                ModelError::KeyRefused { provider, variable: self.provider.key_variable.unwrap_or("its key"), status }
            }
            // Waiting does not bring money.
            429 if error.get("code").and_then(Value::as_str) == Some("insufficient_quota") => {
                ModelError::Refused { provider, status, said }
            }
            408 | 409 | 425 | 429 | 500.. => ModelError::Busy { provider, status, said, after },
            _ => ModelError::Refused { provider, status, said },
        }
    }

    fn without_key(&self, text: String) -> String {
        match self.key {
            Some(key) if !key.expose().is_empty() => text.replace(key.expose().as_str(), "***"),
            _ => text,
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> ModelError {
        ModelError::Unreachable { provider: self.provider.name, cause: self.without_key(with_causes(error)) }
    }
}

/// `Retry-After` in seconds, with or without a fraction, or in milliseconds as some send it.
fn patience(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|millis| millis / 1_000.0).or_else(|| number(RETRY_AFTER.as_str()))?;
    Duration::try_from_secs_f64(seconds).ok().map(|patience| patience.min(MOST_PATIENCE))
}

async fn next_chunk(
    response: &mut Response,
    provider: &'static str,
    silence: Duration,
) -> Result<Option<bytes::Bytes>, ModelError> {
    let chunk = tokio::time::timeout(silence, response.chunk()).await;
    let chunk = chunk.map_err(|_| ModelError::Silent { provider, silence })?;
    chunk.map_err(|error| ModelError::CutOff(with_causes(&error)))
}

/// An answer under way.
pub(crate) struct Speaking {
    response: Response,
    provider: &'static str,
    silence: Duration,
    /// A server that does not stream answers at once, in one piece.
    whole: Option<Vec<u8>>,
    reader: SseReader,
    ready: VecDeque<Piece>,
    /// The provider said that this is all.
    pub(crate) ended: bool,
    over: bool,
}

impl Speaking {
    /// The next piece; none when nothing more comes.
    pub(crate) async fn next(&mut self) -> Result<Option<Piece>, ModelError> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Ok(Some(piece));
            }
            if self.ended || self.over {
                return Ok(None);
            }
            match next_chunk(&mut self.response, self.provider, self.silence).await? {
                Some(bytes) => self.take(&bytes)?,
                None => self.close()?,
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        if let Some(whole) = &mut self.whole {
            whole.extend_from_slice(bytes);
            let too_long = whole.len() > MOST_BYTES;
            return if too_long { Err(ModelError::Malformed("it is too long".to_owned())) } else { Ok(()) };
        }
        let events = self.reader.push(bytes).map_err(|_| ModelError::Malformed("a line has no end".to_owned()))?;
        self.read(events)
    }

    fn close(&mut self) -> Result<(), ModelError> {
        self.over = true;
        if let Some(whole) = self.whole.take() {
            self.ended = true;
            self.ready.extend(pieces_of(&String::from_utf8_lossy(&whole))?);
            return Ok(());
        }
        let events = self.reader.finish();
        self.read(events)
    }

    fn read(&mut self, events: Vec<SseData>) -> Result<(), ModelError> {
        for event in events {
            match event {
                SseData::Done => self.ended = true,
                SseData::Text(text) => self.ready.extend(pieces_of(&text)?),
            }
        }
        Ok(())
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
