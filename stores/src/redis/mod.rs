//! Tasks in Redis: the store for several processes on several machines, on one server or a cluster.
//!
//! ```text
//!   create, claim, write, control, signal …            task, events, list, stats
//!                  │ one script each (short writes together)      │
//!                  ▼                                              ▼
//!   nodes: which server holds the partition ──▶ link: one connection each, made again when it breaks
//!                                                      │ (and one for each thread that serves by itself)
//!   ears: what scripts publish ◀── a second one each ──┘
//!     └──▶ bell, feed of this process
//! ```
//!
//! Each operation has a file: `create`, `claim`, `write`, `control` (with signals and verdicts), `rescue`, `clean`,
//! `archive`, `list`, `stats`, `log`; what it does in Redis is the script of that name in `scripts/`. All keys of a task
//! share a partition (`keys`), and no operation but a start with a key touches two. Notifications are in `outbox/`; they
//! live with their task.

mod archive;
mod claim;
mod clean;
mod control;
mod create;
mod ears;
mod facts;
mod fault;
mod keys;
mod layout;
mod link;
mod list;
mod live_part;
mod log;
mod news;
mod nodes;
mod old_tasks;
mod open;
mod outbox;
mod own_connections;
mod packed;
mod record;
mod reply;
mod rescue;
mod rounds;
mod scripts;
mod server_checks;
mod settings;
mod shared;
mod short_writes;
mod stats;
mod store;
mod watches;
mod workers;
mod write;

pub use open::OpenError;
pub use settings::{RedisSettings, StoreTime};
pub use store::RedisStore;
