//! One call: guard → its host's turn → payload → signature → POST → what the answer means.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use caudal_engine::Engine;
use caudal_engine::notification::NotificationRecord;
use futures_util::StreamExt as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response};
use url::Url;

use super::hosts::Hosts;
use super::{WebhookSettings, guard, payload};
use crate::answered::{Unreadable, answered};
use crate::retry::Attempt;

/// Of an answer this much is read for its words.
const MOST_ANSWER_BYTES: usize = 512;
const GONE: u16 = 410;

pub(crate) struct Caller {
    client: Client,
    settings: WebhookSettings,
    hosts: Arc<Hosts>,
}

impl Caller {
    pub(crate) fn new(settings: &WebhookSettings) -> std::io::Result<Self> {
        let client = guard::client(settings.reaches, settings.timeout).map_err(std::io::Error::other)?;
        Ok(Self { client, settings: settings.clone(), hosts: Arc::new(Hosts::new(settings.concurrency)) })
    }

    pub(crate) async fn call(&self, engine: &Engine, record: &NotificationRecord) -> Attempt {
        let Some(content) = record.webhook() else {
            return Attempt::Refused { words: "it cannot be read".to_owned() };
        };
        let url = match self.allowed(&record.recipient) {
            Ok(url) => url,
            Err(words) => return Attempt::Refused { words },
        };
        let turn = match self.hosts.enter(url.host_str().unwrap_or_default()) {
            Ok(turn) => turn,
            Err(again_in) => return Attempt::NotTried { again_in },
        };
        let body = match answered(record, "what a webhook tells", || payload::payload(engine, record, &content)).await {
            Ok(body) => body,
            Err(Unreadable(words)) => return Attempt::NotNow { words, again_in: None },
        };
        let answer = self.request(engine, record, url, body).send().await;
        match &answer {
            Err(error) if error.is_timeout() => turn.was_not_answered(),
            _ => turn.was_answered(),
        }
        self.meant(answer).await
    }

    fn allowed(&self, recipient: &str) -> Result<Url, String> {
        let url = Url::parse(recipient).map_err(|error| error.to_string())?;
        guard::check(&url, self.settings.reaches).map_err(|refused| refused.to_string())?;
        Ok(url)
    }

    fn request(&self, engine: &Engine, record: &NotificationRecord, url: Url, body: Vec<u8>) -> RequestBuilder {
        let id = record.id.to_string();
        let timestamp = u64::try_from(engine.clock.now().as_millis() / 1_000).unwrap_or(0);
        let signatures = self.settings.secrets.sign(&url, &id, timestamp, &body);
        let request = self.client.post(url).header(CONTENT_TYPE, "application/json").header("webhook-id", id);
        request.header("webhook-timestamp", timestamp).header("webhook-signature", signatures).body(body)
    }

    async fn meant(&self, answer: Result<Response, reqwest::Error>) -> Attempt {
        let response = match answer {
            Ok(response) => response,
            Err(error) => {
                return match guard::refusal(&error) {
                    Some(refused) => Attempt::Refused { words: refused.to_string() },
                    None => Attempt::NotNow { words: with_causes(&error), again_in: None },
                };
            }
        };
        let (status, again_in) = (response.status(), patience(response.headers()));
        if status.is_success() {
            return Attempt::Sent;
        }
        let words = format!("{status} {}", said(response).await).trim().to_owned();
        if status.as_u16() == GONE { Attempt::Refused { words } } else { Attempt::NotNow { words, again_in } }
    }
}

fn patience(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The beginning of the answer, in one line.
async fn said(response: Response) -> String {
    let mut bytes = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= MOST_ANSWER_BYTES {
            bytes.truncate(MOST_ANSWER_BYTES);
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn with_causes(error: &reqwest::Error) -> String {
    // Without the URL: it may be a secret of the receiver's.
    let mut text = if error.is_timeout() { "no answer in time".to_owned() } else { "the call failed".to_owned() };
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
