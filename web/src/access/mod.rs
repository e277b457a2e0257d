//! Who may do what: keys, sessions, watch links, and the one place where they are held against a route's role.
//!
//! ```text
//!   Authorization: Bearer <key> ──┐
//!   cookie: a signed session ─────┼──▶ Caller { role, name } ──▶ [`admit`]: role ≥ the route's?
//!   ?token= for named tasks ──────┘        401 nobody known · 403 known, but may not
//! ```
//!
//! The first of the three that is there counts, and only that one. Nothing is kept but the keys' hashes and a bounded
//! list of addresses that failed, so any web process of an installation admits the same callers. Without any key
//! everybody is admitted; the binary then listens on loopback alone.

mod admit;
mod api_key;
mod caller;
mod failures;
mod role;
mod session;
mod watch_token;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;
use actix_web::http::header::AUTHORIZATION;
use caudal_engine::task::{TaskId, Timestamp};

pub(crate) use admit::admit;
pub use api_key::{ApiKey, BadKey};
pub(crate) use caller::Caller;
pub use role::Role;

use crate::api_error::{ApiError, Reason};
use crate::request::Query;
use crate::settings::{Served, WebSettings};
use crate::signer::Signer;
use api_key::ApiKeys;
use failures::Failures;

pub(crate) struct Access {
    keys: ApiKeys,
    failures: Failures,
    session_lifetime: Duration,
    watch_lifetime: Duration,
    behind_proxy: bool,
    is_https: bool,
}

/// A session that was just made.
pub(crate) struct Login {
    pub(crate) caller: Caller,
    pub(crate) cookie: Cookie<'static>,
    pub(crate) until: Timestamp,
}

impl Access {
    pub(crate) fn of(settings: &WebSettings) -> Self {
        // Probes bring no key, and nothing is to be had where they ask.
        let keys = if settings.served == Served::Health { Vec::new() } else { settings.api_keys.clone() };
        Self {
            keys: ApiKeys::of(keys),
            failures: Failures::default(),
            session_lifetime: settings.session_lifetime,
            watch_lifetime: settings.watch_lifetime,
            behind_proxy: settings.behind_proxy,
            is_https: settings.is_https(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.keys.is_empty()
    }

    /// The caller of a route that needs this role, if it may.
    pub(crate) fn caller(
        &self,
        request: &HttpRequest,
        needed: Role,
        signer: &Signer,
        now: Timestamp,
    ) -> Result<Caller, ApiError> {
        if self.is_open() {
            return Ok(Caller::owner());
        }
        let caller = match request.headers().get(AUTHORIZATION) {
            Some(value) => match bearer(value.to_str().unwrap_or_default()).map(|key| self.keys.find(key)) {
                Some(Some(key)) => Caller::with(key),
                _ if needed == Role::Anyone => Caller::nobody(),
                Some(None) => return Err(self.wrong_key(request)),
                None => return Err(unauthenticated("Only 'Authorization: Bearer <key>' is understood.")),
            },
            None => match session::key_of(request, signer, &self.keys, now) {
                Some(key) => Caller::with(key),
                None if needed == Role::Watch && may_watch(request, signer, now) => Caller::watcher(),
                None => Caller::nobody(),
            },
        };
        if caller.may(needed) {
            return Ok(caller);
        }
        Err(match caller.role {
            Role::Anyone => unauthenticated("A key is needed, or a session, or a watch link that is not over."),
            role => ApiError::new(Reason::Forbidden, format!("This needs the role '{needed}'; yours is '{role}'.")),
        })
    }

    /// Turns a key into a session.
    pub(crate) fn log_in(
        &self,
        request: &HttpRequest,
        key: &str,
        signer: &Signer,
        now: Timestamp,
    ) -> Result<Login, ApiError> {
        let key = self.keys.find(key).ok_or_else(|| self.wrong_key(request))?;
        let until = now + self.session_lifetime;
        let token = session::token(signer, key, until);
        tracing::info!(actor = key.name(), "somebody logged in");
        Ok(Login {
            caller: Caller::with(key),
            cookie: session::cookie(token, self.session_lifetime, self.is_https),
            until,
        })
    }

    pub(crate) fn log_out(&self) -> Cookie<'static> {
        session::no_cookie(self.is_https)
    }

    pub(crate) fn watch_token(&self, task: TaskId, signer: &Signer, now: Timestamp) -> String {
        watch_token::token(signer, task, now + self.watch_lifetime)
    }

    /// A right key is never made to wait for the wrong ones of its neighbours; a wrong one is.
    fn wrong_key(&self, request: &HttpRequest) -> ApiError {
        let (address, now) = (self.address_of(request), Instant::now());
        if let Some(wait) = self.failures.wait_of(address, now) {
            return too_many(wait);
        }
        let tries = self.failures.note(address, now);
        tracing::warn!(%address, tries, "a wrong key was refused");
        unauthenticated("The key is not known here.").of_wrong_key()
    }

    /// Where the request comes from. Behind a proxy that is what the proxy added last; anything before it the client
    /// may have made up.
    fn address_of(&self, request: &HttpRequest) -> IpAddr {
        let forwarded = || {
            let all = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
            all.last()?.rsplit(',').next()?.trim().parse().ok()
        };
        let peer = || request.peer_addr().map(|peer| peer.ip());
        let forwarded = if self.behind_proxy { forwarded() } else { None };
        forwarded.or_else(peer).unwrap_or(IpAddr::from([0, 0, 0, 0]))
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Whether each task that the request names is covered by a token that it brings.
fn may_watch(request: &HttpRequest, signer: &Signer, now: Timestamp) -> bool {
    let query = Query::of(request);
    let tokens: Vec<&str> = query.all("token").collect();
    let named: Vec<&str> = match request.match_info().get("id") {
        Some(id) => vec![id],
        None => query.all("task").chain(query.all("log").map(|log| log.split('@').next().unwrap_or(log))).collect(),
    };
    let is_covered = |task: TaskId| tokens.iter().any(|token| watch_token::allows(token, signer, task, now));
    !named.is_empty() && named.iter().all(|id| id.parse().is_ok_and(is_covered))
}

fn unauthenticated(detail: &str) -> ApiError {
    ApiError::new(Reason::Unauthenticated, detail)
        .hint("Send 'Authorization: Bearer <key>'; people log in at /login. `caudal new-key` makes keys.")
}

fn too_many(wait: Duration) -> ApiError {
    ApiError::new(Reason::RateLimited, "Too many wrong keys came from your address; try again later.").retry_after(wait)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// Goal: the scheme may be written as one likes; anything else is no bearer.
    #[test]
    fn bearers() {
        assert_eq!(bearer("Bearer k"), Some("k"));
        assert_eq!(bearer("bearer  k "), Some("k"));
        for none in ["", "k", "Basic k", "Bearerk"] {
            assert_eq!(bearer(none), None, "{none}");
        }
    }

    /// Goal: only behind a proxy is a forwarded address believed, and of several only the proxy's own.
    #[test]
    fn addresses() {
        let request = TestRequest::default()
            .peer_addr("192.0.2.1:9".parse().unwrap())
            .insert_header(("x-forwarded-for", "198.51.100.7, 203.0.113.5"))
            .to_http_request();
        let address = |behind_proxy| {
            let settings = WebSettings { behind_proxy, ..WebSettings::default() };
            Access::of(&settings).address_of(&request).to_string()
        };
        assert_eq!(address(false), "192.0.2.1");
        assert_eq!(address(true), "203.0.113.5");
    }
}
