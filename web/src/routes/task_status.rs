//! `GET /task-status/<id>`: the live view of a task, or its live log, or its newest snapshot once.

use actix_web::body::MessageBody;
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::ports::LogEnd;
use caudal_engine::task::{LogEntry, TaskId, Tenant};

use crate::api_error::{ApiError, ApiResult};
use crate::live::{EventStream, SnapshotStream, View, Watched, view_with};
use crate::request::{Query, task_id};
use crate::site::OfSite;
use crate::tenant::tenant_of;

pub(super) async fn task_status(site: OfSite, request: HttpRequest, id: Path<String>) -> ApiResult {
    let task = task_id(&id)?;
    let query = Query::of(&request);
    let wants_json = wants_json(&request);
    // Who asks once is told nothing of what comes later.
    let asks_once = wants_json || request.method() == Method::HEAD;
    let watched = if asks_once { Watched::from(task) } else { Watched::begin(&site.engine, task) };
    let seen = if wants_json { 0 } else { seen(&request, &query)? };
    let wants_log = wants_json || !site.live.reads(task);
    let (end, log) = end_of_log(&site, &tenant_of(&request), task, seen, wants_log).await?;
    if wants_json {
        let view = view_with(&*site.engine.store, task, log).await?;
        return Ok(HttpResponse::Ok().json(view));
    }
    let view = view_asked(&query)?;
    if end.ended && seen == end.head {
        return Ok(HttpResponse::NoContent().finish());
    }
    if request.method() == Method::HEAD {
        return Ok(stream_headers().finish());
    }
    let beyond = seen > end.head;
    let after = if beyond { 0 } else { seen };
    let watched = watched.up_to(end.head, log);
    Ok(match view {
        View::Snapshots => streaming(SnapshotStream::open(&site.live, watched, after).await?),
        View::Events => streaming(EventStream::open(&site.live, watched, after, beyond.then_some(end.head)).await?),
    })
}

/// The newest event that the client has.
fn seen(request: &HttpRequest, query: &Query) -> Result<u64, ApiError> {
    let seen = last_event_id(request).map_or_else(|| query.number("after"), |seen| Ok(seen.parse().ok()));
    Ok(seen?.unwrap_or(0))
}

/// Of a task that was started here a moment ago the store is not asked; unless the client has seen more than was told
/// here, because it read it from the store, which has it a moment earlier. The log comes along where the store has it at
/// hand.
async fn end_of_log(
    site: &OfSite,
    tenant: &Tenant,
    task: TaskId,
    seen: u64,
    wants_log: bool,
) -> Result<(LogEnd, Vec<LogEntry>), ApiError> {
    if let Some(end) = site.engine.feed.recent_end(tenant, task).filter(|end| seen <= end.head) {
        return Ok((end, Vec::new()));
    }
    let (record, log) =
        if wants_log { site.task_and_log(tenant, task).await? } else { (site.task(tenant, task).await?, Vec::new()) };
    Ok((LogEnd { head: record.head, ended: record.state.is_ended() }, log))
}

pub(super) fn view_asked(query: &Query) -> Result<View, ApiError> {
    match query.get("view") {
        None | Some("" | "snapshots") => Ok(View::Snapshots),
        Some("events") => Ok(View::Events),
        Some(_) => Err(crate::request::invalid("view", "must be 'events' or absent")),
    }
}

pub(super) fn last_event_id(request: &HttpRequest) -> Option<&str> {
    request.headers().get("Last-Event-ID").and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty())
}

pub(super) fn streaming(body: impl MessageBody + 'static) -> HttpResponse {
    stream_headers().body(body)
}

/// Nothing on the way may keep, change or gather what is streamed.
pub(super) fn stream_headers() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-cache, no-transform"))
        .insert_header((CONTENT_ENCODING, "identity"))
        .insert_header(("X-Accel-Buffering", "no"));
    response
}

fn wants_json(request: &HttpRequest) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/event-stream")
}
