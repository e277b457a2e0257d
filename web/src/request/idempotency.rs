//! The `Idempotency-Key` header, together with the fingerprint of what it was sent with.

use actix_web::HttpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caudal_engine::task::record::Idempotency;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::canonical::body_hash;
use crate::api_error::{ApiError, Reason};

const HEADER: &str = "Idempotency-Key";

pub(crate) struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key that the request brings, if it brings one.
    pub(crate) fn of(request: &HttpRequest, most_bytes: usize) -> Result<Option<Self>, ApiError> {
        let Some(value) = request.headers().get(HEADER) else { return Ok(None) };
        match std::str::from_utf8(value.as_bytes()) {
            Ok(key) if (1..=most_bytes).contains(&key.len()) => Ok(Some(Self(key.to_owned()))),
            _ => {
                let detail = format!("The header {HEADER} must be 1 to {most_bytes} bytes of text.");
                Err(ApiError::new(Reason::InvalidInputs, detail))
            }
        }
    }

    pub(crate) fn with(self, body: &Value) -> Idempotency {
        Idempotency { key: self.0, body_hash: body_hash(body) }
    }

    /// For one of many that came in one request. A hash: it is as long for a long key as for a short one, and nobody
    /// can have chosen it as a key of their own.
    pub(crate) fn of_part(&self, part: &str, body: &Value) -> Idempotency {
        let digest = Sha256::new().chain_update(&self.0).chain_update([0]).chain_update(part).finalize();
        Idempotency { key: URL_SAFE_NO_PAD.encode(digest), body_hash: body_hash(body) }
    }
}
