//! `POST /start-task`: starts one task.

use std::time::Duration;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::ports::StoreError;
use caudal_engine::task::{TaskId, TaskView};
use caudal_engine::use_cases::start;
use serde::Serialize;

use crate::access::Caller;
use crate::api_error::ApiResult;
use crate::live::view_of;
use crate::request::{IdempotencyKey, Query, read_body, start_request};
use crate::site::{OfSite, Site};
use crate::tenant::tenant_of;

pub(super) async fn start_task(site: OfSite, request: HttpRequest, payload: Payload) -> ApiResult {
    let body = read_body(&request, payload, site.body_bytes()).await?;
    let wait = Query::of(&request).wait()?;
    body.object()?;
    let mut asked = start_request(&body.0)?;
    asked.idempotency = IdempotencyKey::of(&request, site.key_bytes())?.map(|key| key.with(&body.0));
    let created = start::start_task(&site.engine, &tenant_of(&request), asked).await?;
    Caller::of(&request).note("start", created.id);
    answer(&site, created.id, wait).await
}

/// What a start answers; with `wait`, once the task has ended or that time has passed, and with its view.
pub(super) async fn answer(site: &Site, task: TaskId, wait: Option<Duration>) -> ApiResult {
    let mut started = Started::of(site, task);
    if let Some(wait) = wait {
        match view_after(site, task, wait).await {
            Ok(view) => started.view = Some(view),
            // The task is stored: to answer that it may not be would have it started twice.
            Err(error) => tracing::warn!(task.id = %task, %error, "a started task cannot be watched"),
        }
    }
    Ok(HttpResponse::Ok().json(started))
}

async fn view_after(site: &Site, task: TaskId, wait: Duration) -> Result<TaskView, StoreError> {
    site.live.wait_for_end(task, wait).await?;
    view_of(&*site.engine.store, task).await
}

#[derive(Serialize)]
pub(super) struct Started {
    task_id: TaskId,
    status_url: String,
    watch_url: String,
    task_url: String,
    #[serde(flatten)]
    view: Option<TaskView>,
}

impl Started {
    pub(super) fn of(site: &Site, task: TaskId) -> Self {
        Self {
            task_id: task,
            status_url: format!("/task-status/{task}/"),
            watch_url: site.watch_url(task),
            task_url: format!("/tasks/{task}"),
            view: None,
        }
    }
}
