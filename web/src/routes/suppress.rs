//! `POST /suppressions`: from now on an address gets no mail. The body is `{ "address": "…", "reason": "…" }`.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::notification::Mailbox;
use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult, Reason};
use crate::request::{read_body, unknown_field};
use crate::site::OfSite;
use crate::tenant::tenant_of;

const MOST_BYTES: usize = 16 * 1024;
const FIELDS: &[&str] = &["address", "reason"];
const USUAL_REASON: &str = "suppressed by hand";
const MOST_REASON_CHARACTERS: usize = 200;

pub(super) async fn suppress(site: OfSite, request: HttpRequest, payload: Payload) -> ApiResult {
    let body = read_body(&request, payload, MOST_BYTES).await?;
    let fields = body.object()?;
    if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(unknown_field(unknown, FIELDS));
    }
    let wrong = |name: &str, why: &str| {
        ApiError::new(Reason::InvalidInputs, format!("{name}: {why}.")).at(format!("/{name}"), why)
    };
    let address = fields.get("address").and_then(Value::as_str);
    let address = address.ok_or_else(|| wrong("address", "must be a mail address"))?;
    let mailbox = Mailbox::parse(address).map_err(|error| wrong("address", &error.to_string()))?;
    let reason = match fields.get("reason") {
        None | Some(Value::Null) => USUAL_REASON,
        Some(reason) => reason.as_str().ok_or_else(|| wrong("reason", "must be a text"))?,
    };
    let reason: String = reason.chars().take(MOST_REASON_CHARACTERS).collect();
    let outbox = &site.engine.notifications.outbox;
    let new = outbox.suppress(&tenant_of(&request), &mailbox.address, &reason).await?;
    Ok(HttpResponse::Ok().json(json!({ "address": mailbox.address, "new": new })))
}
