//! The two parts as one [`NotificationOutbox`]: what is to be sent is live, what became of it is kept.
//!
//! As with tasks, reads ask the live part first: a notification is kept before the live part lets go of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use caudal_engine::notification::{Channel, NewNotification, NotificationId, NotificationRecord};
use caudal_engine::ports::{
    Admission, ClaimedNotifications, MailOfAnHour, NotificationFilter, NotificationOutbox, NotificationPage,
    OutboxStats, Put, PutRefused, ResendRefused, SendOutcome, StoreError, Suppression,
};
use caudal_engine::task::record::Idempotency;
use caudal_engine::task::{Claim, Tenant, WorkerId};

use super::live::LiveOutbox;
use super::pages;
use crate::postgres::PostgresStore;

pub struct LiveAndKeptOutbox {
    live: Arc<dyn LiveOutbox>,
    kept: Arc<PostgresStore>,
}

impl LiveAndKeptOutbox {
    pub fn new(live: Arc<dyn LiveOutbox>, kept: Arc<PostgresStore>) -> Self {
        Self { live, kept }
    }

    /// Into the line first: a crash in between leaves it in both, where the live one counts.
    async fn resend_kept(&self, tenant: &Tenant, id: NotificationId) -> Result<(), ResendRefused> {
        let record = self.kept.notification(tenant, id).await?.ok_or(ResendRefused::NotFound)?;
        if !record.state.can_be_retried() {
            return Err(ResendRefused::WrongState { state: record.state });
        }
        self.live.restore(&record).await?;
        if let Err(error) = self.kept.forget_notification(id).await {
            tracing::debug!(%error, "a notification that is sent again is kept as it was before, until it has ended");
        }
        Ok(())
    }
}

#[async_trait]
impl NotificationOutbox for LiveAndKeptOutbox {
    fn outbox_lease(&self) -> Option<Duration> {
        self.live.outbox_lease()
    }

    async fn put(
        &self,
        tenant: &Tenant,
        wish: Vec<NewNotification>,
        idempotency: Option<Idempotency>,
    ) -> Result<Result<Put, PutRefused>, StoreError> {
        self.live.put(tenant, wish, idempotency).await
    }

    async fn claim_notifications(
        &self,
        worker: &WorkerId,
        channel: Channel,
        most: usize,
    ) -> Result<ClaimedNotifications, StoreError> {
        self.live.claim_notifications(worker, channel, most).await
    }

    async fn renew_notifications(&self, claims: &[(NotificationId, Claim)]) -> Result<Vec<Option<bool>>, StoreError> {
        self.live.renew_notifications(claims).await
    }

    async fn admit(
        &self,
        tenant: &Tenant,
        address: &str,
        counted: Option<MailOfAnHour>,
    ) -> Result<Admission, StoreError> {
        self.live.admit(tenant, address, counted).await
    }

    async fn settle(&self, id: NotificationId, claim: Claim, outcome: SendOutcome) -> Result<bool, StoreError> {
        self.live.settle(id, claim, outcome).await
    }

    async fn resend(&self, tenant: &Tenant, id: NotificationId) -> Result<(), ResendRefused> {
        match self.live.resend(tenant, id).await {
            Err(ResendRefused::NotFound) => self.resend_kept(tenant, id).await,
            answer => answer,
        }
    }

    async fn notification(
        &self,
        tenant: &Tenant,
        id: NotificationId,
    ) -> Result<Option<NotificationRecord>, StoreError> {
        match self.live.notification(tenant, id).await? {
            None => self.kept.notification(tenant, id).await,
            found => Ok(found),
        }
    }

    /// Without the kept part, what is live.
    async fn notifications(&self, filter: &NotificationFilter) -> Result<NotificationPage, StoreError> {
        let live = self.live.notifications(filter).await?;
        match self.kept.notifications(filter).await {
            Ok(kept) => Ok(pages::merge_notifications(live, kept, filter.limit)),
            Err(error) => {
                tracing::debug!(%error, "a list is partial: the kept notifications cannot be read");
                Ok(NotificationPage { partial: true, ..live })
            }
        }
    }

    async fn suppress(&self, tenant: &Tenant, address: &str, reason: &str) -> Result<bool, StoreError> {
        self.live.suppress(tenant, address, reason).await
    }

    async fn unsuppress(&self, tenant: &Tenant, address: &str) -> Result<bool, StoreError> {
        self.live.unsuppress(tenant, address).await
    }

    async fn suppressions(&self, tenant: &Tenant, after: &str, most: usize) -> Result<Vec<Suppression>, StoreError> {
        self.live.suppressions(tenant, after, most).await
    }

    /// Without the kept part, those of the live one.
    async fn outbox_stats(&self) -> Result<OutboxStats, StoreError> {
        let mut stats = self.live.outbox_stats().await?;
        match self.kept.notification_counts().await {
            Ok(kept) => {
                for (state, count) in kept {
                    match stats.counts.iter_mut().find(|(known, _)| *known == state) {
                        Some((_, known)) => *known += count,
                        None => stats.counts.push((state, count)),
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "the figures leave out the kept notifications: they cannot be read"),
        }
        Ok(stats)
    }

    async fn clean_notifications(&self, keep: Duration, most: usize) -> Result<usize, StoreError> {
        let forgotten = self.live.clean_notifications(keep, most).await?;
        if forgotten >= most {
            return Ok(forgotten);
        }
        Ok(forgotten + self.kept.clean_notifications(keep, most - forgotten).await?)
    }
}
