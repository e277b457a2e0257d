//! `GET /notifications/<id>`: one notification, with the mail as it is sent or the event that a webhook is told.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::notification::NotificationRecord;
use caudal_engine::ports::{RenderedMail, TemplateError};
use caudal_engine::task::Json;
use serde::Serialize;

use crate::access::{Caller, Role};
use crate::api_error::{ApiError, ApiResult};
use crate::notification_json::NotificationJson;
use crate::request::notification_id;
use crate::site::{OfSite, Site};
use crate::tenant::tenant_of;

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    notification: NotificationJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    mail: Option<Mail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Json>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Mail {
    Made {
        subject: String,
        text: String,
        html: String,
        /// Name and value of each, in order.
        headers: Vec<(String, String)>,
    },
    /// Its template has changed since it was asked for.
    Unmade { error: String },
}

pub(super) async fn notification(site: OfSite, request: HttpRequest, id: Path<String>) -> ApiResult {
    let record = find(&site, &request, &id).await?;
    let templates = &*site.engine.notifications.templates;
    let event = record.webhook().map(|call| call.event);
    let mail = record.mail().map(|_| match shown(&site, &request, &record) {
        Ok(mail) => Mail::Made { subject: mail.subject, text: mail.text, html: mail.html, headers: mail.headers },
        Err(error) => Mail::Unmade { error: error.to_string() },
    });
    Ok(HttpResponse::Ok().json(Answer { notification: NotificationJson::of(record, templates), mail, event }))
}

/// As this caller may see it.
pub(super) fn shown(
    site: &Site,
    request: &HttpRequest,
    record: &NotificationRecord,
) -> Result<RenderedMail, TemplateError> {
    let templates = &*site.engine.notifications.templates;
    // Taking an address off asks for this role too.
    match Caller::of(request).may(Role::Admin) {
        true => templates.render(record),
        false => templates.render_for_others(record),
    }
}

pub(super) async fn find(site: &Site, request: &HttpRequest, id: &str) -> Result<NotificationRecord, ApiError> {
    let id = notification_id(id)?;
    let found = site.engine.notifications.outbox.notification(&tenant_of(request), id).await?;
    found.ok_or_else(ApiError::no_notification)
}
