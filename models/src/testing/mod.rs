//! A provider for tests: speaks the real wire on a real socket, by a script, and counts what it is asked.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use caudal_models::testing::{ModelDouble, Reply};
//!
//! // The first call is told to wait, every later one is answered.
//! let provider = ModelDouble::start(|asked| match asked.number {
//!     1 => Reply::status(429, "slow down").header("retry-after", "7"),
//!     _ => Reply::text("Here I am."),
//! })
//! .await;
//! let settings = provider.settings();
//! assert_eq!(provider.requests().len(), 0);
//! # let _ = settings;
//! # });
//! ```

mod reply;
mod server;

pub use reply::{Beat, Reply};
pub use server::{Asked, ModelDouble};
