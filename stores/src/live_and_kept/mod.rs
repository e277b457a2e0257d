//! One store made of two: a live part, where tasks run, and a kept part, where the ended ones go.
//!
//! ```text
//!   create, claim, write, rescue …            task, events, list, stats        delete, clean
//!            │                                   │ first        │ then            │      │
//!            ▼                                   ▼              ▼                 ▼      ▼
//!      live part ── ended tasks, in batches: the archiver ──▶ kept part        live    kept
//! ```
//!
//! What runs needs the live part alone: while the kept one is away, ended tasks wait in the live part, lists say that
//! they are partial, and nothing else changes. Notifications go the same way when they have ended.

mod archiver;
mod kept_task;
mod live;
mod outbox;
mod outbox_archiver;
mod pages;
mod store;

pub use archiver::{Archiver, ArchiverSettings, CaughtUp};
pub use live::{LiveOutbox, LivePart, Unarchived};
pub use outbox::LiveAndKeptOutbox;
pub use outbox_archiver::{OutboxArchiver, OutboxArchiverSettings};
pub use store::LiveAndKeptStore;
