//! The budget: checked before each call of a model, and a question when it is used up.
//!
//! ```text
//! step.check_budget() ──something left──▶ the call ──▶ step.usage(…)
//!        │ used up
//!        ▼
//! the attempt is undone ──▶ "Raise the budget?" (signal `budget`, the task parks) ──yes──▶ the attempt begins again
//!                                      └──no──▶ the step fails with `over_budget`
//! ```
//!
//! Calls that are under way when the last of the budget goes are finished: a budget is held to within one call, or as
//! many as a flow makes at once. A child may spend what is left when it starts, and what it spent counts when it ends.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{FlowError, FlowResult};
use super::scope::Place;
use super::step::Made;
use super::step_context::StepContext;
use super::waiting::SignalWait;
use crate::task::NO_PLACE;
use crate::task::event::{ErrorReport, Teller, Usage};
use crate::task::{Budget, Key, UsageTotals};
use crate::use_cases::run::execution::Execution;
use crate::use_cases::run::history::History;

/// The name of the signal that raises a budget.
pub const BUDGET_SIGNAL: &str = "budget";

/// The answer to "Raise the budget?".
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetRaise {
    /// No: the step that wanted more fails.
    pub approved: bool,
    /// What the task may cost in all from now on. Left out, a cost limit that was reached is doubled.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub max_cost: Option<f64>,
    /// The tokens it may use in all from now on. Left out, a limit of tokens that was reached is doubled.
    #[serde(default)]
    pub max_tokens: Option<u64>,
}

/// What one call of a model took.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelUsage {
    pub model: Arc<str>,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// In the currency of the price table; none when the model has no price.
    pub cost: Option<f64>,
    /// The provider did not say; counted from the length of the texts.
    pub estimated: bool,
    /// A pretend model spoke.
    pub rehearsal: bool,
}

impl StepContext {
    /// Call it before anything that costs: an error when the task's budget is used up. Passed on with `?` it makes the
    /// task wait for a person's word, and then the step begins again.
    pub fn check_budget(&self) -> FlowResult<()> {
        let state = self.execution().state();
        match state.purse.used_up() {
            Some(why) => {
                Err(FlowError::OverBudget(ErrorReport::new("over_budget", format!("the budget is used up: {why}"))))
            }
            None => Ok(()),
        }
    }

    /// What the task may spend in all.
    pub fn budget(&self) -> Budget {
        self.execution().state().purse.budget
    }

    /// Says what a call of a model took: it is recorded for this step and counts towards the task's budget.
    pub fn usage(&self, usage: &ModelUsage) {
        let execution = self.execution();
        let ModelUsage { model, prompt_tokens, completion_tokens, cost, estimated, rehearsal } = usage.clone();
        let flow = execution.flow.name;
        let count = |kind: &'static str, tokens: u64| {
            metrics::counter!("caudal_model_tokens_total", "flow" => flow, "model" => model.to_string(), "kind" => kind)
                .increment(tokens);
        };
        count("prompt", prompt_tokens);
        count("completion", completion_tokens);
        if let Some(cost) = cost {
            metrics::gauge!("caudal_model_cost", "flow" => flow, "model" => model.to_string()).increment(cost);
        }
        let teller = Teller { step: Some(self.key().clone()), attempt: Some(self.attempt()), key: None };
        execution.tell(Usage { model, prompt_tokens, completion_tokens, cost, estimated, rehearsal, teller }.into());
    }
}

/// What a task has spent, and what it may.
#[derive(Debug)]
pub(crate) struct Purse {
    pub(crate) budget: Budget,
    pub(crate) spent: UsageTotals,
    /// How often somebody has answered.
    answers: u32,
    /// Somebody said no: whoever wants more now is not asked for again.
    refused: bool,
}

impl Purse {
    /// As the log says: what was spent, and how the budget was raised.
    pub(crate) fn of(budget: Budget, history: &History) -> Self {
        let mut purse = Self { budget, spent: history.spent.clone(), answers: 0, refused: false };
        while let Some(answer) = history.answers.get(&question_key(purse.answers + 1)) {
            purse.answers += 1;
            if let Ok(raise) = answer.parse::<BudgetRaise>() {
                purse.refused = !raise.approved;
                purse.raise(raise);
            }
        }
        purse
    }

    fn used_up(&self) -> Option<String> {
        self.budget.used_up_by(&self.spent)
    }

    pub(crate) fn left(&self) -> Budget {
        self.budget.left_after(&self.spent)
    }

    fn raise(&mut self, raise: BudgetRaise) {
        const LEAST_TOKENS: u64 = 1_000;
        const LEAST_COST: f64 = 0.01;
        if !raise.approved {
            return;
        }
        let cost_only = Budget { max_tokens: None, ..self.budget };
        let tokens_only = Budget { max_cost: None, ..self.budget };
        if raise.max_cost.is_some() {
            self.budget.max_cost = raise.max_cost;
        } else if cost_only.used_up_by(&self.spent).is_some() {
            self.budget.max_cost = self.budget.max_cost.map(|most| (2.0 * most).max(LEAST_COST));
        }
        if raise.max_tokens.is_some() {
            self.budget.max_tokens = raise.max_tokens;
        } else if tokens_only.used_up_by(&self.spent).is_some() {
            self.budget.max_tokens = self.budget.max_tokens.map(|most| most.saturating_mul(2).max(LEAST_TOKENS));
        }
    }
}

/// Asks a person for more, once however many steps want it. Returns when there is more.
pub(super) async fn ask_for_more(execution: &Arc<Execution>) -> FlowResult<()> {
    let _turn = execution.purse_turn.lock().await;
    let (question, number) = {
        let state = execution.state();
        let Some(why) = state.purse.used_up() else { return Ok(()) };
        if state.purse.refused {
            return Err(refused(&why));
        }
        (format!("The budget is used up: {why}. Raise it?"), state.purse.answers + 1)
    };
    let place = Place { key: question_key(number), ordinal: NO_PLACE };
    let made = Made { execution: execution.clone(), place, name: BUDGET_SIGNAL.into(), mismatch: false };
    let answer = SignalWait::question::<BudgetRaise>(made, BUDGET_SIGNAL.into(), question.into());
    let raise = answer.value::<BudgetRaise>().await?.unwrap_or_default();
    let mut state = execution.state();
    let purse = &mut state.purse;
    purse.answers = number;
    purse.refused = !raise.approved;
    purse.raise(raise);
    match purse.used_up() {
        Some(why) if purse.refused => Err(refused(&why)),
        // A raise that is not enough is answered by the next question.
        _ => Ok(()),
    }
}

fn refused(why: &str) -> FlowError {
    FlowError::GiveUp(ErrorReport::new("over_budget", format!("the budget is used up and was not raised: {why}")))
}

const QUESTIONS: &str = "~budget/";

/// The same whichever step asks: it belongs to the task.
fn question_key(number: u32) -> Key {
    format!("{QUESTIONS}{number}").into()
}

/// Whether this is the key of a question about the budget. A retry asks anew: it takes no answer over.
pub(crate) fn is_question(key: &str) -> bool {
    key.starts_with(QUESTIONS)
}
