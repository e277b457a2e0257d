//! Hearing what scripts publish, for the whole process: the bell of every partition, and the log of every task that
//! somebody watches.
//!
//! One task hears; another keeps the subscriptions as they should be: after a connection was made, when a partition has
//! moved, and, without waiting for the rest of that, when somebody begins to watch. Channels are of the sharded kind, so that in a cluster only the nodes that hold
//! a partition carry its news. Once a second the heads of all watched tasks are asked for in one go, so that a lost last
//! event hangs nobody, and whether the store has grown.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use caudal_engine::notification::Channel;
use caudal_engine::ports::{Bell, StoreError};
use caudal_engine::task::TaskId;
use futures_util::future::join_all;
use redis::{Cmd, PushInfo, PushKind, Value};
use tokio::sync::{Notify, mpsc};
use tokio::time::MissedTickBehavior;
use tracing::warn;

use super::keys::Keys;
use super::layout::Layout;
use super::link::{Heard, Published, error_of};
use super::news::{self, Message};
use super::nodes::{Node, Nodes};
use super::outbox::OutboxRounds;
use super::reply;
use super::rounds::Rounds;
use super::watches::{Place, Watches};

const BEAT: Duration = Duration::from_secs(1);
/// A connection that only listens is asked for a sign of life every so many beats.
const BEATS_PER_PING: u64 = 2;
/// Channels that are left at once: all others wait for Redis meanwhile.
const MOST_LEFT_AT_ONCE: usize = 256;

pub(super) struct Ears {
    pub(super) nodes: Arc<Nodes>,
    pub(super) keys: Arc<Keys>,
    pub(super) layout: Arc<Layout>,
    pub(super) rounds: Arc<Rounds>,
    pub(super) outbox_rounds: Arc<OutboxRounds>,
    pub(super) watches: Arc<Watches>,
    pub(super) bell: Arc<Bell>,
    /// A connection was made anew.
    pub(super) moved: Notify,
    /// Where each partition's bell is subscribed.
    pub(super) partitions: Mutex<HashMap<u16, Place>>,
    /// Tasks whose channels we ask a node to leave: that they are left says nothing about that node.
    pub(super) leaving: Mutex<Leaving>,
    /// Held while channels of tasks are left, and while those of new watchers are entered: who comes back is not taken for
    /// who goes. What is put in order needs it not: it runs in turn with the leaving, in the same task.
    pub(super) changing: tokio::sync::Mutex<()>,
}

/// Each with the node's address.
#[derive(Default)]
pub(super) struct Leaving(HashSet<(String, TaskId)>);

impl Leaving {
    fn forget_those_of(&mut self, address: &str) {
        self.0.retain(|(of, _)| of != address);
    }
}

impl Ears {
    /// Hears until the store is closed.
    pub(super) async fn hear(self: Arc<Self>, mut published: mpsc::UnboundedReceiver<Published>) {
        while let Some((from, heard)) = published.recv().await {
            match heard {
                Heard::Connected => {
                    // Of the others the answers are still to come.
                    self.leaving().forget_those_of(&from);
                    self.moved.notify_one();
                }
                Heard::Push(push) => self.take(&from, push),
            }
        }
    }

    fn take(&self, from: &str, push: PushInfo) {
        match push.kind {
            PushKind::SMessage => {
                let mut data = push.data.into_iter();
                if let (Some(Value::BulkString(channel)), Some(Value::BulkString(payload))) = (data.next(), data.next())
                {
                    self.read(&String::from_utf8_lossy(&channel), &payload);
                }
            }
            PushKind::Disconnection => self.give_up(from),
            // The node may have unsubscribed us by itself because it gives the slot away.
            PushKind::SUnsubscribe if self.still_wants(from, push.data.first()) => self.give_up(from),
            _ => {}
        }
    }

