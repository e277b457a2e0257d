//! `GET /tasks/<id>/result`: how a task ended, if it has; with `wait`, as soon as it has.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::task::{ErrorReport, Fact, Json, TaskId, WireState};
use serde::Serialize;

use crate::api_error::{ApiError, ApiResult};
use crate::request::{Query, task_id};
use crate::site::OfSite;
use crate::tenant::tenant_of;

#[derive(Serialize)]
struct Answer {
    task_id: TaskId,
    state: WireState,
    result: Option<Json>,
    error: Option<ErrorReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continued_as: Option<TaskId>,
}

/// 200 when it has ended, 202 when it has not.
pub(super) async fn task_result(site: OfSite, request: HttpRequest, id: Path<String>) -> ApiResult {
    let tenant = tenant_of(&request);
    let wait = Query::of(&request).wait()?;
    let mut record = site.task(&tenant, task_id(&id)?).await?;
    if let Some(wait) = wait.filter(|_| !record.state.is_ended()) {
        site.live.wait_for_end(record.id, wait).await?;
        record = site.task(&tenant, record.id).await?;
    }
    let mut answer =
        Answer { task_id: record.id, state: record.wire_state(), result: None, error: None, continued_as: None };
    if !record.state.is_ended() {
        return Ok(HttpResponse::Accepted().json(answer));
    }
    let last = site.engine.store.last_event(record.id).await?.ok_or_else(ApiError::no_task)?;
    match last.event().map_err(ApiError::internal)?.fact {
        Fact::TaskSucceeded(done) => {
            answer.result = Some(done.result);
            answer.continued_as = done.continued_as;
        }
        Fact::TaskFailed(failed) => answer.error = Some(failed.error),
        _ => {}
    }
    Ok(HttpResponse::Ok().json(answer))
}
