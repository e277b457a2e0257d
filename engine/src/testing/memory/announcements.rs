//! What an operation has to tell the process once it is done: rings, news and changes, in the order they came.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::notification::Channel;
use crate::ports::{Bell, Feed, News, TaskChange};
use crate::task::{LogEntry, TaskId};

#[derive(Debug)]
enum Announcement {
    Line,
    Outbox(Channel),
    Task(TaskId),
    News(TaskId, Vec<LogEntry>),
    Change(TaskChange),
}

#[derive(Debug, Default)]
pub(super) struct Announcements(VecDeque<Announcement>);

impl Announcements {
    pub(super) fn ring_line(&mut self) {
        self.0.push_back(Announcement::Line);
    }

    pub(super) fn ring_outbox(&mut self, channel: Channel) {
        self.0.push_back(Announcement::Outbox(channel));
    }

    pub(super) fn ring_task(&mut self, task: TaskId) {
        self.0.push_back(Announcement::Task(task));
    }

    pub(super) fn news(&mut self, task: TaskId, entry: LogEntry) {
        match self.0.back_mut() {
            Some(Announcement::News(same, entries)) if *same == task => entries.push(entry),
            _ => self.0.push_back(Announcement::News(task, vec![entry])),
        }
    }

    pub(super) fn change(&mut self, change: TaskChange) {
        self.0.push_back(Announcement::Change(change));
    }

    /// Tells all of it. Whether a task is watched is asked only now: who began to watch earlier may have read the
    /// store before the operation, who begins later will read it after.
    pub(super) fn tell(self, bell: &Bell, feed: &Feed) {
        for announcement in self.0 {
            match announcement {
                Announcement::Line => bell.ring_line(),
                Announcement::Outbox(channel) => bell.ring_outbox(channel),
                Announcement::Task(task) => bell.ring_task(task),
                Announcement::Change(change) => feed.publish_change(change),
                Announcement::News(task, entries) if feed.is_watched(task) => {
                    let head = entries.last().map_or(0, |entry| entry.seq);
                    feed.publish(News { task, head, entries: Arc::from(entries) });
                }
                Announcement::News(..) => {}
            }
        }
    }
}