    fn read(&self, channel: &str, payload: &[u8]) {
        match news::read(self.keys.prefix(), channel, payload) {
            Ok(Some((partition, Message::Bell { line, senders, tasks, changes }))) => {
                changes.into_iter().for_each(|change| self.watches.feed.publish_change(change));
                tasks.into_iter().for_each(|task| self.bell.ring_task(task));
                for channel in senders {
                    self.outbox_rounds.of(channel).ring(partition);
                    self.bell.ring_outbox(channel);
                }
                if line {
                    self.rounds.ring(partition);
                    self.bell.ring_line();
                }
            }
            Ok(Some((_, Message::Log { task, head, entries }))) => self.watches.heard(task, head, entries),
            Ok(None) => {}
            Err(error) => warn!(%error, "something was published on our channels that is not ours"),
        }
    }

    fn still_wants(&self, from: &str, channel: Option<&Value>) -> bool {
        let Some(Value::BulkString(channel)) = channel else { return true };
        let channel = String::from_utf8_lossy(channel);
        match channel.rsplit_once(":log:") {
            Some((_, task)) => task.parse().is_ok_and(|task| {
                let is_left = self.leaving().0.remove(&(from.to_owned(), task));
                !is_left && self.watches.contains(task)
            }),
            None => true,
        }
    }

    fn give_up(&self, address: &str) {
        for node in self.nodes.all().iter().filter(|node| node.address == address) {
            node.ears.give_up();
        }
    }

    /// Keeps what is subscribed as it should be, until the store is closed.
    pub(super) async fn keep(self: Arc<Self>) {
        tokio::join!(self.welcome(), self.keep_in_order());
    }

    /// Whoever begins to watch does not wait until thousands of others were asked for.
    async fn welcome(&self) {
        loop {
            self.watches.wanted.notified().await;
            let _changing = self.changing.lock().await;
            self.settle_tasks(self.watches.take_arrivals()).await;
        }
    }

    async fn keep_in_order(&self) {
        let mut maps = self.nodes.changed.subscribe();
        let mut beats = tokio::time::interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beat = 0;
        loop {
            tokio::select! {
                () = self.moved.notified() => {}
                _ = maps.changed() => {}
                _ = beats.tick() => {
                    beat += 1;
                    self.beat(beat).await;
                }
            }
            self.settle().await;
        }
    }

    /// Subscribes what is not subscribed where it should be.
    pub(super) async fn settle(&self) {
        let partitions = 0..self.layout.partitions();
        let moved = join_all(partitions.map(|partition| self.settle_partition(partition))).await;
        if moved.contains(&true) {
            // Rings may have been lost meanwhile.
            self.rounds.forget();
            self.outbox_rounds.forget();
            self.bell.ring_line();
            Channel::ALL.into_iter().for_each(|channel| self.bell.ring_outbox(channel));
        }
        self.settle_tasks(self.watches.all()).await;
    }

    async fn settle_tasks(&self, watched: Vec<(TaskId, Option<Place>)>) {
        let elsewhere = watched.into_iter().filter_map(|(task, at)| {
            let (node, place) = self.place_of(task.partition())?;
            (at.as_ref() != Some(&place)).then_some((task, node, place))
        });
        join_all(elsewhere.map(|(task, node, place)| async move {
            let done = self.subscribe(&node, self.keys.of_task("log", task)).await;
            if done && self.watches.subscribed(task, place) {
                match self.head_of(task).await {
                    Ok(Some(head)) => self.watches.heard(task, head, Vec::new()),
                    Ok(None) => self.watches.saw_it_gone(task),
                    // The next beat asks again.
                    Err(_) => {}
                }
            }
        }))
        .await;
    }

