//! Reads a body by hand: content type → size → UTF-8 → strict JSON, each with its own refusal.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{BytesMut, Payload};
use futures_util::StreamExt;
use serde_json::{Map, Value};

use super::strict_json::parse_strict;
use crate::api_error::{ApiError, Reason};

/// A client that is still sending reads no answer: what is too large is read on to this bound and dropped.
const MOST_DROPPED_BYTES: usize = 32 * 1024 * 1024;

/// A body that is JSON.
pub(crate) struct Body(pub(crate) Value);

pub(crate) async fn read_body(request: &HttpRequest, payload: Payload, most_bytes: usize) -> Result<Body, ApiError> {
    let is_json = is_json(request);
    // Read even when it is refused: the connection stays usable.
    let bytes = read_bytes(payload, most_bytes).await?;
    if !is_json {
        return Err(ApiError::new(Reason::UnsupportedMediaType, "The body must be JSON by its Content-Type.")
            .hint("Send 'Content-Type: application/json'."));
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| invalid_json(format!("The body is not UTF-8: {error}.")))?;
    parse_strict(text).map(Body).map_err(|error| invalid_json(format!("The body is not valid JSON: {error}.")))
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

async fn read_bytes(mut payload: Payload, most: usize) -> Result<BytesMut, ApiError> {
    let mut bytes = BytesMut::new();
    let mut dropped = 0;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| invalid_json(format!("The body could not be read: {error}.")))?;
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
