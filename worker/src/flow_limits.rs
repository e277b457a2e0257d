//! Which flows to ask for, and how many tasks of each may still be taken.

use std::sync::Arc;

use caudal_engine::flow::{FlowDefinition, Registry};
use caudal_engine::ports::KnownFlow;

use crate::running::Running;

/// The flows of the registry, each with all its names.
#[derive(Debug)]
pub(crate) struct FlowLimits {
    flows: Vec<(&'static FlowDefinition, Vec<Arc<str>>)>,
    /// The answer for ever, if no flow has a limit.
    unlimited: Option<Arc<[KnownFlow]>>,
}

impl FlowLimits {
    pub(crate) fn of(registry: &Registry) -> Self {
        let mut flows: Vec<(&'static FlowDefinition, Vec<Arc<str>>)> =
            registry.iter().map(|definition| (definition, Vec::new())).collect();
        for (name, definition) in registry.known() {
            if let Some((_, names)) = flows.iter_mut().find(|(known, _)| known.name == definition.name) {
                names.push(name);
            }
        }
        let mut limits = Self { flows, unlimited: None };
        if limits.limited().next().is_none() {
            limits.unlimited = Some(limits.ask(&Running::default(), 0));
        }
        limits
    }

    /// What to ask the store for. `turn` decides who comes first where a limit is shared.
    pub(crate) fn ask(&self, running: &Running, turn: u64) -> Arc<[KnownFlow]> {
        if let Some(unlimited) = &self.unlimited {
            return unlimited.clone();
        }
        let flows = self.flows.iter().flat_map(|(definition, names)| {
            let free = free(definition, running);
            names.iter().enumerate().map(move |(place, name)| KnownFlow {
                name: name.clone(),
                version: definition.version,
                free: free.map(|free| share(free, place, names.len(), turn)),
            })
        });
        flows.collect()
    }

    /// How often to ask until each name of a flow was offered what its names share.
    pub(crate) fn rounds(&self, running: &Running) -> usize {
        let shares = |(definition, names): &(&'static FlowDefinition, Vec<Arc<str>>)| {
            free(definition, running).is_some_and(|free| free % names.len().max(1) != 0).then_some(names.len())
        };
        self.flows.iter().filter_map(shares).max().unwrap_or(1)
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

/// One name's share of what is free for all names of a flow: together never more than there is. What is left over
/// after an even division goes round with the turns, so that no name waits for ever.
fn share(free: usize, place: usize, names: usize, turn: u64) -> usize {
    let names = names.max(1);
    let first = usize::try_from(turn % names as u64).unwrap_or(0);
    let place_in_turn = (place + names - first) % names;
    free / names + usize::from(place_in_turn < free % names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: names of one flow never get more than there is together, and each gets its turn.
    #[test]
    fn shares_add_up() {
        for names in 1..4 {
            for free in 0..10 {
                let mut got = vec![0; names];
                for turn in 0..12 {
                    let shares: Vec<usize> = (0..names).map(|place| share(free, place, names, turn)).collect();
                    assert_eq!(shares.iter().sum::<usize>(), free);
                    got.iter_mut().zip(shares).for_each(|(got, share)| *got += share);
                }
                assert!(got.iter().all(|sum| *sum == 12 * free / names), "{got:?}");
            }
        }
    }
}
