//! Starts tasks: check the request → check the inputs → choose the id → store, all in one call for many.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::inputs::{Violation, check_input, secrets_of};
use super::readiness::Readiness;
use crate::engine::Engine;
use crate::flow::{FlowDefinition, Missing};
pub use crate::notification::{Notify, NotifyOn};
use crate::ports::{CreateRefused, Created, StoreError};
use crate::task::event::TaskCreated;
use crate::task::record::Idempotency;
use crate::task::{Fact, Json, NewTask, Priority, Summary, TaskOptions, Tenant, Timestamp, home_of_key, locale};

/// What no unique key of a client's may begin with: such keys are made here, and shown to nobody.
pub const OUR_KEYS: &str = "caudal:";

/// What a client asks for. The names are the wire's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    pub flow: String,
    #[serde(default)]
    pub inputs: Option<Value>,
    #[serde(default)]
    pub notify: Option<Notify>,
    #[serde(default)]
    pub delay_seconds: Option<f64>,
    #[serde(default)]
    pub priority: Option<Priority>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub unique_key: Option<String>,
    #[serde(default)]
    pub locale: Option<String>,
    #[serde(default)]
    pub max_cost: Option<f64>,
    #[serde(default)]
    pub max_tokens: Option<u64>,
    /// From the header, with the hash of the body.
    #[serde(skip)]
    pub idempotency: Option<Idempotency>,
}

