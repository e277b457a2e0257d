//! A task as the stores keep it beside its log: what is needed to put it in line, claim it and list it.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::Key;
use super::ids::{Claim, TaskId, Tenant, WorkerId};
use super::json::Json;
use super::state::{TaskState, WireState};
use super::summary::Summary;
use super::time::Timestamp;
use super::usage::Budget;
use super::wait::Wait;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    High,
    #[default]
    Normal,
    Low,
}

impl Priority {
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// Who is asked first at this turn, then who else: of 20 claims at least 4 begin with normal and 1 with low.
    pub fn order_at(turn: u64) -> [Self; 3] {
        use Priority::{High, Low, Normal};
        match turn % 20 {
            19 => [Low, High, Normal],
            3 | 7 | 11 | 15 => [Normal, High, Low],
            _ => [High, Normal, Low],
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

/// The parent of a child task and the key under which it waits for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parent {
    pub task: TaskId,
    pub step: Key,
}

/// What a start can ask for beyond flow and inputs, and nobody searches by: stored as one piece of JSON.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TaskOptions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// All time counts towards it, parked or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continued_from: Option<TaskId>,
    /// JSON pointers to what is secret in the input, found when the task is created: stores know no schema.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

impl TaskOptions {
    /// The input as a search may look at it: with stars for what is secret, or somebody who may search could guess it
    /// letter by letter.
    pub fn searchable<'a>(&self, input: &'a Json) -> Cow<'a, str> {
        if self.secrets.is_empty() {
            return input.text().into();
        }
        let mut value = input.to_value();
        for secret in &self.secrets {
            if let Some(place) = value.pointer_mut(secret) {
                *place = STARS.into();
            }
        }
        value.to_string().into()
    }

    pub fn budget(&self) -> Budget {
        Budget { max_cost: self.max_cost, max_tokens: self.max_tokens }
    }

    pub fn set_budget(&mut self, budget: Budget) {
        self.max_cost = budget.max_cost;
        self.max_tokens = budget.max_tokens;
    }
}

/// What stands where a secret is.
pub(crate) const STARS: &str = "***";

fn is_zero(depth: &u32) -> bool {
    *depth == 0
}

/// A task to be created. Its creator chooses the id, so that creating it twice creates it once.
#[derive(Debug, Clone)]
pub struct NewTask {
    pub id: TaskId,
    pub tenant: Tenant,
    pub flow: Arc<str>,
    pub version: u32,
    pub priority: Priority,
    pub created_at: Timestamp,
    pub due_at: Timestamp,
    pub input: Json,
    pub tags: Vec<String>,
    pub unique_key: Option<String>,
    pub idempotency: Option<Idempotency>,
    pub parent: Option<Parent>,
    pub retry_of: Option<TaskId>,
    pub options: TaskOptions,
    /// The bodies its log begins with: `task.created`, then what a retry takes over from the task before it.
    pub events: Vec<String>,
    pub summary: Summary,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    pub key: String,
    /// SHA-256 of the request, so that the same key with another body is noticed.
    pub body_hash: [u8; 32],
}

/// A stored task.
#[derive(Debug, Clone)]
pub struct TaskRecord {
    pub id: TaskId,
    pub tenant: Tenant,
    pub flow: Arc<str>,
    /// The version at which it was created.
    pub version: u32,
    /// The highest version that has run it; a lower one must not.
    pub ran_version: u32,
    pub state: TaskState,
    pub cancelling: bool,
    pub pausing: bool,
    pub priority: Priority,
    pub created_at: Timestamp,
    /// When it may be claimed; none while it is running, paused, ended, or waiting for somebody.
    pub due_at: Option<Timestamp>,
    /// Its first claim.
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub input: Json,
    pub tags: Vec<String>,
    pub unique_key: Option<String>,
    pub parent: Option<Parent>,
    pub retry_of: Option<TaskId>,
    pub options: TaskOptions,
    /// Who holds it.
    pub claim: Option<(Claim, WorkerId)>,
    /// Takeovers since a step last finished.
    pub takeovers: u32,
    /// The sequence number of its newest event.
    pub head: u64,
    /// The open waits, while it is parked.
    pub waits: Vec<Wait>,
    pub summary: Summary,
}

impl TaskRecord {
    pub fn wire_state(&self) -> WireState {
        self.state.wire_state(self.started_at.is_some())
    }
}
