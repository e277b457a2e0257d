//! `GET /stream?task=a&task=b…` and `GET /stream?tasks=<filter>`: many tasks over one connection.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::task::Tenant;

use super::task_status::{last_event_id, stream_headers, streaming, view_asked};
use crate::api_error::{ApiError, ApiResult, Reason};
use crate::live::{CursorToken, MOST_TASKS, ManyStream, Source};
use crate::request::{Query, filter_of_query, task_id};
use crate::site::{OfSite, Site};
use crate::tenant::tenant_of;

pub(super) async fn stream(site: OfSite, request: HttpRequest) -> ApiResult {
    let query = Query::of(&request);
    let view = view_asked(&query)?;
    let source = source(&site, &query, tenant_of(&request)).await?;
    if request.method() == Method::HEAD {
        return Ok(stream_headers().finish());
    }
    let token = last_event_id(&request).or_else(|| query.get("after")).map(CursorToken::decode).unwrap_or_default();
    let stream = ManyStream::open(&site.live, source, view, token).await?;
    if stream.is_over() {
        return Ok(HttpResponse::NoContent().finish());
    }
    Ok(streaming(stream))
}

async fn source(site: &Site, query: &Query, tenant: Tenant) -> Result<Source, ApiError> {
    let mut named: Vec<&str> = query.all("task").collect();
    named.sort_unstable();
    named.dedup();
    let wrong = |detail: String| ApiError::new(Reason::InvalidQuery, detail);
    match (named.len(), query.get("tasks")) {
        (0, None) => Err(wrong("Name tasks by 'task', or a filter by 'tasks'.".to_owned())),
        (0, Some(filter)) => Ok(Source::Filter(filter_of_query(&Query::parse(filter), tenant)?)),
        (_, Some(_)) => Err(wrong("Either 'task' or 'tasks' can be given.".to_owned())),
        (many, None) if many > MOST_TASKS => {
            Err(wrong(format!("{many} tasks are named; one connection carries at most {MOST_TASKS}.")))
        }
        (_, None) => {
            let mut records = Vec::with_capacity(named.len());
            for id in named {
                records.push(site.task(&tenant, task_id(id)?).await?);
            }
            Ok(Source::Tasks(records))
        }
    }
}
