//! Whether a flow can be run: what it needs must be there, here or at a worker that says it runs it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

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

/// The same for a request that names many flows many times: each is asked about once.
pub(crate) struct Readiness<'a> {
    engine: &'a Engine,
    asked: HashMap<&'static str, Vec<Missing>>,
}

impl<'a> Readiness<'a> {
    pub(crate) fn of(engine: &'a Engine) -> Self {
        Self { engine, asked: HashMap::new() }
    }

    pub(crate) async fn missing(&mut self, flow: &'static FlowDefinition) -> Result<Vec<Missing>, StoreError> {
        match self.asked.entry(flow.name) {
            Entry::Occupied(known) => Ok(known.get().clone()),
            Entry::Vacant(place) => Ok(place.insert(missing(self.engine, flow).await?).clone()),
        }
    }
}
