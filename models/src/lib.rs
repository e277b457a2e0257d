//! Language models, tools and agents, as durable steps.
//!
//! A flow asks for its model and calls it inside steps:
//!
//! ```
//! # extern crate caudal_engine as caudal;
//! use caudal::prelude::*;
//! use caudal_models::prelude::*;
//!
//! /// Writes a haiku about a thing.
//! #[flow(needs = LanguageModel, max_tokens = 20_000)]
//! async fn haiku_flow(ctx: &mut FlowContext, thing: String) -> FlowResult<String> {
//!     let model = ctx.model()?;
//!     ctx.step("Write the haiku", |step| {
//!         let (model, prompt) = (model.clone(), format!("Write a haiku about {thing}."));
//!         async move { model.write(&step, prompt).await }
//!     })
//!     .retries(5)
//!     .await
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use caudal::testing::FlowTest;
//!
//! let model = LanguageModel::rehearsal(Rehearsal::default());
//! let task = FlowTest::new(haiku_flow, "rain").resource(model).run().await;
//! assert!(task.result::<String>().starts_with("[rehearsal]"));
//! # });
//! ```
//!
//! - **Which model** is a setting, `CAUDAL_MODEL=provider:model`; `model.using("gemini:…")` is another one for one call, a
//!   setting gives another to one flow. All of them speak OpenAI's wire ([`provider`]).
//! - **A call is made once**: what fails is the step's to repeat ([`error`] says which failure does what), so every attempt is
//!   an event. What a call took is recorded with its step and counts towards the task's budget.
//! - **A form**: `model.ask_for::<T>(ctx, "Read the invoice", text)` is a `T` or an error with what the model said
//!   ([`structured`]).
//! - **An agent**: `Agent::new(model).tool(web_search).ask(ctx, question)` thinks and uses tools in turns, each a step
//!   ([`agent`]). A tool is a function with `#[tool]` on it ([`tools`]).
//! - **Texts of strangers** go into a prompt by `as_data`, marked so that they cannot pass for instructions ([`material`]).
//! - **The pretend model**, [`rehearsal`], speaks without a provider and says so.
//!
//! Read on in this order: [`chat`], [`language_model`], [`agent`], [`tools`]; the wire is for those who meet a new provider.

// The code that `#[tool]` writes names the engine as an author's own crate does.
extern crate caudal_engine as caudal;

pub mod agent;
pub mod chat;
mod embedding;
pub mod error;
pub mod language_model;
pub mod material;
pub mod price;
pub mod provider;
pub mod rehearsal;
mod room;
mod schema;
pub mod seen;
pub mod settings;
pub mod structured;
pub mod testing;
pub mod tools;
pub mod web_page;
mod wire;

pub use agent::Agent;
pub use chat::{Answer, Brought, Chat, Line, ToolCall};
pub use error::ModelError;
pub use language_model::{LanguageModel, ModelOfFlow, wire_model};
pub use price::PriceTable;
pub use rehearsal::{REHEARSAL_MARK, Rehearsal, Scripted};
pub use seen::SeenPage;
pub use settings::{ModelSettings, ModelSettingsError};

/// What a flow that thinks needs beside `caudal::prelude::*`.
pub mod prelude {
    pub use crate::agent::Agent;
    pub use crate::chat::{Answer, Chat};
    pub use crate::language_model::{LanguageModel, ModelOfFlow};
    pub use crate::material::as_data;
    pub use crate::rehearsal::{Rehearsal, Scripted};
}
