//! What a flow's author sees: the context and the step, what may go wrong, and how a flow is known.

pub mod budget;
pub mod children;
pub mod concurrency;
pub mod context;
pub mod definition;
pub mod error;
pub mod notify;
pub mod registry;
pub mod resources;
pub mod scope;
pub mod secret;
pub mod step;
pub mod step_context;
pub(crate) mod tell;
pub mod tool;
pub mod waiting;

pub use budget::{BUDGET_SIGNAL, BudgetRaise, ModelUsage};
pub use children::Child;
pub use context::FlowContext;
pub use definition::{Flow, FlowDefinition, FlowRegistration, NoInput, OptionsSpec};
pub use error::{FlowError, FlowResult};
pub use notify::Notification;
pub use registry::{Registry, RegistryError};
pub use resources::{Missing, Need, Needed, Resources};
pub use secret::Secret;
pub use step::Step;
pub use step_context::StepContext;
pub use tool::{Tool, ToolDefinition};
pub use waiting::{Approval, MOST_APPROVAL_BYTES};
