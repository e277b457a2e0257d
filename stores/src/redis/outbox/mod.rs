//! The outbox: notifications beside the tasks they are about, in the same partition, so that one script bears both.

mod archive;
mod claim;
mod list;
mod people;
mod put;
mod record;
mod rounds;
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

pub(super) use rounds::OutboxRounds;

use super::store::{RedisStore, millis};

#[async_trait]
impl NotificationOutbox for RedisStore {
    fn outbox_lease(&self) -> Option<Duration> {
        Some(self.lease)
    }

    async fn put(
        &self,
        tenant: &Tenant,
        wish: Vec<NewNotification>,
        idempotency: Option<Idempotency>,
    ) -> Result<Result<Put, PutRefused>, StoreError> {
        self.put_wish(tenant, wish, idempotency).await
    }

    async fn claim_notifications(
        &self,
        _worker: &WorkerId,
        channel: Channel,
        most: usize,
    ) -> Result<ClaimedNotifications, StoreError> {
        self.claim_from_outbox(channel, most).await
    }

    async fn renew_notifications(&self, claims: &[(NotificationId, Claim)]) -> Result<Vec<Option<bool>>, StoreError> {
        self.renew_in_outbox(claims).await
    }

    async fn admit(
        &self,
        tenant: &Tenant,
        address: &str,
        counted: Option<MailOfAnHour>,
    ) -> Result<Admission, StoreError> {
        self.admit_address(tenant, address, counted).await
    }

    async fn settle(&self, id: NotificationId, claim: Claim, outcome: SendOutcome) -> Result<bool, StoreError> {
        self.settle_in_outbox(id, claim, outcome).await
    }

    async fn resend(&self, tenant: &Tenant, id: NotificationId) -> Result<(), ResendRefused> {
        self.resend_from_outbox(tenant, id).await
    }

    async fn notification(
        &self,
        tenant: &Tenant,
        id: NotificationId,
    ) -> Result<Option<NotificationRecord>, StoreError> {
        let found = match self.read_each(id.partition(), &[id]).await?.pop() {
            Some((_, read)) => read?,
            None => None,
        };
        Ok(found.filter(|record| record.tenant == *tenant))
    }

    async fn notifications(&self, filter: &NotificationFilter) -> Result<NotificationPage, StoreError> {
        self.notifications_page(filter).await
    }

    async fn suppress(&self, tenant: &Tenant, address: &str, reason: &str) -> Result<bool, StoreError> {
        self.suppress_address(tenant, address, Some(reason)).await
    }

    async fn unsuppress(&self, tenant: &Tenant, address: &str) -> Result<bool, StoreError> {
        self.suppress_address(tenant, address, None).await
    }

    async fn suppressions(&self, tenant: &Tenant, after: &str, most: usize) -> Result<Vec<Suppression>, StoreError> {
        self.list_suppressions(tenant, after, most).await
    }

    async fn outbox_stats(&self) -> Result<OutboxStats, StoreError> {
        self.read_outbox_stats().await
    }

    async fn clean_notifications(&self, keep: Duration, most: usize) -> Result<usize, StoreError> {
        let until = self.store_now().await?.saturating_sub(millis(keep));
        let old = self.ended_notifications(until, most).await?;
        self.forget_notifications(&old).await
    }
}
