//! What a flow's author sees.

pub mod context;
pub mod definition;
pub mod error;
pub mod registry;
pub mod resources;
pub mod secret;

pub use context::{Approval, FlowContext, StepContext};
pub use definition::{Flow, FlowDefinition, FlowRegistration, NoInput, OptionsSpec};
pub use error::{FlowError, FlowResult};
pub use registry::{Registry, RegistryError};
pub use resources::Resources;
pub use secret::Secret;
