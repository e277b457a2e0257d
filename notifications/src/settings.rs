//! What can be set about sending.

use std::time::Duration;

use crate::mail::MailRoute;
use crate::webhook::WebhookSettings;

#[derive(Debug, Clone)]
pub struct NotificationSettings {
    pub mail: MailRoute,
    /// Connections to the mail server at once.
    pub mail_connections: usize,
    pub mails_per_second: u32,
    /// Mails that one address gets within an hour, at most.
    pub mails_per_hour: u32,
    pub webhook: WebhookSettings,
    pub retry: RetrySettings,
    /// How long a stop waits for what is being sent.
    pub grace: Duration,
}

/// When what could not be sent is tried again.
#[derive(Debug, Clone, Copy)]
pub struct RetrySettings {
    /// After the first failure; it doubles with each.
    pub first: Duration,
    pub longest: Duration,
    /// After this long it has failed.
    pub give_up_after: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(60),
            longest: Duration::from_secs(6 * 3_600),
            give_up_after: Duration::from_secs(24 * 3_600),
        }
    }
}
