//! `ApiError`: every way in which a request is refused, and the only place that knows status codes.
//!
//! On the wire it is a problem document (RFC 9457), with `error` beside `detail` because existing clients read that.

mod engine_errors;

pub(crate) use engine_errors::verb_of;

use std::fmt;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use caudal_engine::use_cases::inputs::Violation;
use serde::Serialize;

const MOST_CHARACTERS: usize = 1_000;

pub(crate) type ApiResult = Result<HttpResponse, ApiError>;

macro_rules! reasons {
    ($( $name:ident $status:literal $code:literal $title:literal )*) => {
        /// Why a request is refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Reason { $( $name, )* }

        impl Reason {
            /// The row of the table: status, code, title.
            fn row(self) -> (u16, &'static str, &'static str) {
                match self { $( Self::$name => ($status, $code, $title), )* }
            }
        }
    };
}

reasons! {
    InvalidJson 400 "invalid_json" "The body is not the JSON that is asked for"
    MissingFlow 400 "missing_flow" "No flow is named"
    UnknownFlow 400 "unknown_flow" "There is no such flow"
    UnknownField 400 "unknown_field" "A field is not known"
    InvalidInputs 400 "invalid_inputs" "The inputs do not fit"
    InvalidQuery 400 "invalid_query" "The query cannot be understood"
    Unauthenticated 401 "unauthenticated" "It is not known who asks"
    Forbidden 403 "forbidden" "The role does not allow it"
    Csrf 403 "csrf" "The CSRF token is missing or wrong"
    NotFound 404 "not_found" "There is nothing here"
    MethodNotAllowed 405 "method_not_allowed" "The path does not know this method"
    BodyTimeout 408 "body_timeout" "The body did not arrive"
    IdempotencyConflict 409 "idempotency_conflict" "The idempotency key was used with another body"
    WrongState 409 "wrong_state" "The task's state does not allow it"
    AlreadyAnswered 409 "already_answered" "The approval was answered already"
    TooLarge 413 "too_large" "The body is too large"
    UnsupportedMediaType 415 "unsupported_media_type" "The body is not JSON by its content type"
    UnknownHost 421 "unknown_host" "This host is not served here"
    RateLimited 429 "rate_limited" "Too much at once"
    LineFull 429 "line_full" "The line is full"
    FlowNotConfigured 503 "flow_not_configured" "The flow lacks something that it needs"
    StoreUnavailable 503 "store_unavailable" "The store cannot be reached"
    ArchiveBehind 503 "archive_behind" "The archive is behind"
    Internal 500 "internal" "Something went wrong here"
}

#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    reason: Reason,
    detail: String,
    hint: Option<String>,
    errors: Vec<Violation>,
    allow: Option<String>,
    /// A key was shown, and it is none of ours.
    is_wrong_key: bool,
    retry_after_seconds: Option<u32>,
}

impl ApiError {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: shortened(detail.into()),
            hint: None,
            errors: Vec::new(),
            allow: None,
            is_wrong_key: false,
            retry_after_seconds: None,
        }
    }

    /// The cause goes to the log, not to the client.
    pub(crate) fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(cause = %cause, "a request failed for an unexpected reason");
        Self::new(Reason::Internal, "An unexpected error; its cause is in the server's log.")
    }

    pub(crate) fn no_task() -> Self {
        Self::new(Reason::NotFound, "There is no such task.")
    }

    pub(crate) fn no_notification() -> Self {
        Self::new(Reason::NotFound, "There is no such notification.")
    }

    pub(crate) fn method_not_allowed(method: &str, allow: String) -> Self {
        let error = Self::new(Reason::MethodNotAllowed, format!("{method} is not possible here; possible: {allow}."));
        Self { allow: Some(allow), ..error }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(crate) fn of_wrong_key(mut self) -> Self {
        self.is_wrong_key = true;
        self
    }

    #[must_use]
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after_seconds = u32::try_from(wait.as_secs() + 1).ok();
        self
    }

    pub(crate) fn is_unauthenticated(&self) -> bool {
        self.reason == Reason::Unauthenticated
    }

    #[must_use]
    pub(crate) fn errors(mut self, errors: Vec<Violation>) -> Self {
        self.errors = errors;
        for error in &mut self.errors {
            error.path = shortened(std::mem::take(&mut error.path));
            error.message = shortened(std::mem::take(&mut error.message));
        }
        self
    }

    #[must_use]
    pub(crate) fn at(self, path: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors(vec![Violation { path: path.into(), message: message.into() }])
    }

    /// The problem document, to be sent alone or as one item's answer among many.
    pub(crate) fn problem(&self) -> Problem<'_> {
        let (status, code, title) = self.reason.row();
        Problem {
            r#type: format!("urn:caudal:problem:{code}"),
            title,
            status,
            detail: &self.detail,
            code,
            hint: self.hint.as_deref(),
            errors: &self.errors,
            error: &self.detail,
        }
    }

    fn retry_after_seconds(&self) -> Option<u32> {
        self.retry_after_seconds.or(match self.reason {
            Reason::LineFull | Reason::ArchiveBehind => Some(5),
            // Somebody must change the settings and start the server again.
            Reason::FlowNotConfigured => Some(60),
            Reason::RateLimited | Reason::StoreUnavailable => Some(1),
            _ => None,
        })
    }
}

/// What a client sent is named in the answer, but not sent back whole.
fn shortened(text: String) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Problem<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Violation]>::is_empty")]
    errors: &'a [Violation],
    error: &'a str,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.reason.row().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::build(self.status_code());
        response.content_type("application/problem+json").insert_header((CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.retry_after_seconds() {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((ALLOW, allow.clone()));
        }
        if self.is_unauthenticated() {
            let challenge = if self.is_wrong_key { "Bearer error=\"invalid_token\"" } else { "Bearer" };
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        response.body(serde_json::to_vec(&self.problem()).unwrap_or_default())
    }
}
