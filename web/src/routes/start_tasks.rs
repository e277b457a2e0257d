//! `POST /start-tasks`: starts many; each gets its id or its own error.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::task::TaskId;
use caudal_engine::use_cases::start::{self, StartRequest};
use serde_json::{Value, json};

use super::start_task::Started;
use crate::access::Caller;
use crate::api_error::{ApiError, ApiResult, Reason};
use crate::request::{IdempotencyKey, read_body, start_request, unknown_field};
use crate::site::{OfSite, Site};
use crate::tenant::tenant_of;

const MOST_TASKS: usize = 1_000;

pub(super) async fn start_tasks(site: OfSite, request: HttpRequest, payload: Payload) -> ApiResult {
    let body = read_body(&request, payload, site.bulk_bytes()).await?;
    let key = IdempotencyKey::of(&request, site.key_bytes())?;
    let asked: Vec<_> = requests(body.object()?)?
        .iter()
        .enumerate()
        .map(|(place, one)| {
            let mut asked = start_request(one)?;
            asked.idempotency = key.as_ref().map(|key| key.of_part(&place.to_string(), one));
            Ok(asked)
        })
        .collect();
    let well_formed: Vec<StartRequest> = asked.iter().filter_map(|one| one.as_ref().ok().cloned()).collect();
    let mut stored = start::start_tasks(&site.engine, &tenant_of(&request), well_formed).await?.into_iter();
    let caller = Caller::of(&request);
    let items: Vec<Value> = asked
        .into_iter()
        .map(|one| match one {
            Err(error) => item(Err(error)),
            Ok(_) => match stored.next() {
                Some(answer) => item(answer.map(|created| started(&site, &caller, created.id)).map_err(ApiError::from)),
                None => item(Err(ApiError::internal("the store gave too few answers"))),
            },
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items, "next": null })))
}

fn started(site: &Site, caller: &Caller, task: TaskId) -> Started {
    caller.note("start", task);
    Started::of(site, task)
}

fn requests(body: &serde_json::Map<String, Value>) -> Result<&Vec<Value>, ApiError> {
    if let Some(unknown) = body.keys().find(|name| *name != "tasks") {
        return Err(unknown_field(unknown, &["tasks"]));
    }
    let wrong = |message: &str| ApiError::new(Reason::InvalidInputs, format!("tasks {message}.")).at("/tasks", message);
    match body.get("tasks") {
        Some(Value::Array(tasks)) if tasks.len() <= MOST_TASKS => Ok(tasks),
        Some(Value::Array(tasks)) => {
            Err(wrong(&format!("has {} items; at most {MOST_TASKS} are allowed", tasks.len())))
        }
        _ => Err(wrong("must be a list of what /start-task takes")),
    }
}

fn item(outcome: Result<Started, ApiError>) -> Value {
    match outcome {
        Ok(started) => json!(started),
        Err(error) => json!(error.problem()),
    }
}
