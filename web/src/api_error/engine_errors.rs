//! What the engine refuses, in the wire's words. Each match is exhaustive, so that a new refusal must choose its row.

use caudal_engine::flow::Missing;
use caudal_engine::ports::{
    Control, ControlRefused, CreateRefused, PutRefused, ResendRefused, SignalRefused, StoreError, TemplateError,
};
use caudal_engine::task::WireState;
use caudal_engine::use_cases::retry::RetryError;
use caudal_engine::use_cases::send_notification::SendError;
use caudal_engine::use_cases::signal::SignalError;
use caudal_engine::use_cases::start::StartError;

use super::{ApiError, Reason};

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let unsure = "The store cannot be reached: it may or may not have happened.";
        match error {
            StoreError::Unavailable(cause) => {
                tracing::warn!(cause, "the store cannot be reached");
                Self::new(Reason::StoreUnavailable, unsure)
                    .hint("Repeat the request with the same Idempotency-Key: then it happens once.")
            }
            StoreError::Full(cause) => {
                tracing::error!(cause, "the store has no space left");
                Self::new(Reason::StoreUnavailable, "The store has no space left; nothing was changed.")
                    .hint("Free space where the data folder is, then repeat the request.")
            }
            StoreError::Corrupt(cause) => Self::internal(cause),
        }
    }
}

impl From<CreateRefused> for ApiError {
    fn from(error: CreateRefused) -> Self {
        match error {
            CreateRefused::IdempotencyConflict { first } => Self::new(
                Reason::IdempotencyConflict,
                format!("This Idempotency-Key was used with another body; that request started {first}."),
            )
            .hint("Use a new key for a new request, or repeat the first one unchanged."),
            CreateRefused::LineFull => Self::new(Reason::LineFull, "Too many tasks are in line; try again later."),
            CreateRefused::OutboxFull => outbox_full().hint("A start without notify is not refused for it."),
            CreateRefused::ArchiveBehind => {
                Self::new(Reason::ArchiveBehind, "Too many ended tasks wait to be archived; nothing new is started.")
                    .hint("Look whether the archive's database can be reached and has space, then repeat the request.")
            }
        }
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::UnknownFlow { flow, known } => {
                Self::new(Reason::UnknownFlow, format!("There is no flow named '{flow}'."))
                    .hint(format!("Known flows: {}", known.join(", ")))
                    .at("/flow", "is not the name of a flow")
            }
            StartError::InvalidInputs { flow, violations } => {
                Self::new(Reason::InvalidInputs, format!("The inputs do not fit the flow '{flow}'."))
                    .hint(format!("GET /flows/{flow} shows the schema of its inputs."))
                    .errors(violations)
            }
            StartError::InvalidField { field, message } => {
                Self::new(Reason::InvalidInputs, format!("{field}: {message}.")).at(format!("/{field}"), message)
            }
            StartError::NotConfigured { flow, missing } => not_configured(flow, &missing),
            StartError::TooLarge { bytes, most } => too_large("The inputs have", bytes, most),
            StartError::Refused(refused) => refused.into(),
            StartError::Store(error) => error.into(),
        }
    }
}

impl From<SignalError> for ApiError {
    fn from(error: SignalError) -> Self {
        match error {
            SignalError::InvalidValue { violations } => {
                Self::new(Reason::InvalidInputs, "The value is not what the task waits for.").errors(violations)
            }
            SignalError::TooLarge { bytes, most } => too_large("The value has", bytes, most),
            SignalError::InvalidName => Self::new(Reason::InvalidInputs, "A signal's name has 1 to 255 bytes."),
            SignalError::Refused(refused) => refused.into(),
        }
    }
}

impl From<SignalRefused> for ApiError {
    fn from(error: SignalRefused) -> Self {
        match error {
            SignalRefused::NotFound => Self::no_task(),
            SignalRefused::WrongState { state } => {
                Self::new(Reason::WrongState, format!("The task is {}: it takes no signals.", state.as_str()))
                    .hint("A task takes signals in PENDING, PROGRESS, WAITING, PAUSED.")
            }
            SignalRefused::AlreadyAnswered => Self::new(Reason::AlreadyAnswered, "The approval was answered already."),
            SignalRefused::TooMany => Self::new(
                Reason::RateLimited,
                "Too many signals of this name wait to be taken, or the task's log is full.",
            )
            .hint("Try again when the task has taken some."),
            SignalRefused::Store(error) => error.into(),
        }
    }
}

