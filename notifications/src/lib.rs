//! The notifications role: sends what the outbox holds, on the same runtime as tasks, as decoupled from them as can be.
//!
//! ```text
//!   outbox ──▶ claims ──▶ runtime (one per channel) ──▶ attempt ──▶ settle: sent, deferred, failed, suppressed
//!                ▲                                        │ mail: admitted? → letter → pace → mail server or folder
//!                └── bell, time, the server is back       │ webhook: payload → signature → guarded call
//! ```
//!
//! Read it in this order: [`settings`], [`sender`] (start and drain), [`claims`], [`attempt`], then [`mail`], [`webhook`] and
//! [`templates`]. It knows no HTTP server, no SQL and no worker.

mod answered;
mod attempt;
mod claims;
mod cleaner;
mod lease_renewer;
mod mail;
mod pace;
mod retry;
mod sender;
mod sending;
mod server_outage;
mod settings;
mod templates;
mod webhook;

pub use mail::{BadAuthority, BadSmtpUrl, MailRoute, SmtpSettings};
pub use sender::{Notifications, NotificationsHandle};
pub use settings::{NotificationSettings, RetrySettings};
pub use templates::{BadTemplate, Letter, Links, TemplateSettings, Templates};
pub use webhook::{BadSecret, Reaches, WebhookSecret, WebhookSecrets, WebhookSettings};
