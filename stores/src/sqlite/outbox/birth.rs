//! Births: with the write that causes them, or by a wish of their own.
//!
//! The outbox has many indexes, and a page of each would be written with every task that tells somebody. So a newborn is
//! put down in a table of its own, and all are put in line together: before a claim, before somebody looks, or when
//! they are many.

use caudal_engine::notification::{NewNotification, NotificationId, NotificationState};
use caudal_engine::ports::{Put, PutRefused};
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::{TaskId, Tenant};
use rusqlite::{Connection, params};

use super::super::fault::Fault;
use super::super::session::Session;

/// Newborns that are put in line together at the latest: few enough to hold up nobody.
const MOST_NEWBORNS: u64 = 256;

/// One that is there already is left as it is.
const LINE_UP: &str = "INSERT OR IGNORE INTO notifications (id, tenant, task, channel, state, due_at, created_at, \
    queued_at, attempts, tries, epoch, claim, recipient, body) \
    SELECT id, tenant, task, channel, 0, created_at, created_at, created_at, 0, 0, 0, 0, recipient, body \
    FROM newborn_notifications ORDER BY newborn RETURNING tenant";

impl Session<'_> {
    /// Puts them down with what causes them. In line they are from the next claim on, or when many are together.
    pub(in super::super) fn bear(
        &mut self,
        tenant: i64,
        task: Option<TaskId>,
        new: &[NewNotification],
    ) -> Result<(), Fault> {
        for NewNotification { id, channel, recipient, body } in new {
            self.connection
                .prepare_cached(
                    "INSERT INTO newborn_notifications (id, tenant, task, channel, created_at, recipient, body) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    id.as_bytes(),
                    tenant,
                    task.as_ref().map(TaskId::as_bytes),
                    *channel as i64,
                    self.now.as_millis(),
                    recipient,
                    body.text(),
                ])?;
            self.memory.outbox.count_newborn(tenant);
            self.announcements.ring_outbox(*channel);
        }
        if self.memory.outbox.newborns() >= MOST_NEWBORNS { self.line_up_newborns() } else { Ok(()) }
    }

    pub(super) fn line_up_newborns(&mut self) -> Result<(), Fault> {
        if self.memory.outbox.newborns() == 0 {
            return Ok(());
        }
        self.memory.outbox.forget_newborns();
        let mut statement = self.connection.prepare_cached(LINE_UP)?;
        let mut lined_up = statement.query([])?;
        while let Some(row) = lined_up.next()? {
            self.memory.outbox.count(row.get(0)?, NotificationState::Queued, 1);
        }
        self.connection.prepare_cached("DELETE FROM newborn_notifications")?.execute([])?;
        Ok(())
    }

    pub(super) fn put(
        &mut self,
        tenant: &Tenant,
        wish: &[NewNotification],
        idempotency: Option<&Idempotency>,
    ) -> Result<Result<Put, PutRefused>, Fault> {
        let Some(first) = wish.first().map(|new| new.id) else {
            return Ok(Ok(Put { first: NotificationId::from_bytes([0; 16]), new: false }));
        };
        let tenant = self.memory.names.add_tenant(self.connection, tenant)?;
        // Keys of starts and of wishes are the same keys: ids of both are as long.
        let named = TaskId::from_bytes(*first.as_bytes());
        match self.first_use(tenant, idempotency)? {
            Some(Ok(known)) => {
                let first = NotificationId::from_bytes(*known.as_bytes());
                return Ok(Ok(Put { first, new: false }));
            }
            // The one way in which a known key refuses.
            Some(Err(_)) => return Ok(Err(PutRefused::IdempotencyConflict)),
            None => {}
        }
        self.line_up_newborns()?;
        if self.is_born(first)? {
            return Ok(Ok(Put { first, new: false }));
        }
        if self.memory.outbox.open(tenant) >= self.limits.outbox_per_tenant {
            return Ok(Err(PutRefused::OutboxFull));
        }
        self.remember_use(tenant, idempotency, named)?;
        self.bear(tenant, None, wish)?;
        Ok(Ok(Put { first, new: true }))
    }

    fn is_born(&self, id: NotificationId) -> Result<bool, Fault> {
        Ok(self.connection.prepare_cached("SELECT 1 FROM notifications WHERE id = ?1")?.exists([id.as_bytes()])?)
    }
}

/// Whether some are not in line yet, so that no list has them.
pub(super) fn has_newborns(connection: &Connection) -> Result<bool, Fault> {
    Ok(connection.prepare_cached("SELECT 1 FROM newborn_notifications LIMIT 1")?.exists([])?)
}
