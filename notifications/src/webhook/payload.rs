//! What a call says: the event, and the task as everybody sees it at this moment.

use caudal_engine::Engine;
use caudal_engine::notification::{NotificationRecord, WebhookContent};
use caudal_engine::ports::StoreError;
use caudal_engine::task::{Json, TaskId, TaskView, Timestamp};
use serde::{Deserialize, Serialize};

const BYTES_AT_ONCE: usize = 1024 * 1024;

#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    kind: String,
    timestamp: Timestamp,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    task_id: Option<TaskId>,
    flow: &'a str,
    event: &'a Json,
    /// None when the task was forgotten meanwhile.
    task: Option<TaskView>,
}

pub(super) async fn payload(
    engine: &Engine,
    record: &NotificationRecord,
    content: &WebhookContent,
) -> Result<Vec<u8>, StoreError> {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    let kind = content.event.parse::<Kind>().map(|event| event.kind).unwrap_or_default();
    let task = match record.task {
        Some(task) => view_of(engine, record, task).await?,
        None => None,
    };
    let data = Data { task_id: record.task, flow: &content.flow, event: &content.event, task };
    let payload = Payload { kind, timestamp: record.created_at, data };
    serde_json::to_vec(&payload).map_err(|error| StoreError::Corrupt(error.to_string()))
}

async fn view_of(engine: &Engine, record: &NotificationRecord, task: TaskId) -> Result<Option<TaskView>, StoreError> {
    if engine.store.task(&record.tenant, task).await?.is_none() {
        return Ok(None);
    }
    // Folded as it is read: a log may be larger than what fits beside all other calls.
    let mut view = TaskView::of(&[]);
    loop {
        let entries = engine.store.events(task, view.seq, BYTES_AT_ONCE).await?;
        if entries.is_empty() {
            return Ok(Some(view));
        }
        for entry in entries {
            view.apply(&entry.event().map_err(|error| StoreError::Corrupt(error.to_string()))?);
        }
    }
}
