//! `GET /tasks`: the newest tasks that match, page by page.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::api_error::ApiResult;
use crate::request::{Query, filter_of_query};
use crate::site::OfSite;
use crate::task_json::TaskJson;
use crate::tenant::tenant_of;

pub(super) async fn tasks(site: OfSite, request: HttpRequest) -> ApiResult {
    let filter = filter_of_query(&Query::of(&request), tenant_of(&request))?;
    let page = site.engine.store.list(&filter).await?;
    let items: Vec<TaskJson> = page.items.into_iter().map(TaskJson::of).collect();
    let mut answer = json!({ "items": items, "next": page.next });
    if page.partial {
        answer["partial"] = true.into();
    }
    Ok(HttpResponse::Ok().json(answer))
}
