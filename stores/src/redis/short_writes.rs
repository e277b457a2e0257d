//! Short writes of running tasks go out together: what comes while others are under way is one call of one script.
//!
//! Who writes hands in and waits; one task, in the thread that keeps the connections, sends. It does so at once
//! while nothing is under way, so that nobody waits in an idle store, and else when a call is answered or another is full:
//! the busier the store, the more go together, and the less each costs. Each is applied, or not, by itself.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use caudal_engine::ports::{Clock, StoreError};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::Value;
use tokio::sync::{Notify, oneshot};

use super::fault::{down, unreadable};
use super::keys::Keys;
use super::nodes::Nodes;
use super::reply;
use super::scripts::SHORT_WRITES;
use super::settings::StoreTime;

/// Calls for one partition that are under way at once, as long as no more wait than one call takes; and at most.
const UNDER_WAY: usize = 1;
const MOST_UNDER_WAY: usize = 8;
/// Writes in one call, and about their bytes: it keeps all others waiting.
const MOST_TOGETHER: usize = 64;
const MOST_BYTES: usize = 256 * 1024;

struct Waiting {
    arguments: Vec<String>,
    answer: oneshot::Sender<Result<Value, StoreError>>,
}

impl Waiting {
    fn bytes(&self) -> usize {
        self.arguments.iter().map(String::len).sum()
    }
}

/// Of one partition.
#[derive(Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    /// Of those that wait.
    bytes: usize,
    under_way: usize,
}

impl Line {
    fn push(&mut self, waiting: Waiting) {
        self.bytes += waiting.bytes();
        self.waiting.push_back(waiting);
    }

    /// Whether something of what waits goes out now.
    fn may_go(&self) -> bool {
        let fill_a_call = self.waiting.len() >= MOST_TOGETHER || self.bytes >= MOST_BYTES;
        self.under_way < if fill_a_call { MOST_UNDER_WAY } else { UNDER_WAY }
    }

    /// What goes out now, if anything does.
    fn take(&mut self) -> Vec<Waiting> {
        let may_go = self.may_go();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while may_go && batch.len() < MOST_TOGETHER {
            let Some(next) = self.waiting.front() else { break };
            if bytes + next.bytes() > MOST_BYTES && !batch.is_empty() {
                break;
            }
            let Some(next) = self.waiting.pop_front() else { break };
            self.bytes -= next.bytes();
            // Else nobody waits for the answer any more.
            if !next.answer.is_closed() {
                bytes += next.bytes();
                batch.push(next);
            }
        }
        self.under_way += usize::from(!batch.is_empty());
        batch
    }
}

/// Each running task has one write at most: no more than these wait.
pub(super) struct ShortWrites {
    /// By partition, those with something in them; none once nobody sends any more.
    lines: Mutex<Option<HashMap<u16, Line>>>,
    wanted: Notify,
}

/// What it takes to send them.
pub(super) struct Sender {
    pub(super) nodes: Arc<Nodes>,
    pub(super) keys: Arc<Keys>,
    pub(super) time: StoreTime,
    pub(super) clock: Arc<dyn Clock>,
}

impl ShortWrites {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { lines: Mutex::new(Some(HashMap::new())), wanted: Notify::new() })
    }

    /// The script's answer to the write with these arguments.
    pub(super) async fn write(&self, partition: u16, arguments: Vec<String>) -> Result<Value, StoreError> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { arguments, answer };
        let goes = match self.lines().as_mut() {
            Some(lines) => {
                let line = lines.entry(partition).or_default();
                line.push(waiting);
                line.may_go()
            }
            None => return Err(closed()),
        };
        // Else it goes with the next answer: to wake the sender for it would be for nothing.
        if goes {
            self.wanted.notify_one();
        }
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Sends what is handed in, until it is dropped; what comes later is refused.
    pub(super) async fn send(self: Arc<Self>, sender: Sender) {
        let _closing = Closing(&self);
        let mut under_way = FuturesUnordered::new();
        loop {
            for (partition, batch) in self.take() {
                under_way.push(sender.send(partition, batch));
            }
            tokio::select! {
                () = self.wanted.notified() => {}
                Some(partition) = under_way.next() => self.answered(partition),
            }
        }
    }

    fn lines(&self) -> MutexGuard<'_, Option<HashMap<u16, Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Vec<(u16, Vec<Waiting>)> {
        let mut lines = self.lines();
        let mut batches = Vec::new();
        for (partition, line) in lines.iter_mut().flatten() {
            loop {
                let batch = line.take();
                if batch.is_empty() {
                    break;
                }
                batches.push((*partition, batch));
            }
        }
        batches
    }

    fn answered(&self, partition: u16) {
        let mut lines = self.lines();
        let Some(lines) = lines.as_mut() else { return };
        if let Some(line) = lines.get_mut(&partition) {
            line.under_way -= 1;
            if line.under_way == 0 && line.waiting.is_empty() {
                lines.remove(&partition);
            }
        }
    }
}

/// Nobody sends any more.
struct Closing<'a>(&'a ShortWrites);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        *self.0.lines() = None;
    }
}

fn closed() -> StoreError {
    down("the store is closed")
}

impl Sender {
    async fn send(&self, partition: u16, batch: Vec<Waiting>) -> u16 {
        let mut call = SHORT_WRITES.call(&self.keys.of(partition)).arg(self.time.turned(&*self.clock));
        for argument in batch.iter().flat_map(|waiting| &waiting.arguments) {
            call.push(argument);
        }
        let answers = match self.nodes.call(partition, &call).await.and_then(reply::list) {
            Ok(answers) if answers.len() == batch.len() => Ok(answers),
            Ok(answers) => Err(unreadable(format_args!("Redis answered {} of {} writes", answers.len(), batch.len()))),
            Err(error) => Err(error),
        };
        // Whoever has left meanwhile knows by its claim and the number whether it was applied.
        match answers {
            Ok(answers) => {
                batch.into_iter().zip(answers).for_each(|(waiting, answer)| drop(waiting.answer.send(Ok(answer))));
            }
            Err(error) => batch.into_iter().for_each(|waiting| drop(waiting.answer.send(Err(error.clone())))),
        }
        partition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hand_in(line: &mut Line, bytes: usize) -> oneshot::Receiver<Result<Value, StoreError>> {
        let (answer, answered) = oneshot::channel();
        line.push(Waiting { arguments: vec!["x".repeat(bytes)], answer });
        answered
    }

    /// Goal: few wait for the call before them, many go without waiting, and what is under way has a bound.
    #[test]
    fn the_busier_the_more_go_together() {
        let mut line = Line::default();
        let _first = hand_in(&mut line, 10);
        assert_eq!((line.take().len(), line.under_way), (1, 1));
        let few: Vec<_> = (0..10).map(|_| hand_in(&mut line, 10)).collect();
        assert!(line.take().is_empty());
        let _many: Vec<_> = (10..MOST_TOGETHER).map(|_| hand_in(&mut line, 10)).collect();
        drop(few);
        assert_eq!((line.take().len(), line.under_way), (MOST_TOGETHER - 10, 2), "whoever has left is left out");
        let _long: Vec<_> = (0..20).map(|_| hand_in(&mut line, MOST_BYTES)).collect();
        while line.take().len() == 1 {}
        assert_eq!((line.under_way, line.waiting.len()), (MOST_UNDER_WAY, 20 - (MOST_UNDER_WAY - 2)));
        line.under_way = 0;
        while line.take().len() == 1 {
            line.under_way = 0;
        }
        assert_eq!((line.bytes, line.waiting.len()), (0, 0));
    }
}
