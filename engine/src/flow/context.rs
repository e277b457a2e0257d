//! `FlowContext`: what a flow talks to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub struct FlowContext {}

#[derive(Clone)]
pub struct StepContext {}

/// A person's answer to `ctx.ask_approval`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    pub approved: bool,
    #[serde(default)]
    pub comment: Option<String>,
}
