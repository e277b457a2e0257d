//! How a step or a flow fails, in the few ways that matter to what happens next.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::task::{ErrorReport, Json};

pub type FlowResult<T> = Result<T, FlowError>;

/// Any error that implements `std::error::Error` turns into `Failed` with `?`.
#[derive(Debug, Clone)]
pub enum FlowError {
    /// What was given cannot be worked with. Not retried.
    InvalidInput(ErrorReport),
    /// It went wrong; another attempt may go better.
    Failed(ErrorReport),
    /// It went wrong and will again. Not retried.
    GiveUp(ErrorReport),
    /// Try again after this long, because a service asked for it. Twenty times in a step this counts as no failure.
    RetryAfter(Duration, ErrorReport),
    /// The task's budget is used up. A step that ends so is no failed attempt: a person is asked, and with more budget it
    /// is tried again.
    OverBudget(ErrorReport),
    /// The task is being cancelled, or its time is over; only `cleanup` steps run from here.
    Cancelled,
    /// Not an error: ends this task and goes on in a new one. Made by `ctx.continue_as_new(input)`.
    ContinueAsNew(Json),
}

impl FlowError {
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(ErrorReport::new("failed", message))
    }

    pub fn give_up(message: impl Into<String>) -> Self {
        Self::GiveUp(ErrorReport::new("give_up", message))
    }

    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::InvalidInput(ErrorReport::new("invalid_input", message))
    }

    pub fn retry_after(after: Duration, message: impl Into<String>) -> Self {
        Self::RetryAfter(after, ErrorReport::new("failed", message))
    }

    /// The word by which programs tell errors apart.
    pub fn kind(&self) -> &str {
        match self {
            Self::InvalidInput(report)
            | Self::Failed(report)
            | Self::GiveUp(report)
            | Self::RetryAfter(_, report)
            | Self::OverBudget(report) => &report.kind,
            Self::Cancelled => "cancelled",
            Self::ContinueAsNew(_) => "continue_as_new",
        }
    }

    pub fn report(&self) -> ErrorReport {
        match self {
            Self::InvalidInput(report)
            | Self::Failed(report)
            | Self::GiveUp(report)
            | Self::RetryAfter(_, report)
            | Self::OverBudget(report) => report.clone(),
            Self::Cancelled => ErrorReport::new("cancelled", "the task is being cancelled"),
            Self::ContinueAsNew(_) => {
                ErrorReport::new("continue_as_new", "continue_as_new belongs to the flow, not to a step")
            }
        }
    }

    /// Says which step it was, unless an inner one already did.
    pub(crate) fn at_step(mut self, name: &Arc<str>, attempt: u32) -> Self {
        if let Self::InvalidInput(report)
        | Self::Failed(report)
        | Self::GiveUp(report)
        | Self::RetryAfter(_, report)
        | Self::OverBudget(report) = &mut self
            && report.step.is_none()
        {
            report.step = Some(name.clone());
            report.attempt = Some(attempt);
        }
        self
    }
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report().message)
    }
}

impl<E: std::error::Error> From<E> for FlowError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.contains(&cause_text) {
                message.push_str(": ");
                message.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self::failed(message)
    }
}
