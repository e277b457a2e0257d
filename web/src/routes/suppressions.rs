//! `GET /suppressions`: the addresses that want no mail, in the order of the alphabet, page by page.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::api_error::ApiResult;
use crate::request::Query;
use crate::site::OfSite;
use crate::tenant::tenant_of;

const USUAL_PER_PAGE: usize = 50;
const MOST_PER_PAGE: usize = 500;

pub(super) async fn suppressions(site: OfSite, request: HttpRequest) -> ApiResult {
    let query = Query::of(&request);
    let limit = query.limit(USUAL_PER_PAGE, MOST_PER_PAGE)?;
    let after = query.get("cursor").unwrap_or_default();
    let outbox = &site.engine.notifications.outbox;
    let found = outbox.suppressions(&tenant_of(&request), after, limit).await?;
    let next = found.last().filter(|_| found.len() == limit).map(|last| last.address.clone());
    let items: Vec<Value> = found
        .iter()
        .map(|found| json!({ "address": found.address, "reason": found.reason, "since": found.since }))
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items, "next": next })))
}