#[derive(Debug, Clone, Error)]
pub enum StartError {
    #[error("there is no flow named '{flow}'")]
    UnknownFlow { flow: String, known: Vec<&'static str> },
    #[error("the inputs do not fit the flow '{flow}'")]
    InvalidInputs { flow: &'static str, violations: Vec<Violation> },
    #[error("{field}: {message}")]
    InvalidField { field: &'static str, message: String },
    #[error("the flow '{flow}' is not configured")]
    NotConfigured { flow: &'static str, missing: Vec<Missing> },
    #[error("the inputs have {bytes} bytes; at most {most} are allowed")]
    TooLarge { bytes: usize, most: usize },
    #[error(transparent)]
    Refused(#[from] CreateRefused),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Starts one task. When this returns, the task is stored durably.
pub async fn start_task(engine: &Engine, tenant: &Tenant, request: StartRequest) -> Result<Created, StartError> {
    let used = request.idempotency.clone();
    let task = match prepare(engine, tenant, request, &mut Readiness::of(engine)).await {
        Ok(task) => task,
        Err(refused) => return answered_before(engine, tenant, used.as_ref(), refused).await,
    };
    let mut answers = engine.store.create(vec![task]).await?;
    let answer = answers.pop().ok_or_else(|| StoreError::Corrupt("the store gave no answer".to_owned()))?;
    Ok(answer?)
}

/// Starts many in one call; each gets its id or its own error.
pub async fn start_tasks(
    engine: &Engine,
    tenant: &Tenant,
    requests: Vec<StartRequest>,
) -> Result<Vec<Result<Created, StartError>>, StoreError> {
    let mut readiness = Readiness::of(engine);
    let mut prepared = Vec::with_capacity(requests.len());
    let mut answered = Vec::with_capacity(requests.len());
    for request in requests {
        let used = request.idempotency.clone();
        match prepare(engine, tenant, request, &mut readiness).await {
            Ok(task) => {
                prepared.push(task);
                answered.push(None);
            }
            Err(refused) => answered.push(Some(answered_before(engine, tenant, used.as_ref(), refused).await)),
        }
    }
    let mut stored = if prepared.is_empty() { Vec::new() } else { engine.store.create(prepared).await? }.into_iter();
    Ok(answered
        .into_iter()
        .map(|answer| match answer {
            Some(answer) => answer,
            None => match stored.next() {
                Some(answer) => answer.map_err(StartError::Refused),
                None => Err(StoreError::Corrupt("the store gave too few answers".to_owned()).into()),
            },
        })
        .collect())
}

/// A repeat is answered as the first time, also when the request would be refused by now: its flow lacks something, is
/// gone, or takes other inputs.
pub(crate) async fn answered_before<E: From<StoreError>>(
    engine: &Engine,
    tenant: &Tenant,
    used: Option<&Idempotency>,
    refused: E,
) -> Result<Created, E> {
    let Some(used) = used else { return Err(refused) };
    match engine.store.created_under(tenant, used).await? {
        Some(first) => Ok(Created { id: first, new: false }),
        None => Err(refused),
    }
}

/// Everything that can be refused is refused here, before anything is stored.
async fn prepare(
    engine: &Engine,
    tenant: &Tenant,
    request: StartRequest,
    readiness: &mut Readiness<'_>,
) -> Result<NewTask, StartError> {
    let flow = engine
        .registry
        .find(&request.flow)
        .ok_or_else(|| StartError::UnknownFlow { flow: request.flow.clone(), known: engine.registry.names() })?;
    check_fields(engine, &request)?;
    let missing = readiness.missing(flow).await?;
    if !missing.is_empty() {
        return Err(StartError::NotConfigured { flow: flow.name, missing });
    }
    let inputs = match request.inputs {
        None | Some(Value::Null) => Value::Object(serde_json::Map::new()),
        Some(inputs) => inputs,
    };
    check_input(flow, &inputs).map_err(|violations| StartError::InvalidInputs { flow: flow.name, violations })?;
    let input: Json = inputs.into();
    let most = engine.limits.payload_bytes;
    if input.len() > most {
        return Err(StartError::TooLarge { bytes: input.len(), most });
    }
    let created_at = engine.clock.now();
    let delay = Duration::from_secs_f64(request.delay_seconds.unwrap_or(0.0));
    let home = home_of(engine, tenant, request.unique_key.as_deref(), request.idempotency.as_ref());
    let partition = home.unwrap_or_else(|| any_partition(engine));
    let notify = request.notify.as_ref().map(Json::of).transpose().unwrap_or_default();
    let secrets = secrets_of(flow, &input);
    Ok(NewTask {
        id: engine.ids.task_id(created_at, partition),
        priority: request.priority.unwrap_or_default(),
        due_at: created_at + delay,
        input,
        tags: request.tags,
        unique_key: request.unique_key,
        idempotency: request.idempotency,
        options: TaskOptions {
            notify,
            locale: request.locale,
            max_cost: request.max_cost.or(flow.options.max_cost),
            max_tokens: request.max_tokens.or(flow.options.max_tokens),
            deadline: deadline_of(flow, created_at + delay),
            secrets,
            ..TaskOptions::default()
        },
        ..first_task(flow, tenant, created_at, delay)
    })
}

/// A task of this flow with nothing asked for; its creator fills in the id and the rest.
pub(crate) fn first_task(flow: &'static FlowDefinition, tenant: &Tenant, now: Timestamp, delay: Duration) -> NewTask {
    let due_at = now + delay;
    let created = Fact::from(TaskCreated {
        flow: flow.name.into(),
        version: flow.version,
        retry_of: None,
        parent: None,
        continued_from: None,
        due_at: (!delay.is_zero()).then_some(due_at),
    });
    NewTask {
        id: crate::task::TaskId::from_bytes([0; 16]),
        tenant: tenant.clone(),
        flow: flow.name.into(),
        version: flow.version,
        priority: Priority::default(),
        created_at: now,
        due_at,
        input: Json::null(),
        tags: Vec::new(),
        unique_key: None,
        idempotency: None,
        parent: None,
        retry_of: None,
        options: TaskOptions {
            deadline: deadline_of(flow, due_at),
            max_cost: flow.options.max_cost,
            max_tokens: flow.options.max_tokens,
            ..TaskOptions::default()
        },
        events: vec![created.encode(now)],
        summary: Summary::default(),
    }
}

/// A deadline counts from the moment the task may begin.
fn deadline_of(flow: &FlowDefinition, due_at: Timestamp) -> Option<Timestamp> {
    flow.options.deadline().map(|deadline| due_at + deadline)
}

/// The partition that a task with these keys must live in. With both keys it is the unique one's: that is held as long
/// as the task is open, while an idempotency key only points to a task, wherever that is.
pub(crate) fn home_of(
    engine: &Engine,
    tenant: &Tenant,
    unique_key: Option<&str>,
    idempotency: Option<&Idempotency>,
) -> Option<u16> {
    let key = unique_key.or_else(|| idempotency.map(|used| &*used.key))?;
    Some(home_of_key(tenant, key, engine.store.partitions()))
}

pub(crate) fn any_partition(engine: &Engine) -> u16 {
    let partitions = u64::from(engine.store.partitions().max(1));
    u16::try_from(engine.ids.random() % partitions).unwrap_or(0)
}

fn check_fields(engine: &Engine, request: &StartRequest) -> Result<(), StartError> {
    let limits = &engine.limits;
    let wrong = |field, message: String| Err(StartError::InvalidField { field, message });
    const LONGEST_DELAY: f64 = 10.0 * 365.0 * 86_400.0;
    if let Some(delay) = request.delay_seconds
        && !(0.0..=LONGEST_DELAY).contains(&delay)
    {
        return wrong("delay_seconds", "must be between 0 and ten years".to_owned());
    }
    if request.tags.len() > limits.tags {
        return wrong("tags", format!("{} tags; at most {} are allowed", request.tags.len(), limits.tags));
    }
    if let Some(tag) = request.tags.iter().find(|tag| tag.is_empty() || tag.len() > limits.tag_bytes) {
        return wrong("tags", format!("'{tag}' must have 1 to {} bytes", limits.tag_bytes));
    }
    let key_fits = |key: &str| !key.is_empty() && key.len() <= limits.idempotency_key_bytes;
    if request.unique_key.as_deref().is_some_and(|key| !key_fits(key)) {
        return wrong("unique_key", format!("must have 1 to {} bytes", limits.idempotency_key_bytes));
    }
    if request.unique_key.as_deref().is_some_and(|key| key.starts_with(OUR_KEYS)) {
        return wrong("unique_key", format!("must not begin with '{OUR_KEYS}'"));
    }
    if request.idempotency.as_ref().is_some_and(|idempotency| !key_fits(&idempotency.key)) {
        return wrong("Idempotency-Key", format!("must have 1 to {} bytes", limits.idempotency_key_bytes));
    }
    if request.max_cost.is_some_and(|cost| cost.is_nan() || cost < 0.0) {
        return wrong("max_cost", "must not be negative".to_owned());
    }
    if request.locale.as_deref().is_some_and(|wanted| !locale::is_one(wanted)) {
        return wrong("locale", locale::FORM.to_owned());
    }
    let notify = request.notify.as_ref().map_or(Ok(()), |notify| notify.check(limits.notify_addresses));
    notify.or_else(|message| wrong("notify", message))
}
