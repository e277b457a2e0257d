//! `GET /tasks`: the newest tasks that match, page by page.

use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::ports::TaskPage;
use serde_json::{Value, json};

use crate::api_error::ApiResult;
use crate::request::{Query, filter_of_query};
use crate::site::OfSite;
use crate::task_json::TaskJson;
use crate::tenant::tenant_of;

pub(super) async fn tasks(site: OfSite, request: HttpRequest) -> ApiResult {
    let filter = filter_of_query(&Query::of(&request), tenant_of(&request))?;
    let page = site.engine.store.list(&filter).await?;
    Ok(HttpResponse::Ok().json(answer_of(page)))
}

/// Only a partial answer says whether it is one.
fn answer_of(page: TaskPage) -> Value {
    let items: Vec<TaskJson> = page.items.into_iter().map(TaskJson::of).collect();
    let mut answer = json!({ "items": items, "next": page.next });
    if page.partial {
        answer["partial"] = true.into();
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a list that misses what a part of the store holds says so.
    #[test]
    fn a_partial_page_says_so() {
        let page = TaskPage { partial: true, ..TaskPage::default() };
        assert_eq!(answer_of(page), json!({ "items": [], "next": null, "partial": true }));
        assert_eq!(answer_of(TaskPage::default()), json!({ "items": [], "next": null }));
    }
}
