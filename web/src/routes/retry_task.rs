//! `POST /tasks/<id>/retry`: a new task that begins with what the old one had finished. Answers like `/start-task`.

use actix_web::HttpRequest;
use actix_web::web::{Path, Payload};
use caudal_engine::use_cases::retry;
use serde_json::json;

use super::start_task::answer;
use crate::access::Caller;
use crate::api_error::ApiResult;
use crate::request::{IdempotencyKey, Query, read_no_body, task_id};
use crate::site::OfSite;
use crate::tenant::tenant_of;

pub(super) async fn retry_task(site: OfSite, request: HttpRequest, id: Path<String>, payload: Payload) -> ApiResult {
    read_no_body(&request, payload, site.body_bytes()).await?;
    let task = task_id(&id)?;
    let wait = Query::of(&request).wait()?;
    let key = IdempotencyKey::of(&request, site.key_bytes())?;
    let idempotency = key.map(|key| key.with(&json!({ "retry_of": task })));
    let created = retry::retry_task(&site.engine, &tenant_of(&request), task, idempotency).await?;
    Caller::of(&request).note("retry", task);
    answer(&site, created.id, wait).await
}
