//! What runs here now: each task with its claim and the hold by which it is told to let go.
//!
//! A task is written down before the claim that brought it is answered, so that the next claim already counts it,
//! and crossed out when its [`Place`] is dropped, however its execution ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use caudal_engine::ports::{ClaimedTask, RunningTask};
use caudal_engine::task::{Claim, TaskId, Timestamp};
use caudal_engine::use_cases::run::Hold;
use caudal_engine::use_cases::run::hold::Order;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct Running {
    tasks: Mutex<Tasks>,
    /// Something ended, or a suspect was cleared.
    pub(crate) changed: Notify,
}

#[derive(Debug, Default)]
struct Tasks {
    /// A task can be here twice: claimed again while an execution that lost it is still being dropped.
    running: HashMap<(TaskId, Claim), Entry>,
    /// By the flow's present name.
    by_flow: HashMap<&'static str, usize>,
    /// What everybody was ordered, and newcomers are too.
    standing_order: Option<Order>,
}

#[derive(Debug)]
struct Entry {
    flow: Arc<str>,
    counted_as: &'static str,
    since: Timestamp,
    hold: Hold,
    /// The newest event that was seen by a claim or a renewal.
    head: u64,
}

/// A running task whose claim was renewed.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) hold: Hold,
    /// Somebody wrote into its log since the last look, perhaps the task itself.
    pub(crate) newer: bool,
}

impl Running {
    /// Writes a claimed task down. `counted_as` is its flow's present name, for the flow's limit.
    pub(crate) fn begin(
        self: &Arc<Self>,
        claimed: &ClaimedTask,
        counted_as: &'static str,
        since: Timestamp,
        hold: Hold,
    ) -> Place {
        let key = (claimed.task.id, claimed.claim);
        let mut tasks = self.lock();
        if let Some(order) = tasks.standing_order {
            hold.order(order);
        }
        *tasks.by_flow.entry(counted_as).or_default() += 1;
        let (flow, head) = (claimed.task.flow.clone(), claimed.task.head);
        tasks.running.insert(key, Entry { flow, counted_as, since, hold, head });
        gauge(tasks.running.len());
        Place { running: self.clone(), key }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().running.len()
    }

    pub(crate) fn count_of(&self, flow: &str) -> usize {
        self.lock().by_flow.get(flow).copied().unwrap_or(0)
    }

    pub(crate) fn claims(&self) -> Vec<(TaskId, Claim)> {
        self.lock().running.keys().copied().collect()
    }

    /// Notes how long a task's log was when its claim was renewed; none if it runs no longer.
    pub(crate) fn saw_head(&self, task: TaskId, claim: Claim, head: u64) -> Option<Seen> {
        let mut tasks = self.lock();
        let entry = tasks.running.get_mut(&(task, claim))?;
        let newer = head > entry.head;
        entry.head = entry.head.max(head);
        Some(Seen { hold: entry.hold.clone(), newer })
    }

    /// Orders all that run now.
    pub(crate) fn order_all(&self, order: Order) {
        self.lock().running.values().for_each(|entry| entry.hold.order(order));
    }

    /// Orders all that run now, and all that will.
    pub(crate) fn order_all_from_now_on(&self, order: Order) {
        let mut tasks = self.lock();
        tasks.standing_order = Some(order);
        tasks.running.values().for_each(|entry| entry.hold.order(order));
    }

    /// Oldest first.
    pub(crate) fn list(&self) -> Vec<RunningTask> {
        let tasks = self.lock();
        let entries = tasks.running.iter();
        let mut list: Vec<RunningTask> = entries
            .map(|((task, _), entry)| RunningTask { task: *task, flow: entry.flow.clone(), since: entry.since })
            .collect();
        list.sort_by_key(|running| (running.since, running.task));
        list
    }

    fn lock(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running task's place in the list.
#[derive(Debug)]
pub(crate) struct Place {
    running: Arc<Running>,
    key: (TaskId, Claim),
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut tasks = self.running.lock();
        if let Some(entry) = tasks.running.remove(&self.key)
            && let Some(count) = tasks.by_flow.get_mut(entry.counted_as)
        {
            *count -= 1;
        }
        gauge(tasks.running.len());
        drop(tasks);
        self.running.changed.notify_one();
    }
}

fn gauge(running: usize) {
    metrics::gauge!("caudal_tasks_running").set(running as f64);
}
