//! A task as clients see it in lists and alone.

use std::sync::Arc;

use caudal_engine::flow::Registry;
use caudal_engine::task::{Json, Priority, TaskId, TaskRecord, Timestamp, Wait, WireState, shown_waits};
use caudal_engine::use_cases::inputs::masked;
use caudal_engine::use_cases::start::OUR_KEYS;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct TaskJson {
    task_id: TaskId,
    flow: Arc<str>,
    version: u32,
    state: WireState,
    status: Arc<str>,
    progress: u8,
    cancelling: bool,
    pausing: bool,
    priority: Priority,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unique_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<TaskId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_of: Option<TaskId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continued_from: Option<TaskId>,
    /// The worker that runs it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    takeovers: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<Wait>,
    #[serde(skip_serializing_if = "is_none")]
    waiting_omitted: usize,
    /// The number of its newest event.
    head: u64,
    links: Links,
}

#[derive(Debug, Serialize)]
struct Links {
    #[serde(rename = "self")]
    task: String,
    status: String,
    events: String,
    result: String,
    flow: String,
}

impl TaskJson {
    pub(crate) fn of(record: TaskRecord) -> Self {
        let id = record.id;
        let (waiting, waiting_omitted) = shown_waits(&record.waits);
        let waiting = waiting.into_iter().cloned().collect();
        Self {
            task_id: id,
            state: record.wire_state(),
            version: record.version,
            status: record.summary.status,
            progress: record.summary.progress,
            cancelling: record.cancelling,
            pausing: record.pausing,
            priority: record.priority,
            created_at: record.created_at,
            due_at: record.due_at,
            started_at: record.started_at,
            ended_at: record.ended_at,
            tags: record.tags,
            unique_key: record.unique_key.filter(|key| !key.starts_with(OUR_KEYS)),
            parent: record.parent.map(|parent| parent.task),
            retry_of: record.retry_of,
            continued_from: record.options.continued_from,
            worker: record.claim.map(|(_, worker)| worker.to_string()),
            takeovers: record.takeovers,
            waiting,
            waiting_omitted,
            head: record.head,
            links: Links {
                task: format!("/tasks/{id}"),
                status: format!("/task-status/{id}/"),
                events: format!("/tasks/{id}/events"),
                result: format!("/tasks/{id}/result"),
                flow: format!("/flows/{}", record.flow),
            },
            flow: record.flow,
        }
    }
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

/// The input as it may be shown. Of a flow that is not known here nobody can tell what is secret: nothing is shown.
pub(crate) fn shown_input(registry: &Registry, record: &TaskRecord) -> Json {
    match registry.find(&record.flow) {
        Some(flow) => masked((flow.input_schema)(), &record.input),
        None => Json::null(),
    }
}
