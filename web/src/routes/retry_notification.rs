//! `POST /notifications/<id>/retry`: sends one again that has failed or was suppressed.

use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::notification::find;
use crate::api_error::ApiResult;
use crate::notification_json::NotificationJson;
use crate::request::{notification_id, read_no_body};
use crate::site::OfSite;
use crate::tenant::tenant_of;

pub(super) async fn retry_notification(
    site: OfSite,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> ApiResult {
    read_no_body(&request, payload, site.body_bytes()).await?;
    site.engine.notifications.outbox.resend(&tenant_of(&request), notification_id(&id)?).await?;
    let record = find(&site, &request, &id).await?;
    Ok(HttpResponse::Ok().json(NotificationJson::of(record, &*site.engine.notifications.templates)))
}
