//! How a call of a model fails, and what a step makes of it.
//!
//! | what came | what the step does |
//! |---|---|
//! | 429, 5xx with `Retry-After`, or Gemini's word for it | parks that long, then tries again |
//! | 429 without, 5xx, a time-out, a connection that is cut, half a stream | tries again, later each time |
//! | too long for the model | once with half of it, where tools brought much; else gives up |
//! | 400, 401, 403, 404, no money left, a refusal, nothing said before the longest answer | gives up |
//!
//! No text here ever holds a key: what a provider says is cleaned of it, and of a refused key only the variable is named.

use std::time::Duration;

use caudal_engine::prelude::FlowError;
use caudal_engine::task::ErrorReport;
use thiserror::Error;

#[derive(Debug, Clone, Error, PartialEq)]
pub enum ModelError {
    #[error("{0}")]
    NotConfigured(String),
    #[error("{provider} refuses the key in {variable} ({status})")]
    KeyRefused { provider: &'static str, variable: &'static str, status: u16 },
    #[error("{provider} does not allow this with the key in {variable} ({status}): {said}")]
    Forbidden { provider: &'static str, variable: &'static str, status: u16, said: String },
    #[error("{provider} answers {status}: {said}")]
    Refused { provider: &'static str, status: u16, said: String },
    #[error("{provider} answers {status}: {said} (the conversation is too long for the model)")]
    TooLong { provider: &'static str, status: u16, said: String },
    #[error("{provider} is busy ({status}): {said}")]
    Busy { provider: &'static str, status: u16, said: String, after: Option<Duration> },
    #[error("{provider} cannot be reached: {cause}")]
    Unreachable { provider: &'static str, cause: String },
    #[error("{provider} sent nothing for {} s", .silence.as_secs_f32())]
    Silent { provider: &'static str, silence: Duration },
    #[error("the answer was cut off: {0}")]
    CutOff(String),
    #[error("the answer cannot be understood: {0}")]
    Malformed(String),
    #[error("the model answered nothing")]
    Empty,
    #[error("the model reached its longest answer before it said a word; let it write more (most_tokens)")]
    CutBeforeAWord,
    #[error("the model refused: {0}")]
    Declined(String),
    #[error("the provider's filter held the answer back")]
    Filtered,
}

impl ModelError {
    /// One word for metrics.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::NotConfigured(_) => "not_configured",
            Self::KeyRefused { .. } => "key_refused",
            Self::Forbidden { .. } => "forbidden",
            Self::Refused { .. } => "refused",
            Self::TooLong { .. } => "too_long",
            Self::Busy { .. } => "busy",
            Self::Unreachable { .. } => "unreachable",
            Self::Silent { .. } => "silent",
            Self::CutOff(_) => "cut_off",
            Self::Malformed(_) => "malformed",
            Self::Empty => "empty",
            Self::CutBeforeAWord => "cut_before_a_word",
            Self::Declined(_) => "declined",
            Self::Filtered => "filtered",
        }
    }
}

pub(crate) fn in_a_flows_words(error: &ModelError) -> FlowError {
    let text = error.to_string();
    match error {
        ModelError::NotConfigured(_)
        | ModelError::KeyRefused { .. }
        | ModelError::Forbidden { .. }
        | ModelError::Refused { .. }
        | ModelError::TooLong { .. }
        | ModelError::CutBeforeAWord
        | ModelError::Declined(_)
        | ModelError::Filtered => FlowError::GiveUp(ErrorReport::new("give_up", text)),
        ModelError::Busy { after: Some(after), .. } => FlowError::retry_after(*after, text),
        ModelError::Busy { after: None, .. }
        | ModelError::Unreachable { .. }
        | ModelError::Silent { .. }
        | ModelError::CutOff(_)
        | ModelError::Malformed(_)
        | ModelError::Empty => FlowError::failed(text),
    }
}
