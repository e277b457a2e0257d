//! What a parked task waits for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::Key;
use super::ids::TaskId;
use super::json::Json;
use super::time::Timestamp;

/// An open wait, stored when a task parks and shown to clients as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// The key of the wait, or an approval's id: what an answer refers to.
    pub id: Key,
    pub kind: WaitKind,
    /// For a signal or an approval: the name to send the value to. Else what people call it.
    pub name: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Arc<str>>,
    /// What a person is to approve, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Json>,
    /// The JSON Schema of the awaited value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Json>,
    pub since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<TaskId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitKind {
    Sleep,
    Signal,
    Approval,
    Child,
}

impl Wait {
    /// Whether a signal of this name ends the wait.
    pub fn hears_signal(&self, name: &str) -> bool {
        matches!(self.kind, WaitKind::Signal | WaitKind::Approval) && &*self.name == name
    }

    /// Whether the end of this child ends the wait.
    pub fn hears_child(&self, child: TaskId) -> bool {
        self.child == Some(child)
    }
}

/// Names that begin so are approvals: they are answered once, and a second answer is refused.
pub const APPROVAL_PREFIX: &str = "approval-";
