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
mod laws;
mod patience;
mod process;
mod reader;
mod server;
mod setup;
mod step_log;
mod tmpfs;

pub use client::{Answer, Client};
pub use laws::{assert_lawful, finished_steps, kind};
pub use patience::{Patience, until};
pub use process::Process;
pub use reader::{Connection, Frame};
pub use server::Server;
pub use setup::{Refusal, Setup};
pub use step_log::{StepLog, StepStart};
pub use tmpfs::Tmpfs;

/// A server to be set up, of the binary that cargo built for this test.
#[macro_export]
macro_rules! setup {
    () => {
        $crate::Setup::of(env!("CARGO_BIN_EXE_caudal-under-test"))
    };
}
