//! `GET /stream?task=a&task=b…` and `GET /stream?tasks=<filter>`: many tasks over one connection.
//!
//! A page asks for all that it shows at once: `log=<id>@<number>` adds the log of a task after that number, `changes=1` a
//! word (`tasks.changed`) when any list may have changed.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::task::{TaskRecord, Tenant};

use super::task_status::{last_event_id, stream_headers, streaming, view_asked};
use crate::access::{Caller, Role};
use crate::api_error::{ApiError, ApiResult, Reason};
use crate::live::{CursorToken, Lane, MOST_TASKS, ManyStream, Source, Wanted};
use crate::request::{Query, filter_of_query, invalid, log_and_number, task_id};
use crate::site::{OfSite, Site};
use crate::tenant::tenant_of;

pub(super) async fn stream(site: OfSite, request: HttpRequest) -> ApiResult {
    let query = Query::of(&request);
    let tenant = tenant_of(&request);
    let view = view_asked(&query)?;
    let caller = Caller::of(&request);
    let changes = changes_asked(&query, &caller)?;
    let reconnect = last_event_id(&request).map(CursorToken::decode);
    let logs = logs(&site, &query, &tenant, reconnect.as_ref()).await?;
    let source = source(&site, &query, &caller, tenant, changes || !logs.is_empty()).await?;
    if request.method() == Method::HEAD {
        return Ok(stream_headers().finish());
    }
    let token = reconnect.or_else(|| query.get("after").map(CursorToken::decode)).unwrap_or_default();
    let stream = ManyStream::open(&site.live, Wanted { source, view, logs, changes }, token).await?;
    if stream.is_over() {
        return Ok(HttpResponse::NoContent().finish());
    }
    Ok(streaming(stream))
}

fn changes_asked(query: &Query, caller: &Caller) -> Result<bool, ApiError> {
    match query.get("changes") {
        None | Some("" | "0") => Ok(false),
        Some("1") => beyond_named_tasks("changes", caller).map(|()| true),
        Some(_) => Err(invalid("changes", "must be 1 or absent")),
    }
}

/// A watch link is for the tasks that are named by their ids. What reaches others is refused here, where it is read, and
/// not by what else the request names.
fn beyond_named_tasks(parameter: &str, caller: &Caller) -> Result<(), ApiError> {
    if caller.may(Role::Read) {
        return Ok(());
    }
    Err(ApiError::new(Reason::Forbidden, format!("'{parameter}' needs the role '{}'.", Role::Read)))
}

/// A browser that comes back by itself asks for the same as before: what it has seen meanwhile then stands in its
/// cursor, which is newer than the number.
async fn logs(
    site: &Site,
    query: &Query,
    tenant: &Tenant,
    reconnect: Option<&CursorToken>,
) -> Result<Vec<(TaskRecord, u64)>, ApiError> {
    let mut logs = Vec::new();
    for text in query.all("log") {
        let (id, after) = log_and_number(text)?;
        let record = site.task(tenant, task_id(id)?).await?;
        let seen = reconnect.and_then(|token| token.get(record.id, Lane::Log));
        logs.push((record, seen.unwrap_or(after)));
    }
    match logs.len() {
        many if many > MOST_TASKS => Err(too_many(many)),
        _ => Ok(logs),
    }
}

async fn source(
    site: &Site,
    query: &Query,
    caller: &Caller,
    tenant: Tenant,
    may_be_none: bool,
) -> Result<Source, ApiError> {
    let mut named: Vec<&str> = query.all("task").collect();
    named.sort_unstable();
    named.dedup();
    let wrong = |detail: String| ApiError::new(Reason::InvalidQuery, detail);
    match (named.len(), query.get("tasks")) {
        (0, None) if may_be_none => Ok(Source::Tasks(Vec::new())),
        (0, None) => Err(wrong("Name tasks by 'task', or a filter by 'tasks'.".to_owned())),
        (0, Some(filter)) => {
            beyond_named_tasks("tasks", caller)?;
            Ok(Source::Filter(filter_of_query(&Query::parse(filter), tenant)?))
        }
        (_, Some(_)) => Err(wrong("Either 'task' or 'tasks' can be given.".to_owned())),
        (many, None) if many > MOST_TASKS => Err(too_many(many)),
        (_, None) => {
            let mut records = Vec::with_capacity(named.len());
            for id in named {
                records.push(site.task(&tenant, task_id(id)?).await?);
            }
            Ok(Source::Tasks(records))
        }
    }
}

fn too_many(many: usize) -> ApiError {
    let detail = format!("{many} tasks are named; one connection carries at most {MOST_TASKS}.");
    ApiError::new(Reason::InvalidQuery, detail)
}
