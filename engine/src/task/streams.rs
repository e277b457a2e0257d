//! The texts that a view shows: of running steps as they are written, and of those that ended last.
//!
//! As many steps may stream at once as a flow likes; a snapshot holds a bounded number of them, and together not more
//! than [`MOST_BYTES`]. A step that began when all places were taken by running ones is only counted: its text is in the
//! log like every other.

use std::collections::HashSet;
use std::sync::Arc;

use serde::ser::{Serialize, Serializer};

use super::event::Key;

/// Streams that are shown at once.
const MOST_STREAMS: usize = 64;
/// Finished streams that are still shown, so that words do not vanish when the next step begins.
const FINISHED_STREAMS: usize = 8;
/// The end of a stream that is shown.
const TAIL_BYTES: usize = 16 * 1024;
/// All ends together: of very many streams each shows less.
const MOST_BYTES: usize = 256 * 1024;

#[derive(Debug, Clone, Default)]
pub(super) struct Streams {
    shown: Vec<Stream>,
    /// Running steps that found no place.
    omitted: HashSet<Key>,
}

#[derive(Debug, Clone)]
struct Stream {
    step: Key,
    label: Arc<str>,
    text: String,
    running: bool,
}

impl Streams {
    /// `name` is the step's. Where two streams would share it, the later one has its key for a label.
    pub(super) fn write(&mut self, step: &Key, name: Option<&Arc<str>>, text: &str) {
        let at = match self.shown.iter().position(|stream| stream.step == *step) {
            Some(at) => at,
            None if !self.omitted.contains(step) && self.make_room() => {
                let name = name.unwrap_or(step);
                let is_taken = self.shown.iter().any(|stream| stream.label == *name);
                let label = if is_taken { step } else { name }.clone();
                self.shown.push(Stream { step: step.clone(), label, text: String::new(), running: true });
                self.shown.len() - 1
            }
            None => {
                self.omitted.insert(step.clone());
                return;
            }
        };
        let stream = &mut self.shown[at];
        stream.text.push_str(text);
        // Cut rarely, not at every chunk.
        if stream.text.len() > 2 * TAIL_BYTES {
            stream.text = tail(&stream.text, TAIL_BYTES).to_owned();
        }
    }

    /// Whether there is a place, if need be that of one that is finished. A step that found none is left out until it
    /// ends: it would be shown without its beginning.
    fn make_room(&mut self) -> bool {
        if self.shown.len() >= MOST_STREAMS {
            self.drop_oldest_finished();
        }
        self.shown.len() < MOST_STREAMS
    }

    fn drop_oldest_finished(&mut self) {
        if let Some(oldest) = self.shown.iter().position(|stream| !stream.running) {
            self.shown.remove(oldest);
        }
    }

    /// The attempt ended well: its text stays for a while.
    pub(super) fn finish(&mut self, step: &Key) {
        self.omitted.remove(step);
        for stream in self.shown.iter_mut().filter(|stream| stream.step == *step) {
            stream.running = false;
        }
        if self.shown.iter().filter(|stream| !stream.running).count() > FINISHED_STREAMS {
            self.drop_oldest_finished();
        }
    }

    /// The text so far counts for nothing.
    pub(super) fn void(&mut self, step: &Key) {
        self.omitted.remove(step);
        self.shown.retain(|stream| stream.step != *step);
    }

    pub(super) fn running(&self) -> Vec<Key> {
        let shown = self.shown.iter().filter(|stream| stream.running).map(|stream| stream.step.clone());
        shown.chain(self.omitted.iter().cloned()).collect()
    }

    pub(super) fn omitted(&self) -> usize {
        self.omitted.len()
    }
}

fn tail(text: &str, most: usize) -> &str {
    let mut from = text.len().saturating_sub(most);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.get(from..).unwrap_or_default()
}

impl Serialize for Streams {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let most = TAIL_BYTES.min(MOST_BYTES / self.shown.len().max(1));
        serializer.collect_map(self.shown.iter().map(|stream| (&stream.label, tail(&stream.text, most))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(number: usize) -> Key {
        format!("write#{number}").into()
    }

    fn write(streams: &mut Streams, number: usize, text: &str) {
        streams.write(&step(number), None, text);
    }

    /// Goal: ten thousand steps that stream at once are shown within bounds, with how many are left out; a place that
    /// becomes free is taken by who comes next, and nobody is shown without its beginning.
    #[test]
    fn bounded_however_many_stream() {
        let mut streams = Streams::default();
        for round in 0..3 {
            for number in 0..10_000 {
                write(&mut streams, number, &format!("{round}{}", "é".repeat(5_000)));
            }
        }
        let json = serde_json::to_string(&streams).unwrap();
        assert!(json.len() < MOST_BYTES + 64 * 32, "{}", json.len());
        assert_eq!((streams.shown.len(), streams.omitted()), (MOST_STREAMS, 10_000 - MOST_STREAMS));
        assert_eq!(streams.running().len(), 10_000);
        streams.finish(&step(0));
        streams.void(&step(1));
        write(&mut streams, 10_000, "new");
        write(&mut streams, 10_001, "newer");
        let labels: Vec<_> = streams.shown.iter().map(|stream| stream.label.clone()).collect();
        assert!(labels.contains(&step(10_000)) && labels.contains(&step(10_001)) && !labels.contains(&step(0)));
        for number in 0..10_002 {
            streams.finish(&step(number));
        }
        assert_eq!((streams.shown.len(), streams.omitted(), streams.running().len()), (FINISHED_STREAMS, 0, 0));
    }

    /// Goal: few streams show as much of their ends as ever.
    #[test]
    fn few_are_shown_with_long_ends() {
        let mut streams = Streams::default();
        write(&mut streams, 1, &"x".repeat(40_000));
        write(&mut streams, 2, "y");
        let json = serde_json::to_value(&streams).unwrap();
        assert_eq!(json["write#1"].as_str().unwrap().len(), TAIL_BYTES);
        assert_eq!(json["write#2"], "y");
    }
}
