//! Wishes: fields of a request that a provider may refuse, and without which it is still the same request.
//!
//! Models that think take no temperature, some servers know no form of an answer or no count of its tokens, and all of
//! them answer 400. Then the request is sent without the wish, which costs nothing, and later ones begin without it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::error::ModelError;

const WISHES: [&str; 3] = ["temperature", "response_format", "stream_options"];

/// What models have refused since the process began.
#[derive(Debug, Default)]
pub(crate) struct RefusedWishes(Mutex<BTreeSet<(Arc<str>, &'static str)>>);

impl RefusedWishes {
    /// Takes out what this model has refused before.
    pub(crate) fn take_out(&self, model: &Arc<str>, request: &mut Value) {
        let refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for wish in WISHES.into_iter().filter(|wish| refused.contains(&(model.clone(), *wish))) {
            remove(request, wish);
        }
    }

    /// If a refusal is about a wish in the request, the wish is taken out and remembered.
    pub(crate) fn heed(&self, model: &Arc<str>, request: &mut Value, error: &ModelError) -> Option<&'static str> {
        let ModelError::Refused { status: 400 | 422, said, .. } = error else { return None };
        // `response_format` and `response format`: each server has its own words.
        let said = said.to_lowercase().replace('_', " ");
        let wish =
            WISHES.into_iter().find(|wish| said.contains(&wish.replace('_', " ")) && !request[*wish].is_null())?;
        remove(request, wish);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((model.clone(), wish));
        Some(wish)
    }
}

fn remove(request: &mut Value, field: &str) {
    if let Some(fields) = request.as_object_mut() {
        fields.remove(field);
    }
}
