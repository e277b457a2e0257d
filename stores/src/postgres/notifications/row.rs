//! A notification's row: how it is written, and how it is read back.

use caudal_engine::notification::mailbox::key_of;
use caudal_engine::notification::{Channel, NotificationId, NotificationRecord, NotificationState};
use caudal_engine::task::{Json, Tenant, Timestamp};
use sqlx_core::query::Query;
use sqlx_core::row::Row;
use sqlx_postgres::{PgArguments, PgRow, Postgres};
use uuid::Uuid;

use super::super::fault::Fault;
use super::super::record::{id_of, uuid};
use super::super::text::{escaped, unescaped};

/// In the order in which [`record_of`] reads them.
pub(super) const COLUMNS: &str = "n.id, n.tenant, n.task, n.channel, n.state, n.attempts, n.recipient, n.created_at, \
    n.queued_at, n.ended_at, n.error, n.body";
pub(super) const INSERT: &str = "INSERT INTO notifications (id, tenant, task, channel, state, attempts, recipient, \
    recipient_key, created_at, queued_at, ended_at, error, body) \
    SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::uuid[], $4::int2[], $5::int2[], $6::int8[], $7::text[], \
    $8::text[], $9::int8[], $10::int8[], $11::int8[], $12::text[], $13::bytea[])";

pub(super) struct NewRow {
    pub(super) id: Uuid,
    pub(super) state: i16,
    tenant: String,
    task: Option<Uuid>,
    channel: i16,
    attempts: i64,
    recipient: String,
    recipient_key: String,
    created_at: i64,
    queued_at: i64,
    ended_at: i64,
    error: Option<String>,
    body: Vec<u8>,
}

impl NewRow {
    /// None of what is not final.
    pub(super) fn of(record: &NotificationRecord) -> Option<Self> {
        let ended_at = record.ended_at.filter(|_| record.state.is_final())?;
        let text = |text: &str| escaped(text).into_owned();
        Some(Self {
            id: uuid_of(record.id),
            state: record.state as i16,
            tenant: text(record.tenant.as_str()),
            task: record.task.map(uuid),
            channel: record.channel as i16,
            attempts: record.attempts.into(),
            recipient: text(&record.recipient),
            recipient_key: recipient_key(&record.recipient),
            created_at: record.created_at.as_millis(),
            queued_at: record.queued_at.as_millis(),
            ended_at: ended_at.as_millis(),
            error: record.error.as_deref().map(text),
            body: record.body.text().as_bytes().to_vec(),
        })
    }
}

/// By what a person's notifications are found.
pub(super) fn recipient_key(recipient: &str) -> String {
    escaped(&key_of(recipient)).into_owned()
}

type Insert<'q> = Query<'q, Postgres, PgArguments>;

/// With the rows as columns.
pub(super) fn bound<'q>(insert: Insert<'q>, rows: &'q [NewRow]) -> Insert<'q> {
    fn column<'r, T>(rows: &'r [NewRow], value: impl Fn(&'r NewRow) -> T) -> Vec<T> {
        rows.iter().map(value).collect()
    }
    insert
        .bind(column(rows, |row| row.id))
        .bind(column(rows, |row| row.tenant.as_str()))
        .bind(column(rows, |row| row.task))
        .bind(column(rows, |row| row.channel))
        .bind(column(rows, |row| row.state))
        .bind(column(rows, |row| row.attempts))
        .bind(column(rows, |row| row.recipient.as_str()))
        .bind(column(rows, |row| row.recipient_key.as_str()))
        .bind(column(rows, |row| row.created_at))
        .bind(column(rows, |row| row.queued_at))
        .bind(column(rows, |row| row.ended_at))
        .bind(column(rows, |row| row.error.as_deref()))
        .bind(column(rows, |row| row.body.as_slice()))
}

pub(super) fn record_of(row: &PgRow) -> Result<NotificationRecord, Fault> {
    let text = |at: usize| row.try_get::<String, _>(at).map(unescaped);
    let time = |at: usize| row.try_get::<i64, _>(at).map(Timestamp::from_millis);
    let body = String::from_utf8(row.try_get(11)?).map_err(Fault::unreadable)?;
    let attempts = u32::try_from(row.try_get::<i64, _>(5)?).map_err(Fault::unreadable)?;
    Ok(NotificationRecord {
        id: NotificationId::from_bytes(row.try_get::<Uuid, _>(0)?.into_bytes()),
        tenant: Tenant::new(text(1)?),
        task: row.try_get::<Option<Uuid>, _>(2)?.map(id_of),
        channel: channel_of(row.try_get(3)?)?,
        recipient: text(6)?.into(),
        state: state_of(row.try_get(4)?)?,
        attempts,
        // Nobody asks any more: sent again, it begins anew.
        tries: attempts,
        created_at: time(7)?,
        queued_at: time(8)?,
        due_at: None,
        ended_at: Some(time(9)?),
        error: row.try_get::<Option<String>, _>(10)?.map(unescaped),
        body: Json::from_text(body).map_err(Fault::unreadable)?,
    })
}

pub(super) fn state_of(number: i16) -> Result<NotificationState, Fault> {
    let found = NotificationState::ALL.into_iter().find(|state| *state as i16 == number);
    found.ok_or_else(|| Fault::unreadable(format_args!("no state of a notification has the number {number}")))
}

fn channel_of(number: i16) -> Result<Channel, Fault> {
    let found = Channel::ALL.into_iter().find(|channel| *channel as i16 == number);
    found.ok_or_else(|| Fault::unreadable(format_args!("no channel has the number {number}")))
}

pub(super) fn uuid_of(id: NotificationId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the numbers in the database keep their meaning, whatever is added to the engine.
    #[test]
    fn numbers_stay() {
        let states = [NotificationState::Sent, NotificationState::Failed, NotificationState::Suppressed];
        assert_eq!(states.map(|state| state as i16), [3, 4, 5]);
        assert_eq!([Channel::Mail, Channel::Webhook].map(|channel| channel as i16), [0, 1]);
    }
}
