//! `POST /login`: a key for a session. The body is `{ "key": "…" }`.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult, Reason};
use crate::request::{read_body, unknown_field};
use crate::site::OfSite;

const MOST_BYTES: usize = 16 * 1024;

pub(super) async fn login(site: OfSite, request: HttpRequest, payload: Payload) -> ApiResult {
    let body = read_body(&request, payload, MOST_BYTES).await?;
    let fields = body.object()?;
    if let Some(unknown) = fields.keys().find(|name| *name != "key") {
        return Err(unknown_field(unknown, &["key"]));
    }
    if site.access.is_open() {
        return Err(ApiError::new(Reason::NotFound, "No key is configured: there is nothing to log in to."));
    }
    let wrong = || ApiError::new(Reason::InvalidInputs, "key must be a text.").at("/key", "must be a text");
    let key = fields.get("key").and_then(Value::as_str).ok_or_else(wrong)?;
    let login = site.access.log_in(&request, key.trim(), &site.signer, site.engine.clock.now())?;
    let told = json!({ "name": login.caller.name, "role": login.caller.role.as_str(), "until": login.until });
    Ok(HttpResponse::Ok().cookie(login.cookie).json(told))
}
