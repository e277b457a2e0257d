//! Events of a log as they were written: together, a body per line.

use std::borrow::Cow;

use caudal_engine::task::LogEntry;

/// Some events of a log, in order: what one write wrote, or several together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    pub first: u64,
    pub count: u64,
    /// One body per line. A body is JSON, in which a raw line break can only stand between two tokens, so a space says the
    /// same.
    pub bodies: String,
}

impl LogPage {
    /// Of events that follow each other, if there is one.
    pub fn of(entries: &[LogEntry]) -> Option<Self> {
        let bodies: Vec<Cow<'_, str>> = entries.iter().map(|entry| one_line(&entry.body)).collect();
        Some(Self { first: entries.first()?.seq, count: entries.len() as u64, bodies: bodies.join("\n") })
    }

    /// The last number in it.
    pub fn head(&self) -> u64 {
        (self.first + self.count).saturating_sub(1)
    }

    pub fn entries(&self) -> impl Iterator<Item = LogEntry> {
        (self.first..).zip(self.bodies.split('\n')).map(|(seq, body)| LogEntry::new(seq, body))
    }
}

/// A body on a line of its own.
pub(crate) fn one_line(body: &str) -> Cow<'_, str> {
    if body.contains('\n') { body.replace('\n', " ").into() } else { body.into() }
}
