//! Ended tasks in Postgres: what is kept and searched when the live part has let go of it.
//!
//! ```text
//!   archiver ── a batch, in one transaction ──▶ tasks · task_tags · log_pages · task_counts
//!                                                    · notifications · notification_counts
//!                                                    ▲
//!   task, events, list, stats ───────────────────────┘      delete, clean: in turn with the archiver
//! ```
//!
//! It is no [`TaskStore`](caudal_engine::ports::TaskStore) by itself, since nothing begins or runs here:
//! [`live_and_kept`](crate::live_and_kept) makes one of it and a live part. Writers take [turns](Turn).

mod archive;
mod clean;
mod connections;
mod counts;
mod fault;
mod list;
mod log;
mod migrations;
mod notifications;
mod open;
mod pages;
mod record;
mod settings;
mod store;
mod text;
mod turn;

pub use archive::Archived;
pub use open::OpenError;
pub use settings::PostgresSettings;
pub use store::PostgresStore;
pub use turn::Turn;
