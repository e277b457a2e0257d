//! The view of a task, folded from its whole log: for those who ask once.

use caudal_engine::ports::{StoreError, TaskStore};
use caudal_engine::task::{LogEntry, TaskId, TaskView};

use super::pump::PAGE_BYTES;

pub(crate) async fn view_of(store: &dyn TaskStore, task: TaskId) -> Result<TaskView, StoreError> {
    view_with(store, task, Vec::new()).await
}

/// The same, as of the record that the log came with; from the store if none came.
pub(crate) async fn view_with(
    store: &dyn TaskStore,
    task: TaskId,
    known: Vec<LogEntry>,
) -> Result<TaskView, StoreError> {
    let mut view = TaskView::default();
    if !known.is_empty() {
        fold(&mut view, &known);
        return Ok(view);
    }
    loop {
        let entries = store.events(task, view.seq, PAGE_BYTES).await?;
        if entries.is_empty() {
            return Ok(view);
        }
        fold(&mut view, &entries);
    }
}

fn fold(view: &mut TaskView, entries: &[LogEntry]) {
    for entry in entries {
        match entry.event() {
            Ok(event) => {
                view.apply(&event);
            }
            Err(_) => view.seq = entry.seq,
        }
    }
}
