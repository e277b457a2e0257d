//! The bell of a process: it wakes an idle worker when work is due, whoever sends notifications when there are some, and
//! the execution of a task when somebody else wrote into its log (a signal, a child's end, a control).
//!
//! A ring may be lost only between processes; a claim's answer names the next due time, so a lost one costs a
//! second, never a task.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::notification::Channel;
use crate::task::TaskId;

#[derive(Debug, Default)]
pub struct Bell {
    line: Notify,
    /// By channel.
    outbox: [Notify; Channel::ALL.len()],
    tasks: Mutex<HashMap<TaskId, Arc<Notify>>>,
}

impl Bell {
    /// New work may be due. A ring with nobody listening is kept for the next listener.
    pub fn ring_line(&self) {
        self.line.notify_one();
    }

    pub async fn line_rung(&self) {
        self.line.notified().await;
    }

    /// Notifications of this channel may be due. A ring with nobody listening is kept, as for the line.
    pub fn ring_outbox(&self, channel: Channel) {
        self.outbox[channel as usize].notify_one();
    }

    pub async fn outbox_rung(&self, channel: Channel) {
        self.outbox[channel as usize].notified().await;
    }

    /// There is news for a task; nothing happens if it is not running here.
    pub fn ring_task(&self, task: TaskId) {
        if let Some(notify) = self.tasks().get(&task) {
            notify.notify_one();
        }
    }

    /// Listens for news of a task until the returned ear is dropped.
    pub fn listen(self: &Arc<Self>, task: TaskId) -> Ear {
        let notify = Arc::new(Notify::new());
        self.tasks().insert(task, notify.clone());
        Ear { bell: self.clone(), task, notify }
    }

    fn tasks(&self) -> std::sync::MutexGuard<'_, HashMap<TaskId, Arc<Notify>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One execution's hold on the bell.
#[derive(Debug)]
pub struct Ear {
    bell: Arc<Bell>,
    task: TaskId,
    notify: Arc<Notify>,
}

impl Ear {
    pub async fn rung(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let mut tasks = self.bell.tasks();
        // A later execution of the same task may have taken the place.
        if tasks.get(&self.task).is_some_and(|notify| Arc::ptr_eq(notify, &self.notify)) {
            tasks.remove(&self.task);
        }
    }
}
