//! Births: with the write that causes them, or by a wish of their own.

use caudal_engine::notification::{NewNotification, NotificationId, NotificationState};
use caudal_engine::ports::{Put, PutRefused};
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::{TaskId, Tenant};
use rusqlite::params;

use super::super::fault::Fault;
use super::super::session::Session;

impl Session<'_> {
    /// Puts them in line; one that is there already is left as it is. Answers how many are new.
    pub(in super::super) fn bear(
        &mut self,
        tenant: i64,
        task: Option<TaskId>,
        new: &[NewNotification],
    ) -> Result<usize, Fault> {
        let mut born = 0;
        for NewNotification { id, channel, recipient, body } in new {
            let inserted = self
                .connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO notifications (id, tenant, task, channel, state, due_at, created_at, \
                     queued_at, attempts, tries, epoch, claim, recipient, body) \
                     VALUES (?1, ?2, ?3, ?4, 0, ?5, ?5, ?5, 0, 0, 0, 0, ?6, ?7)",
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
            if inserted > 0 {
                self.memory.outbox.count(tenant, NotificationState::Queued, 1);
                self.announcements.ring_outbox(*channel);
                born += 1;
            }
        }
        Ok(born)
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
        if self.is_born(first)? {
            return Ok(Ok(Put { first, new: false }));
        }
        if self.memory.outbox.open(tenant) >= self.limits.outbox_per_tenant {
            return Ok(Err(PutRefused::OutboxFull));
        }
        self.remember_use(tenant, idempotency, named)?;
        let born = self.bear(tenant, None, wish)?;
        Ok(Ok(Put { first, new: born > 0 }))
    }

    fn is_born(&self, id: NotificationId) -> Result<bool, Fault> {
        Ok(self.connection.prepare_cached("SELECT 1 FROM notifications WHERE id = ?1")?.exists([id.as_bytes()])?)
    }
}
