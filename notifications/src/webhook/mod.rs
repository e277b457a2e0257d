//! Webhook calls: what happened, as JSON, signed so that the receiver knows who says it.

mod caller;
mod guard;
mod hosts;
mod payload;
mod signature;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

pub(crate) use caller::Caller;
pub use signature::{BadSecret, WebhookSecret, WebhookSecrets};

/// Whether an address may be connected to.
pub type Reaches = fn(IpAddr) -> bool;

#[derive(Clone)]
pub struct WebhookSettings {
    pub secrets: WebhookSecrets,
    /// For a call with all its parts.
    pub timeout: Duration,
    /// Calls at once.
    pub concurrency: usize,
    pub reaches: Reaches,
}

impl fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSettings")
            .field("timeout", &self.timeout)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
