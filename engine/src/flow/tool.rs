//! A tool: an async function that a model can ask for. What `#[tool]` wrote down at compile time.
//!
//! A tool runs in a step of its own, so that its outcome is kept; one that needs more than a step has — to wait for a
//! person, to start a child — takes the flow's context instead.

use std::any::type_name;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::FlowContext;
use super::error::{FlowError, FlowResult};
use super::step_context::StepContext;
use crate::task::Json;

/// A tool as a type: `#[tool] async fn web_search(…)` makes a unit struct `web_search` that implements this.
pub trait Tool: Send + Sync + 'static {
    fn definition(&self) -> &'static ToolDefinition;
}

pub struct ToolDefinition {
    /// What the model calls it by.
    pub name: &'static str,
    /// What people call it by: the name of its steps.
    pub title: &'static str,
    /// The whole doc comment: by it the model decides when to use the tool.
    pub description: &'static str,
    /// A person is asked before each call.
    pub asks_approval: bool,
    /// Says what a call would do, beyond its arguments, to whoever is asked before it.
    pub effect: Option<ToolEffect>,
    /// What it brings is the word of the person for whom a model works, and no stranger's.
    pub from_person: bool,
    pub timeout_ms: Option<u64>,
    pub retries: u32,
    pub input_schema: fn() -> &'static Json,
    pub run: ToolRun,
}

/// Where a tool runs.
#[derive(Clone, Copy)]
pub enum ToolRun {
    InStep(fn(StepContext, Json) -> ToolFuture<'static>),
    InFlow(for<'a> fn(&'a mut FlowContext, Json) -> ToolFuture<'a>),
}

/// Runs in a step of its own; its outcome is a text.
pub type ToolEffect = fn(StepContext, Json) -> ToolFuture<'static>;

pub type ToolFuture<'a> = Pin<Box<dyn Future<Output = FlowResult<Json>> + Send + 'a>>;

impl ToolDefinition {
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout_ms.map(Duration::from_millis)
    }
}

impl std::fmt::Debug for ToolDefinition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ToolDefinition").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The arguments as the function's input. What does not fit is said so that a model can mend it.
pub fn tool_input<I: DeserializeOwned>(arguments: &Json) -> FlowResult<I> {
    arguments.parse().map_err(|error| FlowError::invalid_input(format!("the arguments do not fit: {error}")))
}

/// The function's output as JSON.
pub fn tool_output<O: Serialize>(output: &O) -> FlowResult<Json> {
    Json::of(output)
        .map_err(|error| FlowError::give_up(format!("the {} cannot be written as JSON: {error}", type_name::<O>())))
}
