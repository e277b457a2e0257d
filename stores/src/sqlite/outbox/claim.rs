//! Claiming: what is due longest in a channel. A claim belongs to this process: it needs no renewal.

use caudal_engine::notification::{Channel, NotificationId, NotificationState};
use caudal_engine::ports::{ClaimedNotification, ClaimedNotifications};
use caudal_engine::task::{Claim, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use tracing::error;

use super::super::columns::Columns;
use super::super::fault::Fault;
use super::super::names::Names;
use super::super::session::Session;
use super::row::{Held, record_columns, record_of};

const NEXT_DUE: &str = "SELECT notification, epoch FROM notifications \
    WHERE channel = ?1 AND due_at IS NOT NULL AND due_at <= ?2 ORDER BY due_at, notification LIMIT ?3";
const FIRST_IN_LINE: &str = "SELECT due_at FROM notifications WHERE channel = ?1 AND due_at IS NOT NULL \
    ORDER BY due_at LIMIT 1";
const BY_KEY: &str = concat!("SELECT ", record_columns!(), " FROM notifications n WHERE n.notification = ?1");

impl Session<'_> {
    pub(super) fn claim_notifications(&mut self, channel: Channel, most: usize) -> Result<ClaimedNotifications, Fault> {
        self.line_up_newborns()?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let due: Vec<(i64, u32)> = self
            .connection
            .prepare_cached(NEXT_DUE)?
            .query_map(params![channel as i64, self.now.as_millis(), most], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let mut claimed = ClaimedNotifications::default();
        for (key, epoch) in due {
            claimed.items.extend(self.give_notification(key, epoch + 1)?);
        }
        let first = self.connection.prepare_cached(FIRST_IN_LINE)?.query_row([channel as i64], |row| row.get(0));
        claimed.next_due = first.optional()?.map(Timestamp::from_millis);
        Ok(claimed)
    }

    fn give_notification(&mut self, key: i64, epoch: u32) -> Result<Option<ClaimedNotification>, Fault> {
        let mut record = match read(self.connection, key, &self.memory.names) {
            Ok(record) => record,
            Err(fault) if fault.is_of_a_row() => {
                error!(row = key, error = %fault, "A notification cannot be read; it is taken out of line");
                self.connection
                    .prepare_cached("UPDATE notifications SET due_at = NULL WHERE notification = ?1")?
                    .execute([key])?;
                return Ok(None);
            }
            Err(fault) => return Err(fault),
        };
        let claim = Claim { epoch, id: self.ids.random() };
        self.connection
            .prepare_cached(
                "UPDATE notifications SET state = 1, due_at = NULL, attempts = attempts + 1, tries = tries + 1, \
                 epoch = ?2, claim = ?3 WHERE notification = ?1",
            )?
            .execute(params![key, epoch, claim.id.cast_signed()])?;
        let tenant = self.memory.names.add_tenant(self.connection, &record.tenant)?;
        self.memory.outbox.count(tenant, record.state, -1);
        self.memory.outbox.count(tenant, NotificationState::Sending, 1);
        (record.state, record.due_at) = (NotificationState::Sending, None);
        record.attempts += 1;
        record.tries += 1;
        Ok(Some(ClaimedNotification { record, claim }))
    }
}

fn read(
    connection: &Connection,
    key: i64,
    names: &Names,
) -> Result<caudal_engine::notification::NotificationRecord, Fault> {
    let mut statement = connection.prepare_cached(BY_KEY)?;
    let mut rows = statement.query([key])?;
    let row = rows.next()?.ok_or_else(|| Fault::unreadable("a notification in line is not there"))?;
    record_of(&mut Columns::of(row), names)
}

pub(super) fn who_holds(connection: &Connection, claims: &[(NotificationId, Claim)]) -> Result<Vec<bool>, Fault> {
    let holds = |(id, claim): &(NotificationId, Claim)| {
        let held = Held::find(connection, *id)?;
        Ok(held.is_some_and(|held| held.state == NotificationState::Sending && held.claim == *claim))
    };
    claims.iter().map(holds).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::plans;
    use super::*;

    /// Goal: a claim seeks in the line's index, and never walks or sorts the line.
    #[test]
    fn a_claim_seeks() {
        for sql in [NEXT_DUE, FIRST_IN_LINE] {
            let plan = plans::plan_of(sql);
            assert!(plan.contains("notifications_in_line"), "{plan}");
            plans::assert_seeks(sql, &plan);
        }
    }
}
