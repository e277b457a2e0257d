//! What becomes of an attempt, and of what failed for good.

use caudal_engine::notification::{NotificationId, NotificationState};
use caudal_engine::ports::{ResendRefused, SendOutcome};
use caudal_engine::task::{Claim, Tenant, Timestamp};
use rusqlite::params;

use super::super::columns::millis;
use super::super::fault::Fault;
use super::super::session::Session;
use super::row::Held;

impl Session<'_> {
    pub(super) fn settle(&mut self, id: NotificationId, claim: Claim, outcome: &SendOutcome) -> Result<bool, Fault> {
        let Some(held) = Held::find(self.connection, id)?.filter(|held| held.claim == claim) else { return Ok(false) };
        if held.state != NotificationState::Sending {
            // This claim has said already what became of it.
            return Ok(true);
        }
        let (state, due_at, error) = match outcome {
            SendOutcome::Sent => (NotificationState::Sent, None, None),
            SendOutcome::Deferred { due_at, error } => (NotificationState::Deferred, Some(*due_at), Some(error)),
            SendOutcome::Failed { error } => (NotificationState::Failed, None, Some(error)),
            SendOutcome::Suppressed { error } => (NotificationState::Suppressed, None, Some(error)),
            SendOutcome::Released { due_at } => return self.release_notification(&held, *due_at).map(|()| true),
        };
        let ended_at = state.is_final().then_some(self.now);
        self.connection
            .prepare_cached(
                "UPDATE notifications SET state = ?2, due_at = ?3, ended_at = ?4, error = ?5 WHERE notification = ?1",
            )?
            .execute(params![held.key, state as i64, millis(due_at), millis(ended_at), error])?;
        self.memory.outbox.count(held.tenant, NotificationState::Sending, -1);
        self.memory.outbox.count(held.tenant, state, 1);
        if due_at.is_some() {
            self.announcements.ring_outbox(held.channel);
        }
        Ok(true)
    }

    fn release_notification(&mut self, held: &Held, due_at: Timestamp) -> Result<(), Fault> {
        self.connection
            .prepare_cached(
                "UPDATE notifications SET state = 0, due_at = ?2, attempts = attempts - 1, tries = tries - 1 \
                 WHERE notification = ?1",
            )?
            .execute(params![held.key, due_at.as_millis()])?;
        self.memory.outbox.count(held.tenant, NotificationState::Sending, -1);
        self.memory.outbox.count(held.tenant, NotificationState::Queued, 1);
        self.announcements.ring_outbox(held.channel);
        Ok(())
    }

    pub(super) fn resend(&mut self, tenant: &Tenant, id: NotificationId) -> Result<Result<(), ResendRefused>, Fault> {
        self.line_up_newborns()?;
        let tenant = self.memory.names.find_tenant(tenant);
        let held = Held::find(self.connection, id)?.filter(|held| Some(held.tenant) == tenant);
        let Some(held) = held else { return Ok(Err(ResendRefused::NotFound)) };
        if !held.state.can_be_retried() {
            return Ok(Err(ResendRefused::WrongState { state: held.state }));
        }
        self.connection
            .prepare_cached(
                "UPDATE notifications SET state = 0, due_at = ?2, queued_at = ?2, ended_at = NULL, tries = 0 \
                 WHERE notification = ?1",
            )?
            .execute(params![held.key, self.now.as_millis()])?;
        self.memory.outbox.count(held.tenant, held.state, -1);
        self.memory.outbox.count(held.tenant, NotificationState::Queued, 1);
        self.announcements.ring_outbox(held.channel);
        Ok(Ok(()))
    }
}
