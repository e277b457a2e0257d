//! Pages of other origins: which may ask, and what they may send and read.
//!
//! They bring a key (`Authorization`) or a watch link (`?token=`), never cookies: a session is for our own page alone,
//! so that no other page can act with it.

use std::time::Duration;

use actix_cors::Cors;
use actix_web::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::middleware::Condition;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How long a browser remembers what it was told in a preflight.
const REMEMBERED: Duration = Duration::from_secs(600);

/// With no origin allowed, nothing is said to anybody.
pub(crate) fn of(origins: &[String]) -> Condition<Cors> {
    let rules = Cors::default()
        .allowed_methods(["GET", "HEAD", "POST", "DELETE"])
        .allowed_headers([ACCEPT, AUTHORIZATION, CONTENT_TYPE, IDEMPOTENCY_KEY, LAST_EVENT_ID])
        .expose_headers([RETRY_AFTER, WWW_AUTHENTICATE])
        .max_age(usize::try_from(REMEMBERED.as_secs()).ok())
        // What is not allowed is not refused but left without the headers: our own page names its origin too.
        .block_on_origin_mismatch(false);
    let rules = if origins.iter().any(|origin| origin == "*") {
        rules.allow_any_origin().send_wildcard()
    } else {
        origins.iter().fold(rules, |rules, origin| rules.allowed_origin(origin))
    };
    Condition::new(!origins.is_empty(), rules)
}
