//! What a notification is: a mail or a webhook call about something that happened.
//!
//! ```text
//!            claim              the server took it
//!  queued ──────────▶ sending ─────────────────────▶ sent
//!    ▲                 │ │ └── nobody wants it ────▶ suppressed ─┐
//!    │       not now   │ └──── it never will ──────▶ failed ─────┤ retry
//!    │    deferred ◀───┘                                         │
//!    │        └── its time comes: claimed again                  │
//!    └───────────────────────────────────────────────────────────┘
//! ```
//!
//! It is born in the operation that stores its cause, one per address, and is then on its own: it holds all that is
//! needed to send it.

pub mod content;
pub mod id;
pub mod mailbox;
pub mod record;
pub mod wish;

pub use content::{Channel, MailContent, NewNotification, WebhookContent};
pub use id::NotificationId;
pub use mailbox::{BadMailbox, Mailbox};
pub use record::{NotificationRecord, NotificationState};
pub use wish::{FailureAddresses, Notify, NotifyOn};
