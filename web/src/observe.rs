//! What is done with every answer: the headers that protect a browser, one line for the access log, one measurement.
//!
//! The line names the route and never what was sent.

use std::time::Instant;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;

const PROTECTION: &[(&str, &str)] = &[
    (
        "content-security-policy",
        // No script may make markup out of text at all: nothing that a task says can become code by an oversight.
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];
/// Of whatever kind an answer is.
const ALWAYS: &[(&str, &str)] =
    &[("x-content-type-options", "nosniff"), ("cross-origin-resource-policy", "same-origin")];

pub(crate) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let began = Instant::now();
    let method = request.method().clone();
    let mut response = next.call(request).await?;
    let status = response.status().as_u16();
    let route = response.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    let route = if route.len() > 1 { route.trim_end_matches('/').to_owned() } else { route };
    let took = began.elapsed();
    protect(response.headers_mut());
    metrics::histogram!(
        "caudal_http_request_duration_seconds",
        "method" => known_method(method.as_str()), "route" => route.clone(), "status" => status.to_string(),
    )
    .record(took.as_secs_f64());
    let duration_ms = took.as_micros() as f64 / 1_000.0;
    // What only looked, and saw, is many lines that say little.
    if status < 400 && method.is_safe() {
        tracing::debug!(%method, route, status, duration_ms, "{method} {route} {status}");
    } else {
        tracing::info!(%method, route, status, duration_ms, "{method} {route} {status}");
    }
    Ok(response)
}

/// A client may invent methods; a metric must not grow by that.
fn known_method(method: &str) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}

fn protect(headers: &mut HeaderMap) {
    let is_part = is_part_of_a_page(headers);
    let protection = PROTECTION.iter().filter(|_| !is_part).chain(ALWAYS);
    for &(name, value) in protection {
        // A route that shows what others wrote, such as a mail, sets a stricter one itself.
        if !headers.contains_key(name) {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The policy of the page is what counts for its scripts and styles. A page has a hundred of them: with a policy each,
/// a third of its first load would be policies.
fn is_part_of_a_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("text/javascript") || kind.starts_with("text/css")
}
