//! Fetches a page that a stranger named, and nothing that the stranger should not reach.
//!
//! The guard stands where the address is known: in the client's own DNS resolver, so that what was checked is what is
//! connected to, and a name that changes its answer between two look-ups gains nothing. Hosts written as numbers never
//! meet a resolver, so they are checked before. Redirects are followed by hand, each checked like the first address.
//!
//! ```text
//!   URL ─▶ scheme, credentials, literal host ─▶ resolve, keep public ─▶ connect ─▶ status
//!    ▲                                                                              │
//!    └────────────────────────── redirect, 5 at most ◀──────────────────────────────┤
//!                                                     type, size, time ─▶ text ◀────┘
//! ```

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};
use thiserror::Error;
use url::{Host, Url};

use super::page_text::{MediaType, decode};
use super::public_address::is_public;

/// How far a fetch may go. Wired in by the binary; without that the default holds, which is strict.
#[derive(Debug, Clone)]
pub struct FetchSettings {
    /// Lets flows reach this machine and its network. For tests and closed networks only.
    pub allow_private_addresses: bool,
    /// Of the page as it is read, after decompression.
    pub most_bytes: usize,
    /// For the whole fetch with all its redirects.
    pub timeout: Duration,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self { allow_private_addresses: false, most_bytes: 5 * 1024 * 1024, timeout: Duration::from_secs(20) }
    }
}

#[derive(Debug)]
pub(crate) struct FetchedPage {
    /// Where the redirects ended.
    pub(crate) url: Url,
    pub(crate) media_type: MediaType,
    pub(crate) text: String,
    pub(crate) bytes: usize,
}

