//! A notification as the outbox keeps it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::content::{Channel, MailContent, WebhookContent};
use super::id::NotificationId;
use crate::task::{Json, TaskId, Tenant, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationState {
    Queued,
    Sending,
    /// It could not be sent just now and is tried again later.
    Deferred,
    Sent,
    /// It will not be tried again by itself.
    Failed,
    /// It was not sent because the address wants none, or has had too many.
    Suppressed,
}

impl NotificationState {
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Sending, Self::Deferred, Self::Sent, Self::Failed, Self::Suppressed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Deferred => "deferred",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Nothing more happens to it by itself.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Sent | Self::Failed | Self::Suppressed)
    }

    pub fn can_be_retried(self) -> bool {
        matches!(self, Self::Failed | Self::Suppressed)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct NotificationRecord {
    pub id: NotificationId,
    pub tenant: Tenant,
    /// The task it is about; a mail that another program asked for is about none.
    pub task: Option<TaskId>,
    pub channel: Channel,
    pub recipient: Arc<str>,
    pub state: NotificationState,
    /// How often sending it began, in all.
    pub attempts: u32,
    /// How often since it is to be sent (`queued_at`): what it is put off by, and whether it was counted for its address.
    pub tries: u32,
    pub created_at: Timestamp,
    /// Since when it is to be sent: its birth, or its last retry by hand.
    pub queued_at: Timestamp,
    /// When it is tried next; none while it is being sent, and in the end.
    pub due_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Why it was not sent yet, or not at all: the server's words.
    pub error: Option<String>,
    pub body: Json,
}

impl NotificationRecord {
    /// None for a webhook call.
    pub fn mail(&self) -> Option<MailContent> {
        (self.channel == Channel::Mail).then(|| self.body.parse().ok()).flatten()
    }

    /// None for a mail.
    pub fn webhook(&self) -> Option<WebhookContent> {
        (self.channel == Channel::Webhook).then(|| self.body.parse().ok()).flatten()
    }
}
