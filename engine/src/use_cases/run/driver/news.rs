//! What the driver learns: the answers to its writes, and what others wrote into the log meanwhile.

use super::super::hold::Order;
use super::super::queue::Batch;
use super::super::writer::Sent;
use super::super::{Backoff, ReadFailed, RunEnd, read_after};
use super::Driver;
use crate::ports::{StoreError, WriteRefused, Written};
use crate::task::Fact;

impl Driver {
    /// Takes in the answer to a write. Returns the end, if it was the end.
    pub(super) async fn settle(&mut self, sent: Sent) -> Option<RunEnd> {
        let Sent { batch, end, no_room, answer } = sent;
        match answer {
            Ok(written) => {
                self.number += 1;
                let gap = self.note_written(&batch, written, no_room);
                if end.is_some() {
                    return end;
                }
                if gap && !self.read_news(written.head).await {
                    return Some(RunEnd::Lost);
                }
                self.heed_flags(written.cancelling, written.pausing);
                None
            }
            Err(WriteRefused::NewsCame { head, cancelling, pausing }) => {
                self.letting_go = false;
                self.execution.state().queue.put_back(batch);
                if !self.read_news(head).await {
                    return Some(RunEnd::Lost);
                }
                self.heed_flags(cancelling, pausing);
                None
            }
            Err(WriteRefused::Stale | WriteRefused::Store(_)) => Some(RunEnd::Lost),
        }
    }

    /// Whether others wrote something in between.
    fn note_written(&mut self, batch: &Batch, written: Written, no_room: Option<StoreError>) -> bool {
        let mut guard = self.execution.state();
        let state = &mut *guard;
        if let Some(why) = no_room {
            self.letting_go = false;
            // Before anybody looks what is durable now: children are not.
            state.no_room = Some(why);
        }
        state.queue.settle(batch);
        for (step, place) in &batch.chunks {
            state.chunk_starts.entry(step.clone()).or_insert(written.first + *place as u64);
        }
        let gap = written.first != state.history.head + 1;
        if !gap {
            state.history.head = written.head;
        }
        gap
    }

    /// Reads what is new in the log, at least up to its head, and wakes the waits. False when the claim was lost meanwhile.
    async fn read_news(&mut self, head: u64) -> bool {
        let mut backoff = Backoff::default();
        loop {
            let read_to = self.execution.state().history.head;
            match read_after(&self.execution.engine, self.execution.task.id, read_to).await {
                Ok(events) if events.is_empty() => break,
                Ok(events) => {
                    let mut state = self.execution.state();
                    for event in events {
                        // The purse counts what this execution tells by itself; a child's end is told by the store.
                        if let Fact::ChildEnded(child) = &event.fact {
                            state.purse.spent.merge(&child.usage);
                        }
                        state.history.apply(event);
                    }
                }
                Err(ReadFailed::Unreadable(why)) => {
                    // Passed over only to say so: whoever runs the task next reads it again.
                    self.execution.state().history.head = read_to.max(head);
                    self.execution.cannot_go_on(why);
                    break;
                }
                Err(ReadFailed::Store(error)) => {
                    tracing::warn!(task.id = %self.execution.task.id, %error, "cannot read news yet");
                    tokio::select! {
                        () = backoff.pause() => {}
                        _ = self.hold.wait_for(|hold| hold.order == Order::Lost) => return false,
                    }
                }
            }
        }
        self.execution.announce_news();
        true
    }
}
