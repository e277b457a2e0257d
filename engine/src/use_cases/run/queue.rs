//! What a running task wants written, in order.
//!
//! Facts are queued and go out together: with the next fact that somebody awaits, or 25 ms after the last write was
//! answered. So the first of a burst goes once the flow has nothing more to do at the moment, be it a line or words of
//! text, and what follows goes together; 1 KiB of text goes without waiting. One write is under way at a time; what is
//! queued meanwhile goes with the next. The queue is bounded: who tells more waits for room.

use std::task::Waker;
use std::time::{Duration, Instant};

use crate::notification::NewNotification;
use crate::task::event::Chunk;
use crate::task::{Fact, Key, NewTask, Summary, Timestamp};

pub const RIDE_ALONG: Duration = Duration::from_millis(25);
const BURST_BYTES: usize = 1024;
/// Above this, tellers that can wait do.
const ROOMY_BYTES: usize = 256 * 1024;
/// Above this, lines of tellers that cannot wait are dropped and counted.
const FULL_BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug, Default)]
pub struct Queue {
    items: Vec<Item>,
    bytes: usize,
    chunk_bytes: usize,
    /// Somebody awaits what is queued.
    urgent: bool,
    oldest: Option<Instant>,
    /// When the last write was answered.
    answered: Option<Instant>,
    step_finished: bool,
    signals_taken: Vec<u64>,
    children: Vec<NewTask>,
    notifications: Vec<NewNotification>,
    compact_from: Option<u64>,
    /// Tickets: how many facts were ever queued, and how many are durable.
    queued: u64,
    durable: u64,
    waiting: Vec<Waker>,
    pub dropped_lines: u64,
}

#[derive(Debug)]
enum Item {
    Body(String),
    /// A chunk that went out and came back.
    Text {
        step: Key,
        body: String,
    },
    Chunk {
        at: Timestamp,
        chunk: Chunk,
    },
}

/// What rides beside a fact in the same atomic write.
#[derive(Debug, Default)]
pub struct Cargo {
    pub step_finished: bool,
    pub signal_taken: Option<u64>,
    pub child: Option<NewTask>,
    pub notifications: Vec<NewNotification>,
    pub compact_from: Option<u64>,
}

/// The content of one write.
#[derive(Debug)]
pub struct Batch {
    pub events: Vec<String>,
    pub step_finished: bool,
    pub signals_taken: Vec<u64>,
    pub children: Vec<NewTask>,
    pub notifications: Vec<NewNotification>,
    pub compact_from: Option<u64>,
    /// Steps whose text is in it, with the place of each chunk among the events, in order.
    pub chunks: Vec<(Key, usize)>,
    ticket: u64,
}

impl Queue {
    /// Queues a fact; returns its ticket.
    pub fn push(&mut self, at: Timestamp, fact: Fact, summary: &mut Summary) -> u64 {
        summary.apply(&fact);
        match fact {
            Fact::Chunk(chunk) => self.push_chunk(at, chunk),
            fact => {
                let body = fact.encode(at);
                self.bytes += body.len();
                self.items.push(Item::Body(body));
                self.queued += 1;
            }
        }
        self.oldest.get_or_insert_with(Instant::now);
        self.queued
    }

    /// How many events were ever queued.
    pub fn queued(&self) -> u64 {
        self.queued
    }

    /// A fact over the bounds is not written; whoever awaits it waits for what is queued before it.
    pub fn push_nothing(&self) -> u64 {
        self.queued
    }

