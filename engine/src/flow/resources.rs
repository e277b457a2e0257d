//! What the binary wired in for flows to use (a language model, an HTTP client), found by its type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

#[derive(Clone, Default)]
pub struct Resources(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Resources {
    pub fn insert<T: Send + Sync + 'static>(&mut self, resource: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(resource));
    }

    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.get(&TypeId::of::<T>()).cloned().and_then(|any| any.downcast().ok())
    }
}

impl std::fmt::Debug for Resources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Resources({})", self.0.len())
    }
}

/// A resource that a flow can demand with `#[flow(needs = …)]`: without it the flow is listed as not ready, and a start
/// is refused with these words instead of failing later.
pub trait Needed: Send + Sync + 'static {
    const MISSING: Missing;
}

/// What is missing, and how to get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// "a language model"
    pub what: &'static str,
    /// Names the settings: "Set CAUDAL_MODEL to …".
    pub hint: &'static str,
}

/// A resource that a flow needs.
#[derive(Clone, Copy)]
pub struct Need {
    pub missing: Missing,
    pub is_met: fn(&Resources) -> bool,
}

impl Need {
    pub const fn of<T: Needed>() -> Self {
        Self { missing: T::MISSING, is_met: |resources| resources.get::<T>().is_some() }
    }
}
