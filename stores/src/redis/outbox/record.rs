//! A notification's hash, read.

use caudal_engine::notification::{Channel, NotificationId, NotificationRecord, NotificationState};
use caudal_engine::ports::StoreError;
use caudal_engine::task::{Json, TaskId, Tenant, Timestamp};
use redis::Value;

use super::super::fault::unreadable;
use super::super::reply;
use super::super::scripts::channel_letter;

/// The record of what `HGETALL` has answered; none when it answered nothing.
pub(super) fn record_of(id: NotificationId, flat: Value) -> Result<Option<NotificationRecord>, StoreError> {
    let mut flat = reply::list(flat)?.into_iter().peekable();
    if flat.peek().is_none() {
        return Ok(None);
    }
    let mut record = NotificationRecord {
        id,
        tenant: Tenant::default(),
        task: None,
        channel: Channel::Mail,
        recipient: "".into(),
        state: NotificationState::Queued,
        attempts: 0,
        tries: 0,
        created_at: Timestamp::default(),
        queued_at: Timestamp::default(),
        due_at: None,
        ended_at: None,
        error: None,
        body: Json::null(),
    };
    let mut has_tries = false;
    while let (Some(name), Some(value)) = (flat.next(), flat.next()) {
        let name = reply::text(name)?;
        has_tries |= name == "tries";
        put(&mut record, &name, reply::text(value)?)?;
    }
    if !has_tries {
        // As the script that claims reads one that is older than the field.
        record.tries = record.attempts;
    }
    Ok(Some(record))
}

fn put(record: &mut NotificationRecord, name: &str, value: String) -> Result<(), StoreError> {
    match name {
        "tenant" => record.tenant = Tenant::new(value),
        "task" => record.task = task_of(&value)?,
        "channel" => record.channel = channel_of(&value)?,
        "recipient" => record.recipient = value.into(),
        "state" => record.state = state_of(&value)?,
        "attempts" => record.attempts = value.parse().map_err(unreadable)?,
        "tries" => record.tries = value.parse().map_err(unreadable)?,
        "created" => record.created_at = time_of(&value)?.unwrap_or_default(),
        "queued" => record.queued_at = time_of(&value)?.unwrap_or_default(),
        "due" => record.due_at = time_of(&value)?,
        "ended" => record.ended_at = time_of(&value)?,
        "error" => record.error = Some(value).filter(|error| !error.is_empty()),
        "body" => record.body = Json::from_text(value).map_err(unreadable)?,
        // Of the claims, which only scripts read.
        _ => {}
    }
    Ok(())
}

/// As a claim leaves it behind.
pub(super) fn claimed(mut record: NotificationRecord) -> NotificationRecord {
    record.state = NotificationState::Sending;
    record.attempts += 1;
    record.tries += 1;
    record.due_at = None;
    record
}

fn task_of(text: &str) -> Result<Option<TaskId>, StoreError> {
    Some(text).filter(|text| !text.is_empty()).map(|text| text.parse().map_err(unreadable)).transpose()
}

fn time_of(text: &str) -> Result<Option<Timestamp>, StoreError> {
    let millis = Some(text).filter(|text| !text.is_empty()).map(|text| text.parse().map_err(unreadable)).transpose()?;
    Ok(millis.map(Timestamp::from_millis))
}

fn channel_of(text: &str) -> Result<Channel, StoreError> {
    let found = Channel::ALL.into_iter().find(|channel| channel_letter(*channel) == text);
    found.ok_or_else(|| unreadable(format_args!("'{text}' is no channel")))
}

pub(super) fn state_of(text: &str) -> Result<NotificationState, StoreError> {
    NotificationState::parse(text).ok_or_else(|| unreadable(format_args!("'{text}' is no state of a notification")))
}

pub(super) fn id_of(text: Value) -> Result<NotificationId, StoreError> {
    reply::text(text)?.parse().map_err(unreadable)
}
