//! One request to a provider: sent once, never repeated here. What goes wrong is a [`ModelError`] with the provider's own
//! words, and repeating is the step's business.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::{Client, Response, redirect};
use serde_json::Value;

use super::Piece;
use super::reading::{Unread, pieces_of};
use super::refusal::Who;
use super::sse::{SseData, SseReader};
use crate::error::ModelError;

/// A whole answer that is not streamed, an error, a list of embeddings.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// What may still come after the end is what the answer took; it is not waited for as for words.
const LONGEST_GOODBYE: Duration = Duration::from_secs(5);
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
    pub(crate) who: Who,
    pub(crate) url: &'a str,
    /// For the next piece of an answer that has begun.
    pub(crate) silence: Duration,
    /// For the whole, and for its first piece: whoever thinks before it speaks is paid, and would be paid again.
    pub(crate) timeout: Duration,
}

impl Line<'_> {
    /// Sends it and returns when the answer has begun well.
    async fn send(&self, path: &str, body: &Value) -> Result<Response, ModelError> {
        let mut request = self.client.post(format!("{}/{path}", self.url)).json(body).timeout(self.timeout);
        if let Some(key) = &self.who.key {
            request = request.bearer_auth(key.expose());
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
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
        Ok(Speaking {
            response,
            who: self.who.clone(),
            patience: self.timeout,
            silence: self.silence,
            form: Form::Unknown,
            ready: VecDeque::new(),
            broken: None,
            ended: false,
            over: false,
        })
    }

    async fn rest(&self, response: &mut Response) -> Result<Vec<u8>, ModelError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = next_chunk(response, self.who.provider.name, self.timeout).await? {
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
        let headers = response.headers().clone();
        let body = self.rest(&mut response).await.unwrap_or_default();
        self.who.refused(status, &headers, &String::from_utf8_lossy(&body))
    }

    fn unreachable(&self, error: &reqwest::Error) -> ModelError {
        if error.is_timeout() && !error.is_connect() {
            return ModelError::Silent { provider: self.who.provider.name, silence: self.timeout };
        }
        ModelError::Unreachable { provider: self.who.provider.name, cause: self.who.without_key(with_causes(error)) }
    }
}

async fn next_chunk(
    response: &mut Response,
    provider: &'static str,
    silence: Duration,
) -> Result<Option<bytes::Bytes>, ModelError> {
    let chunk = tokio::time::timeout(silence, response.chunk()).await;
    let chunk = chunk.map_err(|_| ModelError::Silent { provider, silence })?;
    chunk.map_err(|error| match error.is_timeout() {
        true => ModelError::Silent { provider, silence },
        false => ModelError::CutOff(with_causes(&error)),
    })
}

/// In which an answer comes. Its first letter says so more truly than its content type.
enum Form {
    Unknown,
    Events(SseReader),
    /// A server that does not stream answers in one piece of JSON.
    Whole(Vec<u8>),
}

/// An answer under way.
pub(crate) struct Speaking {
    response: Response,
    who: Who,
    /// For what comes next.
    patience: Duration,
    /// For all that comes behind the first piece.
    silence: Duration,
    form: Form,
    ready: VecDeque<Piece>,
    /// What ended it, to be told after all that came before.
    broken: Option<ModelError>,
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
            if let Some(error) = self.broken.take() {
                return Err(error);
            }
            if self.ended || self.over {
                return Ok(None);
            }
            match next_chunk(&mut self.response, self.who.provider.name, self.patience).await? {
                Some(bytes) => self.take(&bytes)?,
                None => self.close(),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        if let Form::Unknown = self.form {
            self.form = match bytes.trim_ascii_start().first() {
                None => return Ok(()),
                Some(b'{' | b'[') => Form::Whole(Vec::new()),
                Some(_) => Form::Events(SseReader::default()),
            };
        }
        let events = match &mut self.form {
            Form::Unknown => Vec::new(),
            Form::Whole(whole) if whole.len() + bytes.len() > MOST_BYTES => {
                return Err(ModelError::Malformed("it is too long".to_owned()));
            }
            Form::Whole(whole) => {
                whole.extend_from_slice(bytes);
                Vec::new()
            }
            Form::Events(reader) => {
                reader.push(bytes).map_err(|_| ModelError::Malformed("a line has no end".to_owned()))?
            }
        };
        self.read(events);
        Ok(())
    }

    fn close(&mut self) {
        self.over = true;
        match std::mem::replace(&mut self.form, Form::Unknown) {
            Form::Unknown => {}
            Form::Whole(whole) => {
                self.ended = true;
                self.read(vec![SseData::Text(String::from_utf8_lossy(&whole).into_owned())])
            }
            Form::Events(mut reader) => self.read(reader.finish()),
        }
    }

    fn read(&mut self, events: Vec<SseData>) {
        for event in events {
            match event {
                SseData::Done => self.ended = true,
                SseData::Text(text) => match pieces_of(&text) {
                    Ok(pieces) => self.ready.extend(pieces),
                    Err(unread) => {
                        self.broken = Some(self.meaning(unread));
                        break;
                    }
                },
            }
        }
        if self.ready.iter().any(|piece| matches!(piece, Piece::End(_))) {
            self.patience = self.patience.min(LONGEST_GOODBYE);
        } else if !self.ready.is_empty() {
            self.patience = self.patience.min(self.silence);
        }
    }

    fn meaning(&self, unread: Unread) -> ModelError {
        match unread {
            Unread::Malformed(why) => ModelError::Malformed(why),
            Unread::Told(error) => self.who.broke_off(&error),
        }
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