impl From<RetryError> for ApiError {
    fn from(error: RetryError) -> Self {
        match error {
            RetryError::NotFound => Self::no_task(),
            RetryError::WrongState { state } => {
                wrong_state(state, "retry").hint("A task can be retried in SUCCESS, FAILURE, CANCELLED.")
            }
            RetryError::UnknownFlow { flow } => {
                Self::new(Reason::UnknownFlow, format!("There is no flow named '{flow}' any more."))
            }
            RetryError::NotConfigured { flow, missing } => not_configured(flow, &missing),
            RetryError::Refused(refused) => refused.into(),
            RetryError::Store(error) => error.into(),
        }
    }
}

impl From<SendError> for ApiError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::InvalidField { field, message } => {
                Self::new(Reason::InvalidInputs, format!("{field}: {message}.")).at(format!("/{field}"), message)
            }
            SendError::TooLarge { bytes, most } => too_large("The context has", bytes, most),
            SendError::Template(error) => {
                let place = match error {
                    TemplateError::Unknown { .. } => "/template",
                    TemplateError::Unfit { .. } => "/context",
                };
                let message = error.to_string();
                Self::new(Reason::InvalidInputs, format!("{message}.")).at(place, message)
            }
            SendError::Refused(PutRefused::IdempotencyConflict) => {
                let detail = "This Idempotency-Key was used with another body.";
                Self::new(Reason::IdempotencyConflict, detail)
                    .hint("Use a new key for a new request, or repeat the first one unchanged.")
            }
            SendError::Refused(PutRefused::OutboxFull) => outbox_full(),
            SendError::Store(error) => error.into(),
        }
    }
}

impl From<ResendRefused> for ApiError {
    fn from(error: ResendRefused) -> Self {
        match error {
            ResendRefused::NotFound => Self::no_notification(),
            ResendRefused::WrongState { state } => {
                let detail = format!("The notification is {}: retry is not possible.", state.as_str());
                Self::new(Reason::WrongState, detail).hint("It is possible in failed, suppressed.")
            }
            ResendRefused::Store(error) => error.into(),
        }
    }
}

pub(crate) fn verb_of(control: Control) -> &'static str {
    match control {
        Control::Cancel => "cancel",
        Control::Pause => "pause",
        Control::Resume => "resume",
    }
}

impl ApiError {
    /// A control that the state does not allow says which states do.
    pub(crate) fn of_control(error: ControlRefused, control: Control) -> Self {
        // Each may be repeated, so all that goes on allows all of them.
        Self::of_refusal(error, verb_of(control), "PENDING, PROGRESS, WAITING, PAUSED")
    }

    pub(crate) fn of_delete(error: ControlRefused) -> Self {
        Self::of_refusal(error, "delete", "SUCCESS, FAILURE, CANCELLED")
    }

    fn of_refusal(error: ControlRefused, verb: &str, allowed: &str) -> Self {
        match error {
            ControlRefused::NotFound => Self::no_task(),
            ControlRefused::WrongState { state } => {
                wrong_state(state, verb).hint(format!("It is possible in {allowed}."))
            }
            ControlRefused::Store(error) => error.into(),
        }
    }
}

fn wrong_state(state: WireState, verb: &str) -> ApiError {
    ApiError::new(Reason::WrongState, format!("The task is {}: {verb} is not possible.", state.as_str()))
}

/// The hint names the settings.
fn not_configured(flow: &str, missing: &[Missing]) -> ApiError {
    let list =
        |word: fn(&Missing) -> &'static str, between: &str| missing.iter().map(word).collect::<Vec<_>>().join(between);
    let detail = format!("The flow '{flow}' needs {}, which this server does not have.", list(|m| m.what, " and "));
    ApiError::new(Reason::FlowNotConfigured, detail).hint(list(|m| m.hint, " "))
}

fn outbox_full() -> ApiError {
    ApiError::new(Reason::LineFull, "Too many notifications wait to be sent; try again later.")
}

fn too_large(what: &str, bytes: usize, most: usize) -> ApiError {
    ApiError::new(Reason::TooLarge, format!("{what} {bytes} bytes; at most {most} are allowed."))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a full outbox refuses both; how to do without it is said to who starts a task, which alone can.
    #[test]
    fn a_full_outbox_says_what_helps() {
        let start = ApiError::from(CreateRefused::OutboxFull);
        assert!(start.hint.is_some_and(|hint| hint.contains("without notify")));
        assert_eq!(ApiError::from(SendError::Refused(PutRefused::OutboxFull)).hint, None);
    }
}
