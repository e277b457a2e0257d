//! The `Idempotency-Key` header, together with the fingerprint of what it was sent with.

use actix_web::HttpRequest;
use caudal_engine::task::record::Idempotency;
use serde_json::Value;

use super::canonical::body_hash;
use crate::api_error::{ApiError, Reason};

const HEADER: &str = "Idempotency-Key";

pub(crate) fn idempotency_of(request: &HttpRequest, body: &Value) -> Result<Option<Idempotency>, ApiError> {
    Ok(key_of(request)?.map(|key| Idempotency { key, body_hash: body_hash(body) }))
}

/// The key of one among many that came in one request.
pub(crate) fn idempotency_at(
    request: &HttpRequest,
    place: usize,
    body: &Value,
) -> Result<Option<Idempotency>, ApiError> {
    Ok(key_of(request)?.map(|key| Idempotency { key: format!("{key}/{place}"), body_hash: body_hash(body) }))
}

fn key_of(request: &HttpRequest) -> Result<Option<String>, ApiError> {
    let Some(value) = request.headers().get(HEADER) else { return Ok(None) };
    let wrong = || ApiError::new(Reason::InvalidInputs, format!("The header {HEADER} must be 1 to 255 bytes of text."));
    let key = std::str::from_utf8(value.as_bytes()).map_err(|_| wrong())?;
    if key.is_empty() { Err(wrong()) } else { Ok(Some(key.to_owned())) }
}
