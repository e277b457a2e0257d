//! Which flows to ask for, and how many tasks of each may still be taken.

use std::sync::Arc;

use caudal_engine::flow::{FlowDefinition, Registry, Resources};
use caudal_engine::ports::KnownFlow;

use crate::running::Running;

/// The flows of the registry that are ready, each with all its names.
#[derive(Debug)]
pub(crate) struct FlowLimits {
    flows: Vec<(&'static FlowDefinition, Vec<Arc<str>>)>,
    /// All names, as many tasks of each as there are.
    unlimited: Arc<[KnownFlow]>,
}

impl FlowLimits {
    /// Tasks of a flow that is not ready stay in line: here they would only fail.
    pub(crate) fn of(registry: &Registry, resources: &Resources) -> Self {
        let ready = registry.iter().filter(|definition| definition.missing(resources).is_empty());
        let mut flows: Vec<(&'static FlowDefinition, Vec<Arc<str>>)> =
            ready.map(|definition| (definition, Vec::new())).collect();
        for (name, definition) in registry.known() {
            if let Some((_, names)) = flows.iter_mut().find(|(known, _)| known.name == definition.name) {
                names.push(name);
            }
        }
        let unlimited = flows.iter().flat_map(|(definition, names)| {
            names.iter().map(|name| KnownFlow { name: name.clone(), version: definition.version, free: None })
        });
        let unlimited = unlimited.collect();
        Self { flows, unlimited }
    }

    /// What to ask for while nothing runs and only one task is wanted.
    pub(crate) fn ask_for_one(&self) -> Arc<[KnownFlow]> {
        self.unlimited.clone()
    }

    /// What to ask the store for. A limit is shared by all names of its flow, so only one of them is asked for at a
    /// time: the first, then the second, and so on with `question`.
    pub(crate) fn ask(&self, running: &Running, question: usize) -> Arc<[KnownFlow]> {
        if self.limited().next().is_none() {
            return self.unlimited.clone();
        }
        let flows = self.flows.iter().flat_map(|(definition, names)| {
            let free = free(definition, running);
            names.iter().enumerate().map(move |(place, name)| KnownFlow {
                name: name.clone(),
                version: definition.version,
                free: free.map(|free| if place == question % names.len() { free } else { 0 }),
            })
        });
        flows.collect()
    }

    /// After so many questions in a row every name has been asked for.
    pub(crate) fn questions(&self) -> usize {
        let limited = self.flows.iter().filter(|(definition, _)| definition.options.concurrency.is_some());
        limited.map(|(_, names)| names.len()).max().unwrap_or(1)
    }

    /// The flows of which no more may be taken now.
    pub(crate) fn full(&self, running: &Running) -> Vec<&'static FlowDefinition> {
        self.limited().filter(|definition| free(definition, running) == Some(0)).collect()
    }

    fn limited(&self) -> impl Iterator<Item = &'static FlowDefinition> + '_ {
        self.flows
            .iter()
            .map(|(definition, _)| *definition)
            .filter(|definition| definition.options.concurrency.is_some())
    }
}

/// How many more tasks of a flow may run here; none means as many as there are.
pub(crate) fn free(definition: &FlowDefinition, running: &Running) -> Option<usize> {
    let limit = definition.options.concurrency? as usize;
    Some(limit.saturating_sub(running.count_of(definition.name)))
}

#[cfg(test)]
mod tests {
    use caudal_engine::flow::{Missing, Need, Needed, OptionsSpec};
    use caudal_engine::task::Json;

    use super::*;

    struct Engine;

    impl Needed for Engine {
        const MISSING: Missing = Missing { what: "an engine", hint: "Buy one." };
    }

    fn nothing() -> &'static Json {
        static NOTHING: std::sync::OnceLock<Json> = std::sync::OnceLock::new();
        NOTHING.get_or_init(Json::null)
    }

    const WALK: FlowDefinition = FlowDefinition {
        name: "walk_flow",
        title: "",
        summary: "",
        description: "",
        version: 1,
        formerly: &[],
        diagnostics: false,
        location: "",
        options: OptionsSpec::DEFAULT,
        needs: &[],
        input_schema: nothing,
        output_schema: nothing,
        run: |_, _| Box::pin(std::future::ready(Ok(Json::null()))),
    };
    static ON_FOOT: FlowDefinition = WALK;
    static DRIVE: FlowDefinition = FlowDefinition { name: "drive_flow", needs: &[Need::of::<Engine>()], ..WALK };

    /// Goal: a flow that lacks something is not asked for, so that its tasks wait in line until a worker has it.
    #[test]
    fn what_is_not_ready_is_not_claimed() {
        let registry = Registry::of([&ON_FOOT, &DRIVE]).unwrap();
        let names = |resources: &Resources| {
            let asked = FlowLimits::of(&registry, resources).ask_for_one();
            asked.iter().map(|flow| flow.name.to_string()).collect::<Vec<_>>()
        };
        let mut resources = Resources::default();
        assert_eq!(names(&resources), ["walk_flow"]);
        resources.insert(Engine);
        assert_eq!(names(&resources), ["drive_flow", "walk_flow"]);
    }
}
