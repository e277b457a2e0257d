//! What is sent: born with its cause, and never changed after that.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::NotificationId;
use super::mailbox::Mailbox;
use crate::task::Json;

/// How it reaches whom it is for. Each channel has a line of its own: a slow mail server holds up no webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Mail,
    Webhook,
}

impl Channel {
    pub const ALL: [Self; 2] = [Self::Mail, Self::Webhook];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text)
    }
}

/// A notification that is to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewNotification {
    pub id: NotificationId,
    pub channel: Channel,
    /// The address or the URL, by which it is found and counted.
    pub recipient: Arc<str>,
    /// [`MailContent`] or [`WebhookContent`]; stores do not look into it.
    pub body: Json,
}

/// The body of a mail: which template, and what it is filled with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MailContent {
    pub to: Mailbox,
    pub template: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    pub context: Json,
}

/// The body of a webhook call. The task's view is added when it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WebhookContent {
    pub flow: Arc<str>,
    /// As in the task's log, but for a long result.
    pub event: Json,
}
