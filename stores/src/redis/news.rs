//! What scripts publish, understood.

use std::str::FromStr;

use caudal_engine::notification::Channel;
use caudal_engine::ports::{News, StoreError, TaskChange};
use caudal_engine::task::{LogEntry, TaskId, Tenant};

use super::control::wire_state;
use super::fault::unreadable;
use super::scripts::channel_letter;
use crate::log_page::LogPage;

const ID_LENGTH: usize = 36;

/// A published message.
#[derive(Debug)]
pub(super) enum Message {
    /// Something may be due, if `line`; these tasks have news for whoever runs them; these show another state.
    /// In these channels notifications may be due.
    Bell { line: bool, senders: Vec<Channel>, tasks: Vec<TaskId>, changes: Vec<TaskChange> },
    /// New entries of a log; none when they are too long to be told.
    Log { task: TaskId, head: u64, entries: Vec<LogEntry> },
}

/// Partition and message of what was published on this channel; none on a channel that is not ours.
pub(super) fn read(prefix: &str, channel: &str, payload: &[u8]) -> Result<Option<(u16, Message)>, StoreError> {
    let place =
        channel.strip_prefix(prefix).and_then(|rest| rest.strip_prefix("{p")).and_then(|rest| rest.split_once("}:"));
    let Some((partition, kind)) = place else { return Ok(None) };
    let partition = partition.parse().map_err(unreadable)?;
    let message = match kind {
        "bell" => bell(payload)?,
        kind => match kind.strip_prefix("log:") {
            Some(task) => log(id(task)?, payload)?,
            None => return Ok(None),
        },
    };
    Ok(Some((partition, message)))
}

fn id(text: &str) -> Result<TaskId, StoreError> {
    TaskId::from_str(text).map_err(unreadable)
}

fn bell(payload: &[u8]) -> Result<Message, StoreError> {
    let text = std::str::from_utf8(payload).map_err(unreadable)?;
    let (rings, changed) = text.split_once('\n').ok_or_else(|| unreadable("half a ring"))?;
    let (line, ids) = rings.split_at_checked(1).ok_or_else(|| unreadable("an empty ring"))?;
    let senders = Channel::ALL.into_iter().filter(|channel| ids.contains(channel_letter(*channel))).collect();
    // No letter of a channel is a digit of an id.
    let ids = ids.trim_start_matches(|letter: char| !letter.is_ascii_hexdigit());
    let ids = ids.as_bytes().chunks(ID_LENGTH).map(|bytes| std::str::from_utf8(bytes).map_err(unreadable));
    let tasks = ids.map(|text| id(text?)).collect::<Result<_, _>>()?;
    Ok(Message::Bell { line: line == "l", senders, tasks, changes: changes(changed)? })
}

/// One after the other: id, state, length of the tenant, length of the flow, a line break, tenant, flow.
fn changes(mut text: &str) -> Result<Vec<TaskChange>, StoreError> {
    let mut changes = Vec::new();
    while !text.is_empty() {
        let (change, rest) = change(text).ok_or_else(|| unreadable("a change makes no sense"))?;
        changes.push(change);
        text = rest;
    }
    Ok(changes)
}

fn change(text: &str) -> Option<(TaskChange, &str)> {
    let (head, rest) = text.split_once('\n')?;
    let mut words = head.split(' ');
    let (task, state) = (words.next()?.parse().ok()?, wire_state(words.next()?).ok()?);
    let (tenant, rest) = rest.split_at_checked(words.next()?.parse().ok()?)?;
    let (flow, rest) = rest.split_at_checked(words.next()?.parse().ok()?)?;
    Some((TaskChange { task, tenant: Tenant::new(tenant), flow: flow.into(), state }, rest))
}

fn log(task: TaskId, payload: &[u8]) -> Result<Message, StoreError> {
    let is_told = payload.contains(&b'\n');
    let page = LogPage::read(payload.to_vec())?;
    let entries = if is_told { page.entries().collect() } else { Vec::new() };
    Ok(Message::Log { task, head: page.head(), entries })
}

/// The news in it that goes beyond `told`, if any does.
pub(super) fn beyond(task: TaskId, head: u64, mut entries: Vec<LogEntry>, told: u64) -> Option<News> {
    entries.retain(|entry| entry.seq > told);
    (head > told).then(|| News { task, head, entries: entries.into() })
}

#[cfg(test)]
mod tests {
    use caudal_engine::task::{Timestamp, WireState};

    use super::*;

    fn task(number: u64) -> TaskId {
        TaskId::from_parts(Timestamp::from_millis(1), 3, number)
    }

    fn read_ours(kind: &str, payload: &str) -> Message {
        let (partition, message) = read("x:", &format!("x:{{p3}}:{kind}"), payload.as_bytes()).unwrap().unwrap();
        assert_eq!(partition, 3);
        message
    }

    /// Goal: what scripts put together is taken apart again, with any text in it.
    #[test]
    fn messages_are_understood() {
        let (one, other) = (task(1), task(2));
        let bell = read_ours("bell", &format!("l{one}{other}\n"));
        let Message::Bell { line: true, tasks, changes, .. } = bell else { panic!("no bell") };
        assert!(tasks == [one, other] && changes.is_empty());
        let text = format!("-\n{one} PENDING 3 4\na\nbflow{other} SUCCESS 0 2\n\nx");
        let Message::Bell { line: false, tasks, changes, .. } = read_ours("bell", &text) else { panic!("no bell") };
        assert!(tasks.is_empty());
        let told: Vec<_> =
            changes.iter().map(|change| (change.task, change.state, change.tenant.as_str(), &*change.flow)).collect();
        assert_eq!(told, [(one, WireState::Pending, "a\nb", "flow"), (other, WireState::Success, "", "\nx")]);
        let log = read_ours(&format!("log:{one}"), "5 2\n{}\n{\"a\":1}");
        let Message::Log { task, head, entries } = log else { panic!("no log") };
        assert_eq!((task, head, entries.len()), (one, 6, 2));
        let news = beyond(task, head, entries.clone(), 5).unwrap();
        assert_eq!((news.head, news.entries.len(), news.entries[0].seq), (6, 1, 6));
        assert!(beyond(task, head, entries, 6).is_none());
        let long = read_ours(&format!("log:{one}"), "5 2");
        assert!(matches!(long, Message::Log { head: 6, entries, .. } if entries.is_empty()));
    }

    /// Goal: what is not ours is left alone, and nonsense is said to be nonsense.
    #[test]
    fn others_are_not_ours() {
        assert!(read("x:", "y:{p3}:bell", b"l").unwrap().is_none());
        assert!(read("x:", "x:{p3}:else", b"l").unwrap().is_none());
        for (channel, payload) in [("x:{p3}:bell", ""), ("x:{p3}:bell", "l\n1 2"), ("x:{p3}:log:1", "5 2")] {
            assert!(read("x:", channel, payload.as_bytes()).is_err(), "{channel}");
        }
    }
}
