//! `GET /tasks/<id>/events`: a task's log, page by page.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};

use crate::api_error::ApiResult;
use crate::request::{Query, task_id};
use crate::site::OfSite;
use crate::tenant::tenant_of;

const USUAL_EVENTS: usize = 200;
const MOST_EVENTS: usize = 1_000;
const MOST_BYTES: usize = 1024 * 1024;

pub(super) async fn task_events(site: OfSite, request: HttpRequest, id: Path<String>) -> ApiResult {
    let record = site.task(&tenant_of(&request), task_id(&id)?).await?;
    let query = Query::of(&request);
    let after = query.number("after")?.unwrap_or(0);
    let limit = query.limit(USUAL_EVENTS, MOST_EVENTS)?;
    let mut entries = site.engine.store.events(record.id, after, MOST_BYTES).await?;
    entries.truncate(limit);
    // The cursor is the last number: a page that reaches the head known now has none.
    let next = entries.last().map(|last| last.seq).filter(|last| *last < record.head);
    let items: Vec<String> = entries.iter().map(|entry| entry.wire()).collect();
    let next = next.map_or("null".to_owned(), |seq| format!("\"{seq}\""));
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(format!("{{\"items\":[{}],\"next\":{next}}}", items.join(","))))
}
