//! `POST /tasks/<id>/cancel`, and what all three controls answer.

use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::ports::Control;
use caudal_engine::use_cases::control::control_task;
use serde_json::json;

use crate::access::Caller;
use crate::api_error::{ApiError, ApiResult, verb_of};
use crate::request::{read_no_body, task_id};
use crate::site::{OfSite, Site};
use crate::tenant::tenant_of;

pub(super) async fn cancel_task(site: OfSite, request: HttpRequest, id: Path<String>, payload: Payload) -> ApiResult {
    control(&site, &request, payload, &id, Control::Cancel).await
}

pub(super) async fn control(
    site: &Site,
    request: &HttpRequest,
    payload: Payload,
    id: &str,
    control: Control,
) -> ApiResult {
    read_no_body(request, payload, site.body_bytes()).await?;
    let (tenant, task) = (tenant_of(request), task_id(id)?);
    let controlled = control_task(&site.engine, &tenant, task, control).await;
    controlled.map_err(|refused| ApiError::of_control(refused, control))?;
    Caller::of(request).note(verb_of(control), task);
    let record = site.task(&tenant, task).await?;
    Ok(HttpResponse::Ok().json(json!({
        "task_id": task,
        "state": record.wire_state(),
        // Asked for, and not there yet: its worker brings it there.
        "cancelling": record.cancelling,
        "pausing": record.pausing,
    })))
}
