//! Everything a use case works with, in one hand. Made once by the binary (or the test kit) and shared by web,
//! worker and notifications.

use std::sync::Arc;

use crate::flow::{Registry, Resources};
use crate::notification::FailureAddresses;
use crate::ports::{
    Bell, Clock, Feed, IdSource, MailTemplates, NotificationOutbox, StoreError, TaskStore, WorkerBoard, WorkerStatus,
};
use crate::task::Limits;

#[derive(Clone)]
pub struct Engine {
    pub store: Arc<dyn TaskStore>,
    pub bell: Arc<Bell>,
    pub feed: Arc<Feed>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
    pub registry: Arc<Registry>,
    pub resources: Resources,
    pub limits: Arc<Limits>,
    /// The workers of this process.
    pub workers: Arc<WorkerBoard>,
    pub notifications: Notifications,
}

/// What notifications need: where they are kept, what mails look like, who hears of every failure.
#[derive(Clone)]
pub struct Notifications {
    pub outbox: Arc<dyn NotificationOutbox>,
    pub templates: Arc<dyn MailTemplates>,
    pub on_failure: Arc<FailureAddresses>,
}

impl Engine {
    /// The workers of all processes that share the store.
    pub async fn workers(&self) -> Result<Vec<WorkerStatus>, StoreError> {
        Ok(match self.store.reported_workers().await? {
            Some(reported) => reported,
            None => self.workers.workers(),
        })
    }
}