#[derive(Debug, Error)]
pub(crate) enum FetchError {
    #[error("'{0}' is not an address of a page: {1}")]
    BadUrl(String, &'static str),
    #[error("{0} is not on the public internet, and this server fetches nothing else")]
    NotPublic(String),
    #[error("more than {MOST_REDIRECTS} redirects")]
    TooManyRedirects,
    #[error("the page is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the page is {0}, only text and HTML can be read")]
    NotText(String),
    #[error("the server answered {0}")]
    Refused(StatusCode),
    #[error("the server answered {0}")]
    Busy(StatusCode, Option<Duration>),
    #[error("it took longer than {} s", .0.as_secs_f32())]
    TooSlow(Duration),
    #[error("{0}")]
    Unreachable(String),
}

const MOST_REDIRECTS: usize = 5;
/// A server that asks for more patience than this does not want to be asked again.
const MOST_PATIENCE: Duration = Duration::from_secs(3600);
const USER_AGENT: &str = concat!("caudal/", env!("CARGO_PKG_VERSION"));

pub(crate) async fn fetch_page(settings: &FetchSettings, url: &str) -> Result<FetchedPage, FetchError> {
    let reaches = if settings.allow_private_addresses { |_| true } else { is_public };
    fetch_within(settings, Reach { reaches, look_up }, url).await
}

/// How far a fetch reaches.
#[derive(Clone, Copy)]
struct Reach {
    /// Whether an address may be connected to.
    reaches: fn(IpAddr) -> bool,
    /// Which addresses a name has.
    look_up: fn(String) -> Found,
}

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// As the system does it.
fn look_up(name: String) -> Found {
    Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
}

async fn fetch_within(settings: &FetchSettings, reach: Reach, url: &str) -> Result<FetchedPage, FetchError> {
    let url = Url::parse(url.trim()).map_err(|_| FetchError::BadUrl(url.to_owned(), "it is no URL"))?;
    tokio::time::timeout(settings.timeout, async {
        let response = follow_redirects(&client(reach)?, reach, url).await?;
        read_page(response, settings.most_bytes).await
    })
    .await
    .unwrap_or(Err(FetchError::TooSlow(settings.timeout)))
}

fn client(reach: Reach) -> Result<Client, FetchError> {
    Client::builder()
        .user_agent(USER_AGENT)
        .redirect(redirect::Policy::none())
        // A proxy would resolve the name in our place, behind the guard's back.
        .no_proxy()
        // Pages come from everywhere: a connection kept open would seldom be used again.
        .pool_max_idle_per_host(0)
        .dns_resolver(Arc::new(GuardedResolver(reach)))
        .build()
        .map_err(|error| FetchError::Unreachable(with_causes(&error)))
}

async fn follow_redirects(client: &Client, reach: Reach, mut url: Url) -> Result<Response, FetchError> {
    for _ in 0..=MOST_REDIRECTS {
        check_url(&url, reach)?;
        let request = client.get(url.clone()).header(ACCEPT, "text/html, application/xhtml+xml, text/plain;q=0.9");
        let response = request.send().await.map_err(|error| unreachable_because(&error))?;
        let Some(next) = redirect_target(&response) else {
            return check_status(response);
        };
        url = url.join(&next).map_err(|_| FetchError::BadUrl(next, "the redirect leads nowhere"))?;
    }
    Err(FetchError::TooManyRedirects)
}

fn check_url(url: &Url, reach: Reach) -> Result<(), FetchError> {
    let bad = |why| Err(FetchError::BadUrl(without_credentials(url), why));
    if !matches!(url.scheme(), "http" | "https") {
        return bad("it must begin with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return bad("it carries a user name or a password");
    }
    // The URL parser has already turned 0x7f.1, 017700000001 and 2130706433 into the address they mean.
    let address: Option<IpAddr> = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        Some(Host::Domain("")) | None => return bad("it has no host"),
        Some(Host::Domain(_)) => None,
    };
    match address {
        Some(address) if !(reach.reaches)(address) => Err(FetchError::NotPublic(address.to_string())),
        _ => Ok(()),
    }
}

/// For the error's text, which everybody who watches the task can read.
fn without_credentials(url: &Url) -> String {
    let mut url = url.clone();
    // Neither can fail on a URL that has credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

fn redirect_target(response: &Response) -> Option<String> {
    let status = response.status();
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

fn check_status(response: Response) -> Result<Response, FetchError> {
    let status = response.status();
    match status.as_u16() {
        200 | 203 => Ok(response),
        408 | 425 | 429 | 500.. => Err(FetchError::Busy(status, patience(response.headers()))),
        _ => Err(FetchError::Refused(status)),
    }
}

fn patience(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds)).filter(|patience| *patience <= MOST_PATIENCE)
}

async fn read_page(response: Response, most_bytes: usize) -> Result<FetchedPage, FetchError> {
    let content_type = response.headers().get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let content_type = content_type.map(|value| value.into_owned()).unwrap_or_default();
    let media_type = MediaType::of(&content_type).ok_or_else(|| FetchError::NotText(named(&content_type)))?;
    if response.content_length().is_some_and(|length| length > most_bytes as u64) {
        return Err(FetchError::TooLarge(most_bytes));
    }
    let url = response.url().clone();
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| unreachable_because(&error))?;
        if body.len() + chunk.len() > most_bytes {
            return Err(FetchError::TooLarge(most_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(FetchedPage { url, media_type, bytes: body.len(), text: decode(&content_type, &body) })
}

fn named(content_type: &str) -> String {
    match content_type.split(';').next().unwrap_or_default().trim() {
        "" => "of no type".to_owned(),
        media_type => media_type.chars().take(100).collect(),
    }
}

/// Keeps of a name's addresses what may be connected to.
struct GuardedResolver(Reach);

#[derive(Debug, Error)]
#[error("{0} resolves to no public address")]
struct NoPublicAddress(String);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Reach { reaches, look_up } = self.0;
        Box::pin(async move {
            let found = look_up(name.as_str().to_owned()).await?.into_iter();
            let kept: Vec<SocketAddr> =
                found.filter(|address| reaches(*address)).map(|address| SocketAddr::new(address, 0)).collect();
            if kept.is_empty() {
                return Err(NoPublicAddress(name.as_str().to_owned()).into());
            }
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

/// A refusal of our own resolver comes back wrapped in the client's errors.
fn unreachable_because(error: &reqwest::Error) -> FetchError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(NoPublicAddress(host)) = inner.downcast_ref() {
            return FetchError::NotPublic(host.clone());
        }
        cause = inner.source();
    }
    FetchError::Unreachable(with_causes(error))
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests;
