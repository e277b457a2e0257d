//! What a task's calls of models took, and how much they may take.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::Usage;

/// The sums of all `usage` events of a task, attempts that failed included, and of its children that have ended.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UsageTotals {
    pub calls: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// Of the calls whose model has a price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    pub models: BTreeSet<Arc<str>>,
    /// Some of the figures were counted from the length of texts.
    pub estimated: bool,
    /// A pretend model spoke: nothing of what it said is meant.
    pub rehearsal: bool,
}

impl UsageTotals {
    pub fn add(&mut self, usage: &Usage) {
        self.calls += 1;
        self.prompt_tokens = self.prompt_tokens.saturating_add(usage.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(usage.completion_tokens);
        if let Some(cost) = usage.cost {
            self.cost = Some(self.cost.unwrap_or(0.0) + cost);
        }
        if !self.models.contains(&usage.model) {
            self.models.insert(usage.model.clone());
        }
        self.estimated |= usage.estimated;
        self.rehearsal |= usage.rehearsal;
    }

    /// What a child took is its parent's spending, too.
    pub fn merge(&mut self, other: &Self) {
        self.calls += other.calls;
        self.prompt_tokens = self.prompt_tokens.saturating_add(other.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(other.completion_tokens);
        if let Some(cost) = other.cost {
            self.cost = Some(self.cost.unwrap_or(0.0) + cost);
        }
        self.models.extend(other.models.iter().cloned());
        self.estimated |= other.estimated;
        self.rehearsal |= other.rehearsal;
    }

    pub fn tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    pub fn is_empty(&self) -> bool {
        self.calls == 0
    }
}

/// The most that a task may spend on models; none is without limit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Budget {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
}

impl Budget {
    /// Why nothing more may be spent, in words for the person who is asked; none while something is left.
    pub fn used_up_by(&self, spent: &UsageTotals) -> Option<String> {
        match (self.max_cost, self.max_tokens) {
            (Some(most), _) if spent.cost.unwrap_or(0.0) >= most => {
                Some(format!("{:.4} of at most {most} spent", spent.cost.unwrap_or(0.0)))
            }
            (_, Some(most)) if spent.tokens() >= most => {
                Some(format!("{} of at most {most} tokens used", spent.tokens()))
            }
            _ => None,
        }
    }

    /// What is left of it: for a child, or for the task that goes on in place of this one.
    #[must_use]
    pub fn left_after(&self, spent: &UsageTotals) -> Self {
        Self {
            max_cost: self.max_cost.map(|most| (most - spent.cost.unwrap_or(0.0)).max(0.0)),
            max_tokens: self.max_tokens.map(|most| most.saturating_sub(spent.tokens())),
        }
    }

    /// The narrower of two.
    #[must_use]
    pub fn and(&self, other: Self) -> Self {
        let narrower = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let max_tokens = match (self.max_tokens, other.max_tokens) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self { max_cost: narrower(self.max_cost, other.max_cost), max_tokens }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(cost: Option<f64>, tokens: u64) -> UsageTotals {
        UsageTotals { calls: 1, prompt_tokens: tokens, cost, ..UsageTotals::default() }
    }

    /// Goal: a budget is used up when as much is spent as it allows, and nothing is never enough.
    #[test]
    fn used_up_at_its_limit() {
        let cost = Budget { max_cost: Some(0.5), max_tokens: None };
        let tokens = Budget { max_cost: None, max_tokens: Some(100) };
        assert_eq!(cost.used_up_by(&spent(Some(0.49), 1 << 40)), None);
        assert!(cost.used_up_by(&spent(Some(0.5), 0)).is_some());
        assert_eq!(tokens.used_up_by(&spent(Some(9.0), 99)), None);
        assert!(tokens.used_up_by(&spent(None, 100)).is_some());
        assert!(Budget { max_tokens: Some(0), ..Budget::default() }.used_up_by(&UsageTotals::default()).is_some());
        assert_eq!(Budget::default().used_up_by(&spent(Some(1e9), u64::MAX)), None);
    }

    /// Goal: a child gets no more than what is left, and no more than its own flow allows.
    #[test]
    fn what_is_left_goes_along() {
        let budget = Budget { max_cost: Some(1.0), max_tokens: Some(100) };
        let left = budget.left_after(&spent(Some(0.75), 200));
        assert_eq!(left, Budget { max_cost: Some(0.25), max_tokens: Some(0) });
        let own = Budget { max_cost: Some(0.1), max_tokens: None };
        assert_eq!(left.and(own), Budget { max_cost: Some(0.1), max_tokens: Some(0) });
    }
}
