//! Whether a flow can be run: what it needs must be there, here or at a worker that says it runs it.

use crate::engine::Engine;
use crate::flow::{FlowDefinition, Missing};
use crate::ports::StoreError;

/// What a flow needs and nobody has; empty when it is ready.
///
/// A web process beside workers of their own may have no keys at all; what they report counts.
pub async fn missing(engine: &Engine, flow: &'static FlowDefinition) -> Result<Vec<Missing>, StoreError> {
    let missing = flow.missing(&engine.resources);
    if missing.is_empty() {
        return Ok(missing);
    }
    let elsewhere = engine.workers().await?.iter().any(|worker| worker.flows.contains_key(flow.name));
    Ok(if elsewhere { Vec::new() } else { missing })
}
