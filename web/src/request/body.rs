//! Reads a body by hand: content type → size → UTF-8 → strict JSON, each with its own refusal.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::{Stream, StreamExt};
use serde_json::{Map, Value};

use super::start::unknown_field;
use super::strict_json::parse_strict;
use crate::api_error::{ApiError, Reason};

/// A client that is still sending reads no answer: what is too large is read on to this bound and dropped.
const MOST_DROPPED_BYTES: usize = 32 * 1024 * 1024;

/// Of a client that stopped sending nothing is kept.
const LONGEST_BODY: Duration = Duration::from_secs(60);

/// A body that is JSON.
pub(crate) struct Body(pub(crate) Value);

pub(crate) async fn read_body(request: &HttpRequest, payload: Payload, most_bytes: usize) -> Result<Body, ApiError> {
    // Read even when it is refused: the connection stays usable.
    let bytes = in_time(LONGEST_BODY, read_bytes(payload, most_bytes)).await?;
    json_of(request, &bytes)
}

fn json_of(request: &HttpRequest, bytes: &[u8]) -> Result<Body, ApiError> {
    if is_packed(request) {
        return Err(ApiError::new(Reason::UnsupportedMediaType, "The body must not be compressed.")
            .hint("Send it without Content-Encoding."));
    }
    if !is_json(request) {
        return Err(ApiError::new(Reason::UnsupportedMediaType, "The body must be JSON by its Content-Type.")
            .hint("Send 'Content-Type: application/json'."));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| invalid_json(format!("The body is not UTF-8: {error}.")))?;
    parse_strict(text).map(Body).map_err(|error| invalid_json(format!("The body is not valid JSON: {error}.")))
}

/// Of a request that says all by its path: there is no body, or an object with nothing in it. What a client writes into it
/// would be a wish that nobody hears.
pub(crate) async fn read_no_body(request: &HttpRequest, payload: Payload, most_bytes: usize) -> Result<(), ApiError> {
    let bytes = in_time(LONGEST_BODY, read_bytes(payload, most_bytes)).await?;
    if bytes.is_empty() {
        return Ok(());
    }
    let body = json_of(request, &bytes)?;
    match body.object()?.keys().next() {
        None => Ok(()),
        Some(unknown) => Err(unknown_field(unknown, &[])),
    }
}

impl Body {
    pub(crate) fn object(&self) -> Result<&Map<String, Value>, ApiError> {
        self.0.as_object().ok_or_else(|| invalid_json("The body must be a JSON object."))
    }
}

pub(super) fn invalid_json(detail: impl Into<String>) -> ApiError {
    ApiError::new(Reason::InvalidJson, detail)
}

fn is_json(request: &HttpRequest) -> bool {
    let Some(value) = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn is_packed(request: &HttpRequest) -> bool {
    request.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity")
}

async fn in_time<T>(longest: Duration, reading: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    let detail = || format!("The body did not arrive within {} seconds.", longest.as_secs());
    let read = tokio::time::timeout(longest, reading).await;
    read.unwrap_or_else(|_| Err(ApiError::new(Reason::BodyTimeout, detail())))
}

async fn read_bytes(
    mut payload: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    most: usize,
) -> Result<BytesMut, ApiError> {
    let mut bytes = BytesMut::new();
    let mut dropped = 0;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| invalid_json("The body ended before it was complete."))?;
        if dropped > 0 || bytes.len() + chunk.len() > most {
            dropped += chunk.len() + std::mem::take(&mut bytes).len();
            if dropped > MOST_DROPPED_BYTES {
                break;
            }
        } else {
            bytes.extend_from_slice(&chunk);
        }
    }
    if dropped > 0 {
        return Err(ApiError::new(Reason::TooLarge, format!("The body has more than {most} bytes.")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;
    use futures_util::stream;

    use super::*;

    fn status(read: Result<BytesMut, ApiError>) -> u16 {
        read.unwrap_err().status_code().as_u16()
    }

    /// Goal: a body that stands still, breaks off or is too large is refused as what it is, and a whole one is read.
    #[tokio::test]
    async fn bodies_that_fail() {
        let piece = || Ok(Bytes::from_static(b"[1,2]"));
        assert_eq!(status(in_time(Duration::ZERO, read_bytes(stream::pending(), 9)).await), 408);
        let broken = stream::iter([piece(), Err(PayloadError::Incomplete(None))]);
        assert_eq!(status(read_bytes(broken, 9).await), 400);
        assert_eq!(status(read_bytes(stream::iter([piece(), piece()]), 9).await), 413);
        assert_eq!(read_bytes(stream::iter([piece(), piece()]), 10).await.unwrap().len(), 10);
    }
}
