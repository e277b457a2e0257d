//! What a group has to tell the process once it is durable: rings, news and changes, in the order they came.

use caudal_engine::notification::Channel;
use caudal_engine::ports::{Bell, Feed, News, TaskChange};
use caudal_engine::task::{LogEntry, TaskId};

#[derive(Debug)]
enum Announcement {
    Task(TaskId),
    News { task: TaskId, first: u64, bodies: String },
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

    /// Bodies as a log page holds them, the first under this number.
    pub(super) fn news(&mut self, task: TaskId, first: u64, bodies: String) {
        self.others.push(Announcement::News { task, first, bodies });
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
                Announcement::News { task, first, bodies } if feed.is_watched(task) => {
                    let entries: Vec<LogEntry> =
                        (first..).zip(bodies.split('\n')).map(|(seq, body)| LogEntry::new(seq, body)).collect();
                    let head = entries.last().map_or(first, |entry| entry.seq);
                    feed.publish(News { task, head, entries: entries.into() });
                }
                Announcement::News { .. } => {}
            }
        }
    }
}