    /// Nothing of a task that is not here (any more).
    async fn head_of(&self, task: TaskId) -> Result<Option<u64>, StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.keys.of_task("t", task)).arg("head");
        let head = self.nodes.send(task.partition(), &command).await?;
        Ok(reply::maybe_int(&head)?.map(i64::unsigned_abs))
    }

    /// Answers whether it was subscribed anew.
    async fn settle_partition(&self, partition: u16) -> bool {
        let Some((node, place)) = self.place_of(partition) else { return false };
        if self.partitions().get(&partition) == Some(&place) {
            return false;
        }
        let done = self.subscribe(&node, format!("{}bell", self.keys.of(partition))).await;
        if done {
            self.partitions().insert(partition, place);
        }
        done
    }

    fn place_of(&self, partition: u16) -> Option<(Arc<Node>, Place)> {
        let node = self.nodes.of(partition)?;
        let number = node.ears.number()?;
        let place = (node.address.clone(), number);
        Some((node, place))
    }

    async fn subscribe(&self, node: &Node, channel: String) -> bool {
        let mut command = Cmd::new();
        command.arg("SSUBSCRIBE").arg(channel);
        node.ears.send(&command).await.is_ok()
    }

    async fn beat(&self, beat: u64) {
        self.leave_abandoned().await;
        if self.nodes.misses_one() {
            self.nodes.read_map().await;
        }
        if let Err(error) = self.layout.refresh(&self.nodes, &self.keys).await {
            tracing::debug!(%error, "the store's layout cannot be read now");
        }
        self.ask_for_heads().await;
        if beat.is_multiple_of(BEATS_PER_PING) {
            // One that does not answer in time is made anew.
            join_all(self.nodes.all().iter().map(|node| async move { node.ears.send(&redis::cmd("PING")).await }))
                .await;
        }
    }

    /// Some at once: whoever begins to watch meanwhile waits for no more than these.
    async fn leave_abandoned(&self) {
        loop {
            let _changing = self.changing.lock().await;
            let abandoned = self.watches.drop_abandoned(MOST_LEFT_AT_ONCE);
            let is_last = abandoned.len() < MOST_LEFT_AT_ONCE;
            self.unsubscribe(abandoned).await;
            if is_last {
                return;
            }
        }
    }

    async fn ask_for_heads(&self) {
        let asking = self.watches.all().into_iter().map(|(task, _)| async move {
            match self.head_of(task).await {
                Ok(Some(head)) => self.watches.saw_head(task, head),
                Ok(None) => self.watches.saw_it_gone(task),
                Err(_) => {}
            }
        });
        join_all(asking).await;
    }

    /// All of a partition at once.
    async fn unsubscribe(&self, tasks: Vec<TaskId>) {
        let mut by_partition: HashMap<u16, Vec<TaskId>> = HashMap::new();
        for task in tasks {
            by_partition.entry(task.partition()).or_default().push(task);
        }
        for (partition, tasks) in by_partition {
            let Some(node) = self.nodes.of(partition) else { continue };
            // Each by a command of its own: one is answered by as many answers as it names channels, or by one error.
            let mut commands = redis::pipe();
            for task in &tasks {
                commands.cmd("SUNSUBSCRIBE").arg(self.keys.of_task("log", *task));
            }
            let leaving = tasks.into_iter().map(|task| (node.address.clone(), task));
            let leaving: HashSet<(String, TaskId)> = leaving.collect();
            self.leaving().0.extend(leaving.iter().cloned());
            let answers = node.ears.send_all(&commands).await;
            let are_right = |answers: Vec<Value>| answers.iter().all(|answer| error_of(answer).is_none());
            if !answers.is_ok_and(are_right) {
                self.leaving().0.retain(|left| !leaving.contains(left));
            }
        }
    }

    fn partitions(&self) -> std::sync::MutexGuard<'_, HashMap<u16, Place>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leaving(&self) -> std::sync::MutexGuard<'_, Leaving> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use caudal_engine::task::Timestamp;

    use super::*;

    /// Goal: that one node was connected to anew says nothing of what others are asked to leave.
    #[test]
    fn each_node_is_left_by_itself() {
        let task = TaskId::from_parts(Timestamp::default(), 0, 1);
        let (one, other) = (("one:1".to_owned(), task), ("other:1".to_owned(), task));
        let mut leaving = Leaving(HashSet::from([one, other.clone()]));
        leaving.forget_those_of("one:1");
        assert_eq!(leaving.0, HashSet::from([other]));
    }
}
