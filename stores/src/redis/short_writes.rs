//! Short writes of running tasks go out together: what comes while others are under way is one call of one script.
//!
//! Who writes hands in and waits; one task, in the thread that keeps the connections, sends. It does so at once while
//! hardly anything is under way, so that nobody waits in an idle store, and else when an earlier call is answered: the
//! busier the store, the more go together, and the less each costs. Each is applied, or not, by itself.

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

/// Calls for one partition that are under way at once.
const MOST_UNDER_WAY: usize = 1;
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
    under_way: usize,
}

impl Line {
    /// What goes out now, if anything does.
    fn take(&mut self) -> Vec<Waiting> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while self.under_way < MOST_UNDER_WAY && batch.len() < MOST_TOGETHER {
            let Some(next) = self.waiting.pop_front() else { break };
            // Nobody waits for the answer any more.
            if next.answer.is_closed() {
                continue;
            }
            bytes += next.bytes();
            if bytes > MOST_BYTES && !batch.is_empty() {
                self.waiting.push_front(next);
                break;
            }
            batch.push(next);
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
        match self.lines().as_mut() {
            Some(lines) => lines.entry(partition).or_default().waiting.push_back(waiting),
            None => return Err(closed()),
        }
        self.wanted.notify_one();
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
