//! Cancels, pauses and resumes tasks. Each can be repeated; what the state does not allow says what would be.

use crate::engine::Engine;
use crate::ports::{Control, ControlRefused};
use crate::task::{TaskId, TaskState, Tenant};

pub async fn control_task(
    engine: &Engine,
    tenant: &Tenant,
    task: TaskId,
    control: Control,
) -> Result<TaskState, ControlRefused> {
    let state = engine.store.control(tenant, task, control).await?;
    tracing::info!(task.id = %task, control = ?control, state = state.as_str(), "task controlled");
    Ok(state)
}
