//! The rows of the tasks that are claimed in this process, as they will be when the group is committed.
//!
//! What a group changes is remembered, so that it can be taken back when the group fails.

use std::collections::HashMap;

use caudal_engine::task::TaskId;

use super::row::TaskRow;

#[derive(Debug, Default)]
pub(super) struct Running {
    rows: HashMap<TaskId, TaskRow>,
    /// What was there before each change since the last commit, oldest first.
    before: Vec<(TaskId, Option<TaskRow>)>,
}

impl Running {
    pub(super) fn get(&self, task: TaskId) -> Option<&TaskRow> {
        self.rows.get(&task)
    }

    pub(super) fn put(&mut self, row: TaskRow) {
        let task = row.id;
        let before = self.rows.insert(task, row);
        self.before.push((task, before));
    }

    pub(super) fn remove(&mut self, task: TaskId) {
        if let Some(before) = self.rows.remove(&task) {
            self.before.push((task, Some(before)));
        }
    }

    pub(super) fn commit(&mut self) {
        self.before.clear();
    }

    pub(super) fn roll_back(&mut self) {
        while let Some((task, before)) = self.before.pop() {
            match before {
                Some(row) => self.rows.insert(task, row),
                None => self.rows.remove(&task),
            };
        }
    }
}
