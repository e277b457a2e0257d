//! The log, kept as elements of a list: one per write, its events' bodies on a line each. The very first element is what
//! never changes of the task.
//!
//! `<number of the first> <count>`, a line break, the bodies. An entry's number follows from its place, so elements may
//! be merged at any time and every reader still gets the same events with the same numbers.

use caudal_engine::ports::StoreError;
use caudal_engine::task::{LogEntry, TaskId};
use redis::Value;

use super::fault::unreadable;
use super::reply;
use super::scripts::EVENTS;
use super::store::RedisStore;
use crate::log_page::{LogPage, one_line};

/// Elements of a log that are read at once where all are wanted.
const BITE: usize = 32;

impl LogPage {
    pub(super) fn read(element: Vec<u8>) -> Result<Self, StoreError> {
        let mut text = String::from_utf8(element).map_err(unreadable)?;
        let end = text.find('\n').unwrap_or(text.len());
        let title = text.get(..end).and_then(|title| title.split_once(' '));
        let numbers = title.and_then(|(first, count)| Some((first.parse().ok()?, count.parse().ok()?)));
        let (first, count) = numbers.ok_or_else(|| unreadable("an element of a log has no numbers"))?;
        text.drain(..(end + 1).min(text.len()));
        Ok(Self { first, count, bodies: text })
    }

    /// As it is kept.
    pub(super) fn text<S: AsRef<str>>(first: u64, bodies: &[S]) -> String {
        let mut text = format!("{first} {}\n", bodies.len());
        text.reserve(bodies.iter().map(|body| body.as_ref().len() + 1).sum());
        add_lines(&mut text, bodies);
        text
    }
}

/// Bodies, one per line.
pub(super) fn lines_of<S: AsRef<str>>(bodies: &[S]) -> String {
    let mut lines = String::with_capacity(bodies.iter().map(|body| body.as_ref().len() + 1).sum());
    add_lines(&mut lines, bodies);
    lines
}

fn add_lines<S: AsRef<str>>(text: &mut String, bodies: &[S]) {
    for (place, body) in bodies.iter().enumerate() {
        if place > 0 {
            text.push('\n');
        }
        text.push_str(&one_line(body.as_ref()));
    }
}

/// Elements from the first one on: what never changes of the task, and its log.
pub(super) fn details_and_log(elements: Value) -> Result<(Vec<u8>, Vec<LogPage>), StoreError> {
    let mut elements = reply::list(elements)?.into_iter();
    let details = elements.next().ok_or_else(|| unreadable("it has no log"))?;
    let pages = elements.map(|element| LogPage::read(reply::bytes(element)?));
    Ok((reply::bytes(details)?, pages.collect::<Result<_, _>>()?))
}

impl RedisStore {
    pub(super) async fn read_events(
        &self,
        task: TaskId,
        after: u64,
        most_bytes: usize,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let partition = task.partition();
        let call = EVENTS.call(&self.keys.of(partition)).arg(task.to_string()).arg(after).arg(most_bytes);
        let elements = reply::list(self.nodes.call(partition, &call).await?)?;
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for element in elements {
            let page = LogPage::read(reply::bytes(element)?)?;
            for entry in page.entries().filter(|entry| entry.seq > after) {
                bytes += entry.body.len();
                if bytes > most_bytes && !entries.is_empty() {
                    return Ok(entries);
                }
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    pub(super) async fn read_last_event(&self, task: TaskId) -> Result<Option<LogEntry>, StoreError> {
        let mut command = redis::cmd("LINDEX");
        command.arg(self.keys.of_task("l", task)).arg(-1);
        match self.nodes.send(task.partition(), &command).await? {
            Value::Nil => Ok(None),
            element => Ok(LogPage::read(reply::bytes(element)?)?.entries().last()),
        }
    }

    /// The whole log of an ended task as it is kept, read in pieces: a long one must not keep the server, and everybody
    /// else's answers, for as long as all of it takes.
    pub(super) async fn read_pages(&self, task: TaskId) -> Result<Vec<LogPage>, StoreError> {
        let mut pages = Vec::new();
        loop {
            // The first element is no part of the log.
            let first = pages.len() + 1;
            let mut command = redis::cmd("LRANGE");
            command.arg(self.keys.of_task("l", task)).arg(first).arg(first + BITE - 1);
            let elements = reply::list(self.nodes.send(task.partition(), &command).await?)?;
            let is_last = elements.len() < BITE;
            for element in elements {
                pages.push(LogPage::read(reply::bytes(element)?)?);
            }
            if is_last {
                return Ok(pages);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: JSON that was sent with line breaks cannot be taken for two events.
    #[test]
    fn a_body_is_one_line() {
        let lines = lines_of(&["{\n\"a\": 1\n}", "{}"]);
        assert_eq!(lines, "{ \"a\": 1 }\n{}");
        let page = LogPage::read(format!("7 2\n{lines}").into_bytes()).unwrap();
        assert_eq!((page.first, page.count, page.head()), (7, 2, 8));
        assert_eq!(page.entries().last(), Some(LogEntry::new(8, "{}")));
        assert!(LogPage::read(b"seven".to_vec()).is_err());
    }
}
