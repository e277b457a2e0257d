//! What goes over a stream, as bytes: made once, shared by all who watch.
//!
//! `data` is always one line. A line break in JSON can only stand between its tokens, where a space means the same.

use std::io::Write;
use std::ops::Range;
use std::sync::OnceLock;

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
        self.named.get_or_init(|| named_data(task, &self.frame[self.json.clone()])).clone()
    }
}

/// Events that became known together. They are framed together, when the first reader needs them: most of them go to
/// each reader in one piece.
#[derive(Debug)]
pub(super) struct Burst {
    entries: Vec<LogEntry>,
    framed: OnceLock<Framed>,
    /// For connections over many tasks: with the task's id, without an `id` line.
    named: OnceLock<Framed>,
}

#[derive(Debug)]
struct Framed {
    bytes: Bytes,
    /// Where each event's frame ends.
    ends: Vec<usize>,
}

impl Burst {
    /// Of entries in order and without a gap; at least one.
    pub(super) fn new(entries: Vec<LogEntry>) -> Self {
        Self { entries, framed: OnceLock::new(), named: OnceLock::new() }
    }

    pub(super) fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    /// The frames from this place on, but no more than about so many bytes, and the place behind them.
    pub(super) fn frames(&self, from: usize, most_bytes: usize) -> (Bytes, usize) {
        let framed = self.framed.get_or_init(|| Framed::of(&self.entries, frame));
        let begin = framed.begin(from);
        let fitting = framed.ends.partition_point(|end| *end <= begin + most_bytes);
        let to = fitting.max(from + 1);
        (framed.bytes.slice(begin..framed.begin(to)), to)
    }

    pub(super) fn named(&self, place: usize, task: TaskId) -> Bytes {
        let framed = self.named.get_or_init(|| {
            Framed::of(&self.entries, |entry, out| {
                out.extend_from_slice(b"event: ");
                out.extend_from_slice(entry.kind().as_bytes());
                let _ = write!(out, "\ndata: {{\"task\":\"{task}\",\"seq\":{},", entry.seq);
                finish(entry, out);
            })
        });
        framed.bytes.slice(framed.begin(place)..framed.begin(place + 1))
    }
}

impl Framed {
    fn of(entries: &[LogEntry], write: impl Fn(&LogEntry, &mut Vec<u8>)) -> Self {
        const AROUND_A_BODY: usize = 112;
        let size = entries.iter().map(|entry| entry.body.len() + AROUND_A_BODY).sum();
        let (mut bytes, mut ends) = (Vec::with_capacity(size), Vec::with_capacity(entries.len()));
        for entry in entries {
            write(entry, &mut bytes);
            ends.push(bytes.len());
        }
        Self { bytes: bytes.into(), ends }
    }

    fn begin(&self, place: usize) -> usize {
        place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0)
    }
}

fn frame(entry: &LogEntry, out: &mut Vec<u8>) {
    // Writing into a vector cannot fail.
    let _ = write!(out, "id: {}\nevent: ", entry.seq);
    out.extend_from_slice(entry.kind().as_bytes());
    let _ = write!(out, "\ndata: {{\"seq\":{},", entry.seq);
    finish(entry, out);
}

/// The rest of an entry's object, whose beginning was written, and the end of its message.
fn finish(entry: &LogEntry, out: &mut Vec<u8>) {
    let from = out.len();
    out.extend_from_slice(entry.body.as_bytes().get(1..).unwrap_or(b"}"));
    make_one_line(&mut out[from..]);
    out.extend_from_slice(b"\n\n");
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

fn named_data(task: TaskId, json: &[u8]) -> Bytes {
    let mut data = Vec::with_capacity(json.len() + 64);
    // Writing into a vector cannot fail.
    let _ = write!(data, "data: {{\"task\":\"{task}\",");
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

    fn burst(bodies: &[&str]) -> Burst {
        Burst::new((3..).zip(bodies).map(|(seq, body)| LogEntry::new(seq, *body)).collect())
    }

    /// Goal: JSON that was written over several lines stays one message.
    #[test]
    fn one_line() {
        let burst = burst(&["{\"kind\":\"custom\",\"data\":{\r\n \"a\": 1\n}}"]);
        let frame = b"id: 3\nevent: custom\ndata: {\"seq\":3,\"kind\":\"custom\",\"data\":{   \"a\": 1 }}\n\n";
        assert_eq!(burst.frames(0, 0), (Bytes::from_static(frame), 1));
    }

    /// Goal: however a burst is cut, each event is sent once, whole and in order.
    #[test]
    fn cut_anywhere() {
        let burst = burst(&["{\"kind\":\"log\"}", "{\"kind\":\"chunk\",\"text\":\"long\"}", "{\"kind\":\"log\"}"]);
        let (whole, end) = burst.frames(0, usize::MAX - 1_000);
        assert_eq!(end, 3);
        for most_bytes in 0..whole.len() + 2 {
            let (mut sent, mut place) = (Vec::new(), 0);
            while place < 3 {
                let (bytes, next) = burst.frames(place, most_bytes);
                assert!(next == place + 1 || bytes.len() <= most_bytes);
                assert!(bytes.starts_with(b"id: ") && bytes.ends_with(b"\n\n"));
                sent.extend_from_slice(&bytes);
                place = next;
            }
            assert_eq!(sent, whole);
        }
    }

    /// Goal: over a connection of many tasks an event says whose it is.
    #[test]
    fn with_the_task_s_name() {
        let task = TaskId::from_bytes([7; 16]);
        let named = burst(&["{\"kind\":\"log\"}", "{\"kind\":\"progress\"}"]).named(1, task);
        let expected = format!("event: progress\ndata: {{\"task\":\"{task}\",\"seq\":4,\"kind\":\"progress\"}}\n\n");
        assert_eq!(named, expected);
    }
}
