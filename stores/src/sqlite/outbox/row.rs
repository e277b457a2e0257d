//! A notification's row, and how it is read.

use std::sync::Arc;

use caudal_engine::notification::{Channel, NotificationId, NotificationRecord, NotificationState};
use caudal_engine::task::{Claim, Json};
use rusqlite::{Connection, OptionalExtension};

use super::super::columns::Columns;
use super::super::fault::Fault;
use super::super::names::Names;

/// The columns of a record in the order in which [`record_of`] reads them.
macro_rules! record_columns {
    () => {
        "n.id, n.tenant, n.task, n.channel, n.state, n.due_at, n.created_at, n.queued_at, n.ended_at, n.attempts, \
         n.tries, n.recipient, n.error, n.body"
    };
}
pub(super) use record_columns;

pub(super) fn record_of(at: &mut Columns<'_>, names: &Names) -> Result<NotificationRecord, Fault> {
    Ok(NotificationRecord {
        id: NotificationId::from_bytes(at.value()?),
        tenant: names.tenant(at.value()?)?,
        task: at.maybe_id()?,
        channel: channel_of(at.value()?)?,
        state: state_of(at.value()?)?,
        due_at: at.maybe_time()?,
        created_at: at.time()?,
        queued_at: at.time()?,
        ended_at: at.maybe_time()?,
        attempts: at.value()?,
        tries: at.value()?,
        recipient: at.value::<Arc<str>>()?,
        error: at.value()?,
        body: Json::from_text(at.value::<String>()?).map_err(Fault::unreadable)?,
    })
}

/// What decides whether somebody may change it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) key: i64,
    pub(super) tenant: i64,
    pub(super) channel: Channel,
    pub(super) state: NotificationState,
    pub(super) claim: Claim,
}

impl Held {
    pub(super) fn find(connection: &Connection, id: NotificationId) -> Result<Option<Self>, Fault> {
        let mut statement = connection.prepare_cached(
            "SELECT notification, tenant, channel, state, epoch, claim FROM notifications WHERE id = ?1",
        )?;
        let columns = |row: &rusqlite::Row<'_>| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get::<_, i64>(5)?))
        };
        let Some((key, tenant, channel, state, epoch, claim)) =
            statement.query_row([id.as_bytes()], columns).optional()?
        else {
            return Ok(None);
        };
        let claim = Claim { epoch, id: claim.cast_unsigned() };
        Ok(Some(Self { key, tenant, channel: channel_of(channel)?, state: state_of(state)?, claim }))
    }
}

fn channel_of(number: i64) -> Result<Channel, Fault> {
    Channel::ALL
        .into_iter()
        .find(|channel| *channel as i64 == number)
        .ok_or_else(|| Fault::unreadable(format_args!("no channel has the number {number}")))
}

pub(super) fn state_of(number: i64) -> Result<NotificationState, Fault> {
    NotificationState::ALL
        .into_iter()
        .find(|state| *state as i64 == number)
        .ok_or_else(|| Fault::unreadable(format_args!("no state of a notification has the number {number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the numbers in the database keep their meaning, whatever is added to the engine.
    #[test]
    fn numbers_stay() {
        use NotificationState as S;
        let states = [S::Queued, S::Sending, S::Deferred, S::Sent, S::Failed, S::Suppressed];
        assert_eq!(states.map(|state| state as i64), [0, 1, 2, 3, 4, 5]);
        assert_eq!([Channel::Mail, Channel::Webhook].map(|channel| channel as i64), [0, 1]);
    }
}
