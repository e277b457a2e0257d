//! Keeps calls from what a stranger should not reach through us.
//!
//! The guard stands where the address is known: in the client's own resolver, so that what was checked is what is connected
//! to. Hosts written as numbers never meet a resolver and are checked before. Redirects are not followed.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, redirect};
use thiserror::Error;
use url::{Host, Url};

use super::Reaches;

const USER_AGENT: &str = concat!("caudal/", env!("CARGO_PKG_VERSION"));

/// A place that nobody is called at.
#[derive(Debug, Clone, Error)]
#[error("{0} is not on the public internet, and this server calls nothing else")]
pub(super) struct NotPublic(String);

pub(super) fn client(reaches: Reaches, timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .user_agent(USER_AGENT)
        .redirect(redirect::Policy::none())
        // A proxy would resolve the name in our place, behind the guard's back.
        .no_proxy()
        .timeout(timeout)
        .pool_max_idle_per_host(2)
        .dns_resolver(Arc::new(GuardedResolver { reaches }))
        .build()
}

/// The URL was checked when it was stored; what it means may be another matter.
pub(super) fn check(url: &Url, reaches: Reaches) -> Result<(), NotPublic> {
    let address: Option<IpAddr> = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        Some(Host::Domain(_)) => None,
        None => return Err(NotPublic(url.to_string())),
    };
    match address {
        Some(address) if !reaches(address) => Err(NotPublic(address.to_string())),
        _ => Ok(()),
    }
}

/// Whether a call failed because the guard refused it.
pub(super) fn refusal(error: &reqwest::Error) -> Option<NotPublic> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<NotPublic>() {
            return Some(refused.clone());
        }
        cause = inner.source();
    }
    None
}

/// Resolves as the system does and keeps what may be connected to.
struct GuardedResolver {
    reaches: Reaches,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reaches = self.reaches;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let kept: Vec<SocketAddr> = found.filter(|address| reaches(address.ip())).collect();
            if kept.is_empty() {
                return Err(NotPublic(name.as_str().to_owned()).into());
            }
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}
