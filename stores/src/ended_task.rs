//! An ended task with its whole log, on its way from the live part of a store to the kept one.

use caudal_engine::task::{LogEntry, TaskRecord};

use crate::log_page::LogPage;

#[derive(Debug, Clone)]
pub struct EndedTask {
    pub record: TaskRecord,
    pub log: Vec<LogPage>,
}

impl EndedTask {
    /// What it takes, about.
    pub fn bytes(&self) -> usize {
        self.log.iter().map(|page| page.bodies.len()).sum::<usize>() + self.record.input.len()
    }

    pub fn entries(&self) -> impl Iterator<Item = LogEntry> {
        self.log.iter().flat_map(LogPage::entries)
    }
}
