//! The engine: what a flow is, what a task is, and what may happen to one.
//!
//! Read it in this order: [`flow`] (what an author sees), [`task`] (state, log, view), [`notification`], [`ports`] (what the engine
//! needs from outside), [`use_cases`] (start, run, control, rescue), [`testing`] (the kit for flow authors).
//! It knows no HTTP, no apalis, no SQL, no Redis and no SMTP.

// The code that `#[flow]` writes names this crate `caudal`, as an author's own crate does.
#[expect(unused_extern_crates, reason = "used by the code of #[flow] in tests")]
extern crate self as caudal;

pub mod engine;
pub mod flow;
pub mod notification;
pub mod ports;
pub mod task;
pub mod testing;
pub mod use_cases;

pub use caudal_macros::{flow, flows_in, tool};
pub use engine::Engine;

/// What the code that `#[flow]` writes refers to. Not for people.
#[doc(hidden)]
pub mod private {
    pub use crate::flow::definition::{
        Flow, FlowDefinition, FlowRegistration, NoInput, OptionsSpec, RunFuture, run_boxed, schema_of,
    };
    pub use crate::flow::tool::{Tool, ToolDefinition, ToolFuture, ToolRun, tool_input, tool_output};
    pub use crate::flow::{FlowContext, FlowResult, Need, StepContext};
    pub use crate::task::Json;
    pub use inventory;
}

/// What a flow's file needs: `use caudal::prelude::*;`.
pub mod prelude {
    pub use crate::flow::{
        Approval, Flow, FlowContext, FlowError, FlowResult, Notification, Secret, StepContext, Tool,
    };
    pub use caudal_macros::{flow, tool};
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
}
