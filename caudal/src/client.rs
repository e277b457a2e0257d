//! The client of the HTTP contract that the commands share: one request, one answer, and what to do when it fails.

use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

pub(crate) struct Client {
    base: Url,
    http: reqwest::Client,
}

#[derive(Debug, Error)]
pub(crate) enum ClientError {
    #[error("'{0}' is no address of a server; it looks like http://127.0.0.1:8000")]
    BadUrl(String),
    #[error("the key has letters that no key has; `caudal new-key` makes keys")]
    BadKey,
    #[error("no HTTP client can be made: {0}")]
    NoClient(reqwest::Error),
    #[error(
        "no server answers at {url}: {cause}\nIs it running? Start it with `caudal serve`, or name another with --url"
    )]
    Unreachable { url: Url, cause: String },
    #[error("{0}")]
    Refused(Box<Problem>),
    #[error("{url} gave an answer that is none of Caudal's: {detail}")]
    Strange { url: Url, detail: String },
}

/// What the server says is wrong (RFC 9457).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) detail: String,
    pub(crate) hint: Option<String>,
    pub(crate) errors: Vec<Violation>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Violation {
    path: String,
    message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        for Violation { path, message } in &self.errors {
            let path = if path.is_empty() { "/" } else { path };
            write!(f, "\n  {path}: {message}")?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\n{hint}"),
            None => Ok(()),
        }
    }
}

impl ClientError {
    /// Whether what was asked for is at fault, and asking again in the same way is of no use.
    pub(crate) fn is_usage(&self) -> bool {
        match self {
            Self::BadUrl(_) | Self::BadKey => true,
            Self::Refused(problem) => matches!(problem.status, 400 | 413 | 415),
            _ => false,
        }
    }

    pub(crate) fn is_unreachable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(problem) => problem.status >= 500,
            _ => false,
        }
    }
}

/// Longer than the longest wait that a request asks for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

impl Client {
    pub(crate) fn new(url: &str, key: Option<&str>) -> Result<Self, ClientError> {
        let bad = || ClientError::BadUrl(url.to_owned());
        let mut base = Url::parse(url).map_err(|_| bad())?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(bad());
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("caudal/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(5))
            .default_headers(headers(key)?);
        if base.scheme() == "http" {
            // No certificates are needed, and a small container may have none.
            builder = builder.tls_certs_only([]);
        }
        if base.host_str().is_some_and(|host| matches!(host, "127.0.0.1" | "localhost" | "[::1]")) {
            builder = builder.no_proxy();
        }
        Ok(Self { base, http: builder.build().map_err(ClientError::NoClient)? })
    }

    /// An address from parts that may hold anything.
    fn url(&self, parts: &[&str], query: &[(&str, String)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    pub(crate) async fn get(&self, parts: &[&str], query: &[(&str, String)]) -> Result<Value, ClientError> {
        let request = self.http.get(self.url(parts, query)).timeout(ANSWER_TIMEOUT);
        json_of(self.send(request).await?).await
    }

    pub(crate) async fn post(
        &self,
        parts: &[&str],
        body: &Value,
        idempotency_key: Option<&str>,
    ) -> Result<Value, ClientError> {
        let mut request = self.http.request(Method::POST, self.url(parts, &[])).timeout(ANSWER_TIMEOUT).json(body);
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        json_of(self.send(request).await?).await
    }

    pub(crate) async fn delete(&self, parts: &[&str]) -> Result<(), ClientError> {
        let request = self.http.request(Method::DELETE, self.url(parts, &[])).timeout(ANSWER_TIMEOUT);
        self.send(request).await.map(drop)
    }

    /// The live log of a task, after an event that was seen. None when there is nothing after it.
    pub(crate) async fn events(&self, task: &str, seen: u64) -> Result<Option<Response>, ClientError> {
        let url = self.url(&["task-status", task], &[("view", "events".to_owned())]);
        let mut request = self.http.get(url).header("Accept", "text/event-stream");
        if seen > 0 {
            request = request.header("Last-Event-ID", seen);
        }
        // The stream may go on for ever, but it must begin.
        let response = match tokio::time::timeout(ANSWER_TIMEOUT, self.send(request)).await {
            Ok(response) => response?,
            Err(_) => {
                let cause = "it took the request and gave no answer".to_owned();
                return Err(ClientError::Unreachable { url: self.base.clone(), cause });
            }
        };
        Ok((response.status() != StatusCode::NO_CONTENT).then_some(response))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, ClientError> {
        let response = request
            .send()
            .await
            .map_err(|error| ClientError::Unreachable { url: self.base.clone(), cause: innermost(&error) })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.text().await.unwrap_or_default();
        match serde_json::from_str::<Problem>(&body) {
            Ok(mut problem) if !problem.detail.is_empty() => {
                problem.status = status.as_u16();
                if status == StatusCode::UNAUTHORIZED {
                    problem.hint = Some("Show your key with --key or CAUDAL_API_KEY.".to_owned());
                }
                Err(ClientError::Refused(Box::new(problem)))
            }
            _ => Err(ClientError::Refused(Box::new(Problem {
                status: status.as_u16(),
                detail: format!("the server answered {status}"),
                ..Problem::default()
            }))),
        }
    }
}

/// The key goes with each request; no log shows it.
fn headers(key: Option<&str>) -> Result<HeaderMap, ClientError> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key.map(str::trim).filter(|key| !key.is_empty()) {
        let bearer = HeaderValue::from_str(&format!("Bearer {key}")).ok().filter(|_| key.is_ascii());
        let mut bearer = bearer.ok_or(ClientError::BadKey)?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    Ok(headers)
}

async fn json_of(response: Response) -> Result<Value, ClientError> {
    let url = response.url().clone();
    let strange = |detail: String| ClientError::Strange { url, detail };
    match response.json().await {
        Ok(value) => Ok(value),
        Err(error) => Err(strange(innermost(&error))),
    }
}

/// The cause that people can act upon stands at the end of the chain.
pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