    pub fn load(&mut self, cargo: Cargo) {
        self.step_finished |= cargo.step_finished;
        self.signals_taken.extend(cargo.signal_taken);
        self.children.extend(cargo.child);
        self.notifications.extend(cargo.notifications);
        self.compact_from = match (self.compact_from, cargo.compact_from) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    fn push_chunk(&mut self, at: Timestamp, chunk: Chunk) {
        self.bytes += chunk.text.len();
        self.chunk_bytes += chunk.text.len();
        // Text joins the same step's queued text, unless something else was told in between.
        for item in self.items.iter_mut().rev() {
            match item {
                Item::Chunk { chunk: queued, .. } if queued.step == chunk.step && queued.attempt == chunk.attempt => {
                    queued.text.push_str(&chunk.text);
                    return;
                }
                Item::Chunk { .. } => {}
                Item::Body(_) | Item::Text { .. } => break,
            }
        }
        self.items.push(Item::Chunk { at, chunk });
        self.queued += 1;
    }

    pub fn make_urgent(&mut self) {
        self.urgent = true;
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// When the queue should go out: `None` when it is empty.
    pub fn due(&self) -> Option<Instant> {
        let oldest = self.oldest?;
        if self.urgent || self.bytes >= ROOMY_BYTES || self.chunk_bytes >= BURST_BYTES {
            return Some(oldest);
        }
        match self.answered {
            // Never later than 25 ms after it was told: what came during a long write has waited already.
            Some(answered) => Some(oldest.max(answered.min(oldest) + RIDE_ALONG)),
            None if self.chunk_bytes > 0 => Some(oldest),
            // An execution begins with a write, that of its claim.
            None => Some(oldest + RIDE_ALONG),
        }
    }

    pub fn has_room(&self) -> bool {
        self.bytes < ROOMY_BYTES
    }

    pub fn is_full(&self) -> bool {
        self.bytes >= FULL_BYTES
    }

    /// Takes everything for one write.
    pub fn take(&mut self) -> Batch {
        let mut chunks = Vec::new();
        let items = std::mem::take(&mut self.items);
        let events = items
            .into_iter()
            .enumerate()
            .map(|(place, item)| match item {
                Item::Body(body) => body,
                Item::Text { step, body } => {
                    chunks.push((step, place));
                    body
                }
                Item::Chunk { at, chunk } => {
                    chunks.push((chunk.step.clone(), place));
                    Fact::Chunk(chunk).encode(at)
                }
            })
            .collect();
        self.bytes = 0;
        self.chunk_bytes = 0;
        self.urgent = false;
        self.oldest = None;
        Batch {
            events,
            step_finished: std::mem::take(&mut self.step_finished),
            signals_taken: std::mem::take(&mut self.signals_taken),
            children: std::mem::take(&mut self.children),
            notifications: std::mem::take(&mut self.notifications),
            compact_from: self.compact_from.take(),
            chunks,
            ticket: self.queued,
        }
    }

    /// A refused batch comes back to the front: nothing of it was applied.
    pub fn put_back(&mut self, batch: Batch) {
        let newer = std::mem::take(&mut self.items);
        self.bytes += batch.events.iter().map(String::len).sum::<usize>();
        let mut chunks = batch.chunks.into_iter().peekable();
        let events = batch.events.into_iter().enumerate().map(|(place, body)| {
            match chunks.next_if(|(_, chunk_place)| *chunk_place == place) {
                Some((step, _)) => Item::Text { step, body },
                None => Item::Body(body),
            }
        });
        self.items = events.chain(newer).collect();
        self.step_finished |= batch.step_finished;
        self.signals_taken.splice(0..0, batch.signals_taken);
        self.children.splice(0..0, batch.children);
        self.notifications.splice(0..0, batch.notifications);
        self.compact_from = self.compact_from.into_iter().chain(batch.compact_from).min();
        if !self.items.is_empty() {
            self.urgent = true;
            self.oldest.get_or_insert_with(Instant::now);
        }
    }

    /// The batch is durable: whoever awaited a fact of it goes on.
    pub fn settle(&mut self, batch: &Batch) {
        self.durable = self.durable.max(batch.ticket);
        self.answered = Some(Instant::now());
        self.wake_all();
    }

    /// Whoever waits looks again.
    pub fn wake_all(&mut self) {
        for waker in self.waiting.drain(..) {
            waker.wake();
        }
    }

    pub fn is_durable(&self, ticket: u64) -> bool {
        self.durable >= ticket
    }

    pub fn wake_on_settle(&mut self, waker: &Waker) {
        if !self.waiting.iter().any(|known| known.will_wake(waker)) {
            self.waiting.push(waker.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a line that is told after a while goes at once, one that is told right after a write waits for company, and
    /// so does the first of an execution, which begins with the write of its claim. The answer to a long write counts,
    /// not its sending; and what was told meanwhile does not wait anew.
    #[test]
    fn a_lone_line_goes_at_once() {
        let (mut queue, mut summary) = (Queue::default(), Summary::default());
        let mut tell = |queue: &mut Queue| {
            let line = crate::task::event::Progress { percent: 1, message: "on".into(), teller: Default::default() };
            queue.push(Timestamp::default(), line.into(), &mut summary);
            queue.oldest.unwrap()
        };
        let long_ago = Instant::now().checked_sub(RIDE_ALONG * 100).unwrap();
        let first = tell(&mut queue);
        assert_eq!(queue.due(), Some(first + RIDE_ALONG));

        let batch = queue.take();
        queue.settle(&batch);
        let answered = queue.answered.unwrap();
        queue.oldest = Some(answered);
        assert_eq!(queue.due(), Some(answered + RIDE_ALONG));

        queue.oldest = Some(long_ago);
        assert_eq!(queue.due(), Some(long_ago + RIDE_ALONG));

        queue.oldest = None;
        queue.answered = Some(long_ago);
        let lone = tell(&mut queue);
        assert_eq!(queue.due(), Some(lone));
    }

    /// Goal: a batch that comes back is sent again as it was, and still says where each step's text begins.
    #[test]
    fn a_refused_batch_goes_out_again_as_it_was() {
        let (mut queue, mut summary) = (Queue::default(), Summary::default());
        let at = Timestamp::default();
        let log = |message: &str| crate::task::event::Log {
            level: crate::task::LogLevel::Info,
            message: message.into(),
            teller: Default::default(),
        };
        queue.push(at, log("one").into(), &mut summary);
        queue.push(at, Chunk { step: "Write/1".into(), attempt: 1, text: "a".to_owned() }.into(), &mut summary);
        queue.load(Cargo { compact_from: Some(2), ..Cargo::default() });
        let ticket = queue.push(at, log("two").into(), &mut summary);
        let first = queue.take();
        let (events, chunks) = (first.events.clone(), first.chunks.clone());
        queue.load(Cargo { compact_from: Some(7), ..Cargo::default() });
        queue.put_back(first);
        assert!(queue.due().is_some_and(|due| due <= Instant::now()) && !queue.is_durable(ticket));
        let again = queue.take();
        assert_eq!((&again.events, &again.chunks, again.compact_from), (&events, &chunks, Some(2)));
        queue.settle(&again);
        assert!(queue.is_durable(ticket));
    }
}
