//! What goes over a stream, as bytes: made once, shared by all who watch.
//!
//! `data` is always one line. A line break in JSON can only stand between its tokens, where a space means the same.

use std::fmt::Write;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use caudal_engine::task::{LogEntry, TaskId, TaskView};

/// Each stream begins with it: how long a browser waits before it comes back.
pub(super) const RETRY: Bytes = Bytes::from_static(b"retry: 1000\n\n");
/// Some task came, went on to another state or ended: whoever shows a list reads it again.
pub(super) const CHANGED: Bytes = Bytes::from_static(b"event: tasks.changed\ndata: {}\n\n");
/// In place of a comment for whoever asked for changes: a script does not see comments, and cannot tell a connection on
/// which nothing happens from one that is dead.
pub(super) const BEAT: Bytes = Bytes::from_static(b"event: beat\ndata: {}\n\n");
pub(super) const COMMENT: Bytes = Bytes::from_static(b":\n\n");

/// The view at a moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// Counts what this channel published.
    pub(super) number: u64,
    pub(super) seq: u64,
    pub(super) ended: bool,
    frame: Bytes,
    json: Range<usize>,
    /// For connections over many tasks, whose `id` is their own.
    named: OnceLock<Bytes>,
}

impl Snapshot {
    pub(super) fn of(view: &TaskView, number: u64) -> Self {
        let mut frame = format!("id: {}\ndata: ", view.seq).into_bytes();
        let from = frame.len();
        // A view holds only strings, numbers and JSON that was checked when it was made: this cannot fail.
        if let Err(error) = serde_json::to_writer(&mut frame, view) {
            tracing::error!(%error, "a view could not be written");
        }
        make_one_line(&mut frame[from..]);
        let json = from..frame.len();
        frame.extend_from_slice(b"\n\n");
        Self { number, seq: view.seq, ended: view.state.is_ended(), frame: frame.into(), json, named: OnceLock::new() }
    }

    pub(super) fn frame(&self) -> Bytes {
        self.frame.clone()
    }

    pub(super) fn shows_the_same_as(&self, other: &Self) -> bool {
        self.frame[self.json.clone()] == other.frame[other.json.clone()]
    }

    /// `data` with the task's id in front, without an `id` line.
    pub(super) fn named(&self, task: TaskId) -> Bytes {
        self.named.get_or_init(|| named_data(task, "", &self.frame[self.json.clone()])).clone()
    }
}

/// An event, framed when the first reader needs it.
#[derive(Debug)]
pub(super) struct EventFrame {
    pub(super) entry: LogEntry,
    frame: OnceLock<Bytes>,
    named: OnceLock<Bytes>,
}

impl EventFrame {
    pub(super) fn new(entry: LogEntry) -> Arc<Self> {
        Arc::new(Self { entry, frame: OnceLock::new(), named: OnceLock::new() })
    }

    pub(super) fn frame(&self) -> Bytes {
        self.frame
            .get_or_init(|| {
                let mut json = self.entry.wire().into_bytes();
                make_one_line(&mut json);
                let mut frame = format!("id: {}\nevent: {}\ndata: ", self.entry.seq, self.entry.kind()).into_bytes();
                frame.extend_from_slice(&json);
                frame.extend_from_slice(b"\n\n");
                frame.into()
            })
            .clone()
    }

    pub(super) fn named(&self, task: TaskId) -> Bytes {
        self.named
            .get_or_init(|| {
                let mut json = self.entry.wire().into_bytes();
                make_one_line(&mut json);
                named_data(task, &format!("event: {}\n", self.entry.kind()), &json)
            })
            .clone()
    }
}

/// Tells a reader of the log that what it has seen is not this log: it begins again at 1.
pub(super) fn log_reset(head: u64) -> Bytes {
    format!("id: 0\nevent: log.reset\ndata: {{\"kind\":\"log.reset\",\"head\":{head}}}\n\n").into()
}

pub(super) fn named_log_reset(task: TaskId, head: u64) -> Bytes {
    format!("event: log.reset\ndata: {{\"task\":\"{task}\",\"kind\":\"log.reset\",\"head\":{head}}}\n\n").into()
}

pub(super) fn id_line(id: &str) -> Bytes {
    format!("id: {id}\n").into()
}

fn named_data(task: TaskId, event: &str, json: &[u8]) -> Bytes {
    let mut data = String::with_capacity(event.len() + 64);
    // Writing into a string cannot fail.
    let _ = write!(data, "{event}data: {{\"task\":\"{task}\",");
    let mut data = data.into_bytes();
    data.extend_from_slice(json.get(1..).unwrap_or(b"}"));
    data.extend_from_slice(b"\n\n");
    data.into()
}

fn make_one_line(json: &mut [u8]) {
    for byte in json.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')) {
        *byte = b' ';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: JSON that was written over several lines stays one message.
    #[test]
    fn one_line() {
        let frame = EventFrame::new(LogEntry::new(3, "{\"kind\":\"custom\",\"data\":{\r\n \"a\": 1\n}}")).frame();
        assert_eq!(&*frame, b"id: 3\nevent: custom\ndata: {\"seq\":3,\"kind\":\"custom\",\"data\":{   \"a\": 1 }}\n\n");
    }
}
