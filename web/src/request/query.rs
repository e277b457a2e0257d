//! The part after the question mark, and the ids in a path.

use std::time::Duration;

use actix_web::HttpRequest;
use caudal_engine::task::TaskId;
use url::form_urlencoded;

use crate::api_error::{ApiError, Reason};

const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The pairs of a query string, in order.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        Self::parse(request.query_string())
    }

    pub(crate) fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// As forms send what was left empty: as if it were not there.
    fn given(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs().filter(move |(found, _)| *found == name).map(|(_, value)| value)
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        self.given(name).map(|value| value.parse().map_err(|_| invalid(name, "must be a whole number"))).transpose()
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.given(name).map(|value| value.parse().map_err(|_| invalid(name, "must be 'true' or 'false'"))).transpose()
    }

    /// `limit`, bounded.
    pub(crate) fn limit(&self, usual: usize, most: usize) -> Result<usize, ApiError> {
        match self.number("limit")? {
            None => Ok(usual),
            Some(limit) if (1..=most as u64).contains(&limit) => Ok(usize::try_from(limit).unwrap_or(most)),
            Some(_) => Err(invalid("limit", &format!("must be between 1 and {most}"))),
        }
    }

    /// `wait`, in seconds.
    pub(crate) fn wait(&self) -> Result<Option<Duration>, ApiError> {
        let Some(text) = self.given("wait") else { return Ok(None) };
        let wrong = || invalid("wait", &format!("must be between 0 and {} seconds", LONGEST_WAIT.as_secs()));
        let seconds: f64 = text.parse().map_err(|_| wrong())?;
        if !(0.0..=LONGEST_WAIT.as_secs_f64()).contains(&seconds) {
            return Err(wrong());
        }
        Ok(Some(Duration::from_secs_f64(seconds)))
    }
}

pub(crate) fn invalid(name: &str, message: &str) -> ApiError {
    ApiError::new(Reason::InvalidQuery, format!("{name} {message}.")).at(format!("/{name}"), message)
}

/// The task that a path names. What is no id is no task.
pub(crate) fn task_id(text: &str) -> Result<TaskId, ApiError> {
    text.parse().map_err(|_| ApiError::no_task())
}

/// `<id>@<number>`; without a number the log from its beginning.
pub(crate) fn log_and_number(text: &str) -> Result<(&str, u64), ApiError> {
    match text.split_once('@') {
        None => Ok((text, 0)),
        Some((id, number)) => {
            let number =
                number.parse().map_err(|_| invalid("log", "must be an id, or an id, '@' and a whole number"))?;
            Ok((id, number))
        }
    }
}
