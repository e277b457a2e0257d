//! Tasks in one SQLite file: the default store, with nothing beside it.
//!
//! ```text
//!   create, claim, write, control, signal …        task, events, list, stats
//!                  │                                          │
//!                  ▼                                          ▼
//!   writer: one thread, one connection,          readers: a few connections,
//!   one commit for all that came meanwhile       short transactions
//!                  │                                          │
//!                  └────────────▶ caudal.db (WAL) ◀───────────┘
//!                                     ▲
//!                       checkpoints: a thread of their own
//! ```
//!
//! Each operation has a file: `create`, `claim`, `write`, `end`, `control`, `signal`, `rescue`, `clean`, `list`,
//! `stats`; those of notifications are in `outbox/`. What they share: `session` (the few changes all are made of), `row`, `log`, `lanes`, `counts`, `names`.

mod announcements;
mod backup;
mod checkpoint;
mod claim;
mod clean;
mod columns;
mod control;
mod counts;
mod create;
mod end;
mod fault;
mod idle_workers;
mod lanes;
mod list;
mod lock;
mod log;
mod migrations;
mod names;
mod open;
mod operation;
mod outbox;
#[cfg(test)]
mod plans;
mod readers;
mod record;
mod rescue;
mod row;
mod running;
mod session;
mod settings;
mod signal;
mod stats;
mod store;
mod wal_ahead;
mod write;
mod writer;

pub use backup::{BackupError, back_up_folder};
pub use open::{DATABASE, OpenError};
pub use settings::{Durability, SqliteSettings};
pub use store::SqliteStore;
