//! Sends a value to a task: check its size → hold it against the open wait's schema, if one is open → store.

use std::sync::Arc;

use serde_json::Value;
use thiserror::Error;

use super::inputs::{Violation, check_value};
use crate::engine::Engine;
use crate::flow::Approval;
use crate::ports::{NewSignal, SignalAccepted, SignalRefused};
use crate::task::{APPROVAL_PREFIX, Json, TaskId, TaskState, Tenant};

#[derive(Debug, Clone)]
pub struct SignalRequest {
    pub task: TaskId,
    pub name: String,
    pub value: Value,
    /// The sender's own id for it: a repeat does nothing.
    pub id: Option<String>,
}

#[derive(Debug, Clone, Error)]
pub enum SignalError {
    #[error("the value is not what the task waits for")]
    InvalidValue { violations: Vec<Violation> },
    #[error("the value has {bytes} bytes; at most {most} are allowed")]
    TooLarge { bytes: usize, most: usize },
    #[error("a signal's name has 1 to 255 bytes")]
    InvalidName,
    #[error(transparent)]
    Refused(#[from] SignalRefused),
}

pub async fn signal_task(
    engine: &Engine,
    tenant: &Tenant,
    request: SignalRequest,
) -> Result<SignalAccepted, SignalError> {
    if request.name.is_empty() || request.name.len() > 255 {
        return Err(SignalError::InvalidName);
    }
    let value = Json::from(request.value.clone());
    let most = engine.limits.payload_bytes;
    if value.len() > most {
        return Err(SignalError::TooLarge { bytes: value.len(), most });
    }
    check_against_open_wait(engine, tenant, &request).await?;
    let signal = NewSignal {
        task: request.task,
        name: request.name.into(),
        value,
        id: request.id.map(Arc::from),
        most_pending: engine.limits.pending_signals_per_name,
        most_events: engine.limits.events_per_task,
    };
    Ok(engine.store.signal(tenant, signal).await?)
}

/// A value for a wait that is open now is refused at the door; an early one is refused when it is consumed.
async fn check_against_open_wait(engine: &Engine, tenant: &Tenant, request: &SignalRequest) -> Result<(), SignalError> {
    if request.name.starts_with(APPROVAL_PREFIX) {
        // An approval is answered once, so a wrong answer must not get as far as being the answer.
        let schema = Json::of(&schemars::schema_for!(Approval)).unwrap_or_default();
        return check_value(&schema.to_value(), &request.value)
            .map_err(|violations| SignalError::InvalidValue { violations });
    }
    let task = engine.store.task(tenant, request.task).await.map_err(SignalRefused::Store)?;
    let Some(task) = task.filter(|task| task.state == TaskState::Waiting) else { return Ok(()) };
    let schema = task.waits.iter().find(|wait| wait.hears_signal(&request.name)).and_then(|wait| wait.schema.as_ref());
    match schema {
        Some(schema) => check_value(&schema.to_value(), &request.value)
            .map_err(|violations| SignalError::InvalidValue { violations }),
        None => Ok(()),
    }
}
