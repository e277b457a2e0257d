//! The outbox: notifications in the same file as the tasks they are about, so that they are born in the same commit.

mod birth;
mod claim;
mod counts;
mod list;
mod people;
mod row;
mod settle;
mod stats;
mod tidy;

use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::notification::{Channel, NewNotification, NotificationId, NotificationRecord};
use caudal_engine::ports::{
    Admission, ClaimedNotifications, MailOfAnHour, NotificationFilter, NotificationOutbox, NotificationPage,
    OutboxStats, Put, PutRefused, ResendRefused, SendOutcome, StoreError, Suppression,
};
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::{Claim, Tenant, WorkerId};
use rusqlite::Connection;
use tracing::warn;

pub(super) use counts::OutboxCounts;
pub(super) use tidy::take_over;

use super::fault::Fault;
use super::store::{SMALL, SqliteStore};

impl SqliteStore {
    /// Reads with everything in line that was born before.
    async fn read_outbox<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        if self.readers.read(birth::has_newborns).await?
            && let Err(error) = self.run(SMALL, |session| session.line_up_newborns()).await
        {
            warn!(%error, "The newest notifications cannot be put in line; they are missing in what is read");
        }
        self.readers.read(read).await
    }
}

#[async_trait]
impl NotificationOutbox for SqliteStore {
    fn outbox_lease(&self) -> Option<Duration> {
        None
    }

    async fn put(
        &self,
        tenant: &Tenant,
        wish: Vec<NewNotification>,
        idempotency: Option<Idempotency>,
    ) -> Result<Result<Put, PutRefused>, StoreError> {
        let tenant = tenant.clone();
        let bytes = wish.iter().map(|new| SMALL + new.body.len()).sum();
        self.run(bytes, move |session| session.put(&tenant, &wish, idempotency.as_ref())).await
    }

    async fn claim_notifications(
        &self,
        _worker: &WorkerId,
        channel: Channel,
        most: usize,
    ) -> Result<ClaimedNotifications, StoreError> {
        self.run(SMALL, move |session| session.claim_notifications(channel, most)).await
    }

    async fn renew_notifications(&self, claims: &[(NotificationId, Claim)]) -> Result<Vec<Option<bool>>, StoreError> {
        let claims = claims.to_vec();
        let held = self.readers.read(move |connection| claim::who_holds(connection, &claims)).await?;
        Ok(held.into_iter().map(Some).collect())
    }

    async fn admit(
        &self,
        tenant: &Tenant,
        address: &str,
        counted: Option<MailOfAnHour>,
    ) -> Result<Admission, StoreError> {
        let (tenant, address) = (tenant.clone(), address.to_owned());
        self.run(SMALL, move |session| session.admit(&tenant, &address, counted)).await
    }

    async fn settle(&self, id: NotificationId, claim: Claim, outcome: SendOutcome) -> Result<bool, StoreError> {
        self.run(SMALL, move |session| session.settle(id, claim, &outcome)).await
    }

    async fn resend(&self, tenant: &Tenant, id: NotificationId) -> Result<(), ResendRefused> {
        let tenant = tenant.clone();
        self.run(SMALL, move |session| session.resend(&tenant, id)).await?
    }

    async fn notification(
        &self,
        tenant: &Tenant,
        id: NotificationId,
    ) -> Result<Option<NotificationRecord>, StoreError> {
        let (names, tenant) = (self.names.clone(), tenant.clone());
        self.read_outbox(move |connection| list::one(connection, &names, &tenant, id)).await
    }

    async fn notifications(&self, filter: &NotificationFilter) -> Result<NotificationPage, StoreError> {
        let (names, filter) = (self.names.clone(), filter.clone());
        self.read_outbox(move |connection| list::page(connection, &names, &filter)).await
    }

    async fn suppress(&self, tenant: &Tenant, address: &str, reason: &str) -> Result<bool, StoreError> {
        let (tenant, address, reason) = (tenant.clone(), address.to_owned(), reason.to_owned());
        self.run(SMALL, move |session| session.suppress(&tenant, &address, &reason)).await
    }

    async fn unsuppress(&self, tenant: &Tenant, address: &str) -> Result<bool, StoreError> {
        let (tenant, address) = (tenant.clone(), address.to_owned());
        self.run(SMALL, move |session| session.unsuppress(&tenant, &address)).await
    }

    async fn suppressions(&self, tenant: &Tenant, after: &str, most: usize) -> Result<Vec<Suppression>, StoreError> {
        let (names, tenant, after) = (self.names.clone(), tenant.clone(), after.to_owned());
        self.readers.read(move |connection| people::suppressions(connection, &names, &tenant, &after, most)).await
    }

    async fn outbox_stats(&self) -> Result<OutboxStats, StoreError> {
        self.read_outbox(stats::stats).await
    }

    async fn clean_notifications(&self, keep: Duration, most: usize) -> Result<usize, StoreError> {
        self.run(SMALL, move |session| session.clean_notifications(keep, most)).await
    }
}
