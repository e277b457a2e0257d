//! `POST /tasks/bulk`: one control for many tasks, named or found by a filter; an answer for each.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::ports::{Control, TaskFilter};
use caudal_engine::task::{TaskId, Tenant};
use caudal_engine::use_cases::{control::control_task, retry::retry_task};
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::{Map, Value, json};

use crate::access::{Caller, Role};
use crate::api_error::{ApiError, ApiResult, Reason, verb_of};
use crate::request::{IdempotencyKey, filter_of_json, read_body, task_id, unknown_field};
use crate::site::{OfSite, Site};
use crate::tenant::tenant_of;

const MOST_TASKS: usize = 1_000;
/// So many are under way at once, so that a store can commit them together.
const AT_ONCE: usize = 64;
const FIELDS: &[&str] = &["action", "ids", "filter"];

#[derive(Debug, Clone, Copy)]
enum Action {
    Control(Control),
    Retry,
    Delete,
}

pub(super) async fn tasks_bulk(site: OfSite, request: HttpRequest, payload: Payload) -> ApiResult {
    let body = read_body(&request, payload, site.body_bytes()).await?;
    let fields = body.object()?;
    if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(unknown_field(unknown, FIELDS));
    }
    let tenant = tenant_of(&request);
    let action = action(fields)?;
    let caller = Caller::of(&request);
    // The route asks for less, since its other actions do.
    if matches!(action, Action::Delete) && !caller.may(Role::Admin) {
        return Err(ApiError::new(Reason::Forbidden, format!("To delete tasks the role '{}' is needed.", Role::Admin)));
    }
    let key = IdempotencyKey::of(&request, site.key_bytes())?;
    let (ids, next) = chosen(&site, fields, &tenant).await?;
    let bulk = Bulk { site: &site, tenant: &tenant, caller: &caller, key: key.as_ref(), action };
    let items: Vec<Value> = stream::iter(ids)
        .map(|id| async move {
            match bulk.apply(&id).await {
                Ok(answer) => answer,
                Err(error) => json!({ "task_id": id, "ok": false, "error": error.problem() }),
            }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    Ok(HttpResponse::Ok().json(json!({ "items": items, "next": next, "more": next.is_some() })))
}

fn action(fields: &Map<String, Value>) -> Result<Action, ApiError> {
    match fields.get("action").and_then(Value::as_str) {
        Some("cancel") => Ok(Action::Control(Control::Cancel)),
        Some("pause") => Ok(Action::Control(Control::Pause)),
        Some("resume") => Ok(Action::Control(Control::Resume)),
        Some("retry") => Ok(Action::Retry),
        Some("delete") => Ok(Action::Delete),
        _ => Err(wrong("/action", "must be one of cancel, pause, resume, retry, delete")),
    }
}

/// The ids, and the cursor of the filter that goes on if more tasks match than are taken at once.
type Chosen = (Vec<String>, Option<TaskId>);

async fn chosen(site: &Site, fields: &Map<String, Value>, tenant: &Tenant) -> Result<Chosen, ApiError> {
    match (fields.get("ids"), fields.get("filter")) {
        (Some(Value::Array(ids)), None) if ids.len() <= MOST_TASKS => {
            let ids: Option<Vec<_>> = ids.iter().map(|id| id.as_str().map(str::to_owned)).collect();
            ids.map(|ids| (ids, None)).ok_or_else(|| wrong("/ids", "must be a list of ids"))
        }
        (Some(Value::Array(ids)), None) => {
            Err(wrong("/ids", &format!("has {} items; at most {MOST_TASKS} are allowed", ids.len())))
        }
        (None, Some(Value::Object(filter))) => found(site, filter_of_json(filter, tenant.clone())?).await,
        _ => Err(wrong("/ids", "must be a list of ids, or else 'filter' an object")),
    }
}

async fn found(site: &Site, mut filter: TaskFilter) -> Result<Chosen, ApiError> {
    let mut ids = Vec::new();
    loop {
        filter.limit = filter.limit.min(MOST_TASKS - ids.len());
        let page = site.engine.store.list(&filter).await?;
        ids.extend(page.items.iter().map(|task| task.id.to_string()));
        match page.next {
            Some(next) if ids.len() < MOST_TASKS => filter.cursor = Some(next),
            next => return Ok((ids, next)),
        }
    }
}

/// What is done to each, and for whom.
#[derive(Clone, Copy)]
struct Bulk<'a> {
    site: &'a Site,
    tenant: &'a Tenant,
    caller: &'a Caller,
    key: Option<&'a IdempotencyKey>,
    action: Action,
}

impl Bulk<'_> {
    async fn apply(self, id: &str) -> Result<Value, ApiError> {
        let Self { site, tenant, caller, key, action } = self;
        let task = task_id(id)?;
        match action {
            Action::Control(control) => {
                let controlled = control_task(&site.engine, tenant, task, control).await;
                controlled.map_err(|refused| ApiError::of_control(refused, control))?;
                caller.note(verb_of(control), task);
                let record = site.task(tenant, task).await?;
                Ok(json!({ "task_id": task, "ok": true, "state": record.wire_state() }))
            }
            Action::Retry => {
                let idempotency = key.map(|key| key.of_part(id, &json!({ "retry_of": task })));
                let created = retry_task(&site.engine, tenant, task, idempotency).await?;
                caller.note("retry", task);
                Ok(json!({ "task_id": task, "ok": true, "retried_as": created.id }))
            }
            Action::Delete => {
                site.engine.store.delete(tenant, task).await.map_err(ApiError::of_delete)?;
                caller.note("delete", task);
                Ok(json!({ "task_id": task, "ok": true }))
            }
        }
    }
}

fn wrong(path: &str, message: &str) -> ApiError {
    ApiError::new(Reason::InvalidInputs, format!("{} {message}.", path.trim_start_matches('/'))).at(path, message)
}
