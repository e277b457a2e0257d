//! Caudal as a library: what a developer's own crate needs to define flows and to run them.
//!
//! ```no_run
//! use caudal::prelude::*;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct PoemInput {
//!     theme: String,
//! }
//!
//! /// Writes a short poem.
//! #[flow(timeout = "5m")]
//! async fn poem_flow(_ctx: &mut FlowContext, input: PoemInput) -> FlowResult<String> {
//!     Ok(format!("Roses are red, {} is blue.", input.theme))
//! }
//!
//! fn main() {
//!     caudal::run();
//! }
//! ```
//!
//! It is also the only place that knows every part: the command line ([`run`]), the settings, and the wiring.

mod cli;
mod client;
mod commands;
mod output;
mod run;
mod serve;
mod settings;

pub use caudal_engine::flow::Resources;
pub use caudal_engine::{flow, flows_in, prelude, task, testing, tool};
/// Language models, tools and agents: `use caudal::models::prelude::*;`.
pub use caudal_models as models;
pub use run::{run, run_with};
pub use settings::Settings;

#[doc(hidden)]
pub use caudal_engine::private;

/// The README's code is compiled with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
