//! `POST /notifications`: a mail that another program asks for. When it answers, the mail is stored durably.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::use_cases::send_notification;
use serde_json::json;

use crate::api_error::ApiResult;
use crate::request::{IdempotencyKey, read_body, send_request};
use crate::site::OfSite;
use crate::tenant::tenant_of;

pub(super) async fn send_notification(site: OfSite, request: HttpRequest, payload: Payload) -> ApiResult {
    let body = read_body(&request, payload, site.body_bytes()).await?;
    let mut asked = send_request(&body.0)?;
    asked.idempotency = IdempotencyKey::of(&request, site.key_bytes())?.map(|key| key.with(&body.0));
    let queued = send_notification::send_notification(&site.engine, &tenant_of(&request), asked).await?;
    Ok(HttpResponse::Ok().json(json!({ "notification_ids": queued.ids })))
}
