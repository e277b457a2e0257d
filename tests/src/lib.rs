//! The kit of the end-to-end tests: the real binary, a client that knows only the wire contract, and the laws that
//! each log must keep.
//!
//! ```no_run
//! # async fn example() {
//! let server = caudal_tests::Setup::of("target/debug/caudal").start().await;
//! let task = server.client().start("count_words_flow", serde_json::json!({ "text": "one two" })).await;
//! assert_eq!(server.client().ended(&task).await["state"], "SUCCESS");
//! # }
//! ```
//!
//! In a test the binary is named by [`setup!`]. Tests wait on facts through [`until`] and [`Patience`], which end in
//! a failed test and never in a hanging one. A server that fails its test shows its log.

mod client;
mod free_port;
mod hook;
mod installation;
mod keys_told;
mod laws;
mod mail_server;
mod mail_sink;
mod patience;
mod postgres_server;
mod process;
mod proxy;
mod python;
mod reader;
mod redis_server;
mod server;
mod setup;
mod step_log;
mod tmpfs;

pub use client::{Answer, Client};
pub use free_port::free_port;
pub use hook::{Call, Hook};
pub use installation::{Installation, InstallationPlan};
pub use keys_told::keys_told;
pub use laws::{assert_justified, assert_lawful, at_ms, finished_steps, kind, now_ms, process_of};
pub use mail_server::{MailLogin, MailServer};
pub use mail_sink::{MailSink, Manners, Taken};
pub use patience::{Patience, until};
pub use postgres_server::PostgresServer;
pub use process::Process;
pub use proxy::Proxy;
pub use python::python;
pub use reader::{Connection, Frame};
pub use redis_server::{RedisCluster, RedisServer};
pub use server::Server;
pub use setup::{Refusal, Role, Setup};
pub use step_log::{StepLog, StepStart};
pub use tmpfs::Tmpfs;

/// A server to be set up, of the binary that cargo built for this test.
#[macro_export]
macro_rules! setup {
    () => {
        $crate::Setup::of(env!("CARGO_BIN_EXE_caudal-under-test"))
    };
}

/// An installation of several processes, of the same binary.
#[macro_export]
macro_rules! installation {
    () => {
        $crate::InstallationPlan::of(env!("CARGO_BIN_EXE_caudal-under-test"))
    };
}
