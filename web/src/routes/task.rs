//! `GET /tasks/<id>`: one task: its record, its view, its input with secrets masked, its children.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::ports::TaskFilter;
use caudal_engine::task::{Json, TaskId, TaskView};
use serde::Serialize;

use crate::access::{Caller, Role};
use crate::api_error::ApiResult;
use crate::live::view_with;
use crate::request::task_id;
use crate::site::OfSite;
use crate::task_json::{TaskJson, shown_input};
use crate::tenant::tenant_of;

const MOST_CHILDREN: usize = 200;

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    task: TaskJson,
    input: Json,
    /// The newest; `GET /tasks?parent=<id>` lists all.
    children: Vec<TaskId>,
    more_children: bool,
    /// A fresh one, for whoever may see all tasks; a watch link makes no further ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    watch_url: Option<String>,
    details: Json,
}

pub(super) async fn task(site: OfSite, request: HttpRequest, id: Path<String>) -> ApiResult {
    let tenant = tenant_of(&request);
    let (record, log) = site.task_and_log(&tenant, task_id(&id)?).await?;
    let view = view_with(&*site.engine.store, record.id, log).await?;
    let of_parent = TaskFilter { tenant, parent: Some(record.id), limit: MOST_CHILDREN, ..TaskFilter::default() };
    let id = record.id;
    let children = site.engine.store.list(&of_parent).await?;
    Ok(HttpResponse::Ok().json(Answer {
        input: shown_input(&site.engine.registry, &record),
        task: TaskJson::of(record),
        more_children: children.next.is_some(),
        children: children.items.into_iter().map(|child| child.id).collect(),
        watch_url: Caller::of(&request).may(Role::Read).then(|| site.watch_url(id)),
        details: details_of(&view),
    }))
}

/// The `details` of a snapshot.
fn details_of(view: &TaskView) -> Json {
    #[derive(serde::Deserialize)]
    struct Snapshot {
        details: Json,
    }
    Json::of(view)
        .and_then(|snapshot| snapshot.parse::<Snapshot>())
        .map(|snapshot| snapshot.details)
        .unwrap_or_default()
}
