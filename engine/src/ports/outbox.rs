//! The port behind which notifications are kept. Each method is one atomic operation.
//!
//! Notifications about a task are born by [`TaskStore`](super::TaskStore) in the operation that stores their cause; the
//! rest of their life is here. The outbox is their line: claiming takes out what is due. A claim that is not renewed
//! in time is over, and the notification is due again. After an operation is durable the
//! [`Bell`](super::Bell) rings for the channels in which something may be due.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use super::task_store::StoreError;
use crate::notification::{Channel, NewNotification, NotificationId, NotificationRecord, NotificationState};
use crate::task::record::Idempotency;
use crate::task::{Claim, TaskId, Tenant, Timestamp, WorkerId};

#[async_trait]
pub trait NotificationOutbox: Send + Sync + 'static {
    /// How long a claim lives without renewal; none where claims belong to the living process.
    fn outbox_lease(&self) -> Option<Duration>;

    /// Stores notifications that no task causes: those of one wish, with the ids of one. Under an idempotency key that
    /// was used before nothing is stored. The one place where the outbox's bound refuses something: those that an event
    /// bears are never too many, or the event would be.
    async fn put(
        &self,
        tenant: &Tenant,
        wish: Vec<NewNotification>,
        idempotency: Option<Idempotency>,
    ) -> Result<Result<Put, PutRefused>, StoreError>;

    /// Claims the next due ones of a channel, longest due first.
    async fn claim_notifications(
        &self,
        worker: &WorkerId,
        channel: Channel,
        most: usize,
    ) -> Result<ClaimedNotifications, StoreError>;

    /// Renews these claims in one call; answers for each whether it is held, in the same order: none of one whose part of
    /// the store cannot be reached.
    async fn renew_notifications(&self, claims: &[(NotificationId, Claim)]) -> Result<Vec<Option<bool>>, StoreError>;

    /// Asks whether an address may be sent a mail now. One that is counted is held against those of its hour; without a count
    /// (it was counted before) only who wants none is asked for.
    async fn admit(
        &self,
        tenant: &Tenant,
        address: &str,
        counted: Option<MailOfAnHour>,
    ) -> Result<Admission, StoreError>;

    /// Stores what became of an attempt and lets go. False when the claim is stale: then nothing is changed. A repeat
    /// is answered as the first was.
    async fn settle(&self, id: NotificationId, claim: Claim, outcome: SendOutcome) -> Result<bool, StoreError>;

    /// Puts one that has failed or was suppressed in line again, as if it had never been tried.
    async fn resend(&self, tenant: &Tenant, id: NotificationId) -> Result<(), ResendRefused>;

    async fn notification(&self, tenant: &Tenant, id: NotificationId)
    -> Result<Option<NotificationRecord>, StoreError>;

    async fn notifications(&self, filter: &NotificationFilter) -> Result<NotificationPage, StoreError>;

    /// From now on nothing is sent to this address. True when it is new.
    async fn suppress(&self, tenant: &Tenant, address: &str, reason: &str) -> Result<bool, StoreError>;

    /// Takes it back. False when it was not suppressed.
    async fn unsuppress(&self, tenant: &Tenant, address: &str) -> Result<bool, StoreError>;

    /// The suppressed addresses behind `after`, in the order of the alphabet.
    async fn suppressions(&self, tenant: &Tenant, after: &str, most: usize) -> Result<Vec<Suppression>, StoreError>;

    async fn outbox_stats(&self) -> Result<OutboxStats, StoreError>;

    /// Forgets those that ended longer ago than they must be kept, at most `most` per call. Returns how many.
    async fn clean_notifications(&self, keep: Duration, most: usize) -> Result<usize, StoreError>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The first of the wish; the others follow from it.
    pub first: NotificationId,
    /// False when an earlier wish answers.
    pub new: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PutRefused {
    #[error("the idempotency key was used with another request")]
    IdempotencyConflict,
    #[error("too many notifications wait to be sent")]
    OutboxFull,
}

#[derive(Debug, Clone, Default)]
pub struct ClaimedNotifications {
    pub items: Vec<ClaimedNotification>,
    /// When the next one of this channel is due: now, if some that are due were left.
    pub next_due: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct ClaimedNotification {
    /// With this attempt counted.
    pub record: NotificationRecord,
    pub claim: Claim,
}

/// A mail among those that its address gets in an hour: that in which it was put in line. What waited while the mail server
/// was away was no flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailOfAnHour {
    /// Asked for again, because an answer was lost, it is still one.
    pub id: NotificationId,
    pub queued_at: Timestamp,
    /// Mails that the address gets in an hour.
    pub most: u32,
}

impl MailOfAnHour {
    /// As hours are counted since 1970.
    pub fn hour(&self) -> i64 {
        self.queued_at.as_millis().div_euclid(3_600_000)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    Admitted,
    /// The address wants no mail.
    Suppressed,
    /// It has had as many of this hour as it may.
    TooMany,
}

/// What became of an attempt to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    Sent,
    Deferred {
        due_at: Timestamp,
        error: String,
    },
    Failed {
        error: String,
    },
    Suppressed {
        error: String,
    },
    /// Nothing was tried: the attempt does not count.
    Released {
        due_at: Timestamp,
    },
}

impl SendOutcome {
    /// What the notification is then.
    pub fn state(&self) -> NotificationState {
        match self {
            Self::Sent => NotificationState::Sent,
            Self::Deferred { .. } => NotificationState::Deferred,
            Self::Failed { .. } => NotificationState::Failed,
            Self::Suppressed { .. } => NotificationState::Suppressed,
            Self::Released { .. } => NotificationState::Queued,
        }
    }
}

#[derive(Debug, Clone, Error)]
pub enum ResendRefused {
    #[error("there is no such notification")]
    NotFound,
    #[error("the notification is {}", state.as_str())]
    WrongState { state: NotificationState },
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Clone, Default)]
pub struct NotificationFilter {
    pub tenant: Tenant,
    pub task: Option<TaskId>,
    /// Any of these; empty means all.
    pub states: Vec<NotificationState>,
    pub channel: Option<Channel>,
    pub recipient: Option<String>,
    /// The last id of the page before.
    pub cursor: Option<NotificationId>,
    pub limit: usize,
}

/// Newest first.
#[derive(Debug, Clone, Default)]
pub struct NotificationPage {
    pub items: Vec<NotificationRecord>,
    pub next: Option<NotificationId>,
    /// Some that are kept elsewhere could not be read.
    pub partial: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    pub address: Arc<str>,
    pub reason: Arc<str>,
    pub since: Timestamp,
}

#[derive(Debug, Clone, Default)]
pub struct OutboxStats {
    /// How many are kept in each state.
    pub counts: Vec<(NotificationState, u64)>,
    /// Since when the oldest of those that are not final is to be sent.
    pub oldest: Option<Timestamp>,
}
