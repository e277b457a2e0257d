//! `POST /tasks/<id>/signals/<name>`: a value for a task that waits for one. The body is the value.

use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::use_cases::signal::{self, SignalRequest};
use serde_json::json;

use crate::access::Caller;
use crate::api_error::ApiResult;
use crate::request::{IdempotencyKey, read_body, task_id};
use crate::site::OfSite;
use crate::tenant::tenant_of;

pub(super) async fn signal_task(
    site: OfSite,
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
) -> ApiResult {
    let body = read_body(&request, payload, site.body_bytes()).await?;
    let (id, name) = path.into_inner();
    let task = task_id(&id)?;
    let id = IdempotencyKey::of(&request, site.key_bytes())?.map(|key| key.with(&body.0).key);
    let asked = SignalRequest { task, name, value: body.0, id };
    let accepted = signal::signal_task(&site.engine, &tenant_of(&request), asked).await?;
    Caller::of(&request).note("signal", task);
    Ok(HttpResponse::Ok().json(json!({ "task_id": task, "seq": accepted.seq })))
}
