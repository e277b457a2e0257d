//! What a group has to tell the process once it is durable: rings, news and changes, in the order they came.

use caudal_engine::notification::Channel;
use caudal_engine::ports::{Bell, Feed, TaskChange};
use caudal_engine::task::{TaskId, Tenant};

#[derive(Debug)]
enum Announcement {
    Task(TaskId),
    Page { task: TaskId, first: u64, page: String, birth: Option<Tenant> },
    Gone(TaskId),
    Change(TaskChange),
}

#[derive(Debug, Default)]
pub(super) struct Announcements {
    line: bool,
    outbox: [bool; Channel::ALL.len()],
    others: Vec<Announcement>,
}

impl Announcements {
    pub(super) fn ring_line(&mut self) {
        self.line = true;
    }

    pub(super) fn rings_line(&self) -> bool {
        self.line
    }

    /// Whoever the ring would wake knows already.
    pub(super) fn spare_line(&mut self) {
        self.line = false;
    }

    pub(super) fn ring_outbox(&mut self, channel: Channel) {
        self.outbox[channel as usize] = true;
    }

    pub(super) fn ring_task(&mut self, task: TaskId) {
        self.others.push(Announcement::Task(task));
    }

    /// A page of a log, its first event under this number; with the tenant of a new task.
    pub(super) fn page(&mut self, task: TaskId, first: u64, page: String, birth: Option<Tenant>) {
        self.others.push(Announcement::Page { task, first, page, birth });
    }

    pub(super) fn gone(&mut self, task: TaskId) {
        self.others.push(Announcement::Gone(task));
    }

    pub(super) fn change(&mut self, change: TaskChange) {
        self.others.push(Announcement::Change(change));
    }

    pub(super) fn clear(&mut self) {
        self.line = false;
        self.outbox = Default::default();
        self.others.clear();
    }

    /// Tells all of it. Whether a task is watched is asked only now: who began to watch earlier may have read the
    /// store before the commit, who begins later will read it after.
    pub(super) fn tell(&mut self, bell: &Bell, feed: &Feed) {
        if std::mem::take(&mut self.line) {
            bell.ring_line();
        }
        for channel in Channel::ALL {
            if std::mem::take(&mut self.outbox[channel as usize]) {
                bell.ring_outbox(channel);
            }
        }
        for announcement in self.others.drain(..) {
            match announcement {
                Announcement::Task(task) => bell.ring_task(task),
                Announcement::Change(change) => feed.publish_change(change),
                Announcement::Page { task, first, page, birth } => feed.publish_page(task, first, page, birth),
                Announcement::Gone(task) => feed.forget(task),
            }
        }
    }
}
