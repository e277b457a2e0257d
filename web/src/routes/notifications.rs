//! `GET /notifications`: the newest notifications that match, page by page.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::api_error::ApiResult;
use crate::notification_json::NotificationJson;
use crate::request::{Query, notification_filter};
use crate::site::OfSite;
use crate::tenant::tenant_of;

pub(super) async fn notifications(site: OfSite, request: HttpRequest) -> ApiResult {
    let filter = notification_filter(&Query::of(&request), tenant_of(&request))?;
    let page = site.engine.notifications.outbox.notifications(&filter).await?;
    let templates = &*site.engine.notifications.templates;
    let items: Vec<_> = page.items.into_iter().map(|record| NotificationJson::of(record, templates)).collect();
    let mut answer = json!({ "items": items, "next": page.next });
    if page.partial {
        answer["partial"] = json!(true);
    }
    Ok(HttpResponse::Ok().json(answer))
}
