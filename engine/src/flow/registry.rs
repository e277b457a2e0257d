//! The flows of this process, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use super::definition::{FlowDefinition, FlowRegistration};
use crate::notification::{BadMailbox, Mailbox};

#[derive(Debug, Clone, Default)]
pub struct Registry {
    flows: BTreeMap<&'static str, &'static FlowDefinition>,
    former: BTreeMap<&'static str, &'static FlowDefinition>,
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum RegistryError {
    #[error(
        "two flows are named '{name}': {first} and {second}; rename one, or keep its old tasks running with `formerly`"
    )]
    SameName { name: String, first: &'static str, second: &'static str },
    #[error("{location}: notify_on_failure: {error}")]
    BadAddress { location: &'static str, error: BadMailbox },
}

impl Registry {
    /// All flows that `#[flow]` registered in crates linked into this binary.
    pub fn collect(diagnostics: bool) -> Result<Self, RegistryError> {
        Self::of(
            inventory::iter::<FlowRegistration>
                .into_iter()
                .map(|registration| registration.0)
                .filter(|definition| diagnostics || !definition.diagnostics),
        )
    }

    pub fn of(definitions: impl IntoIterator<Item = &'static FlowDefinition>) -> Result<Self, RegistryError> {
        let mut registry = Self::default();
        for definition in definitions {
            check_addresses(definition)?;
            let names = std::iter::once(definition.name).chain(definition.formerly.iter().copied());
            for (place, name) in names.enumerate() {
                if let Some(other) = registry.find(name) {
                    return Err(RegistryError::SameName {
                        name: name.to_owned(),
                        first: other.location,
                        second: definition.location,
                    });
                }
                let map = if place == 0 { &mut registry.flows } else { &mut registry.former };
                map.insert(name, definition);
            }
        }
        Ok(registry)
    }

    /// By its name or an earlier one.
    pub fn find(&self, name: &str) -> Option<&'static FlowDefinition> {
        self.flows.get(name).or_else(|| self.former.get(name)).copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = &'static FlowDefinition> + '_ {
        self.flows.values().copied()
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.flows.keys().copied().collect()
    }

    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// Each name, old ones too, under which tasks may be in line, with the version this process runs.
    pub fn known(&self) -> impl Iterator<Item = (Arc<str>, &'static FlowDefinition)> + '_ {
        self.flows.iter().chain(&self.former).map(|(name, definition)| (Arc::from(*name), *definition))
    }
}

fn check_addresses(definition: &'static FlowDefinition) -> Result<(), RegistryError> {
    let mut addresses = definition.options.notify_on_failure.unwrap_or_default().iter();
    addresses.try_for_each(|address| match Mailbox::parse(address) {
        Ok(_) => Ok(()),
        Err(error) => Err(RegistryError::BadAddress { location: definition.location, error }),
    })
}
