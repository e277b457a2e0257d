//! Who asks, once that is known.

use actix_web::{HttpMessage, HttpRequest};
use caudal_engine::task::TaskId;

use super::api_key::ApiKey;
use super::role::Role;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) role: Role,
    /// The name of the key; of a session the name of the key that it was made from.
    pub(crate) name: Option<String>,
}

impl Caller {
    /// No key is configured: whoever reaches the server may do everything.
    pub(super) fn owner() -> Self {
        Self { role: Role::Admin, name: None }
    }

    pub(super) fn nobody() -> Self {
        Self { role: Role::Anyone, name: None }
    }

    pub(super) fn watcher() -> Self {
        Self { role: Role::Watch, name: None }
    }

    pub(super) fn with(key: &ApiKey) -> Self {
        Self { role: key.role(), name: Some(key.name().to_owned()) }
    }

    /// Of a request that was admitted.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(Self::nobody)
    }

    pub(crate) fn may(&self, role: Role) -> bool {
        self.role >= role
    }

    /// Writes into the log whose key did what to a task.
    pub(crate) fn note(&self, did: &'static str, task: TaskId) {
        if let Some(actor) = &self.name {
            tracing::info!(task.id = %task, actor, "{did} by {actor}");
        }
    }
}
