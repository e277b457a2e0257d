//! The view of a task, folded from its whole log: for those who ask once.

use caudal_engine::ports::{StoreError, TaskStore};
use caudal_engine::task::{TaskId, TaskView};

use super::pump::PAGE_BYTES;

pub(crate) async fn view_of(store: &dyn TaskStore, task: TaskId) -> Result<TaskView, StoreError> {
    let mut view = TaskView::default();
    loop {
        let entries = store.events(task, view.seq, PAGE_BYTES).await?;
        if entries.is_empty() {
            return Ok(view);
        }
        for entry in entries {
            match entry.event() {
                Ok(event) => {
                    view.apply(&event);
                }
                Err(_) => view.seq = entry.seq,
            }
        }
    }
}
