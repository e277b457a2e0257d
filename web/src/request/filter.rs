//! Which tasks: the same words in the query of a list, in a stream's filter and in the body of a bulk control.

use caudal_engine::ports::TaskFilter;
use caudal_engine::task::{Tenant, Timestamp, WireState};
use serde_json::{Map, Value};

use super::query::{Query, invalid};
use crate::api_error::{ApiError, Reason};

pub(crate) const MOST_TASKS_PER_PAGE: usize = 200;
const USUAL_TASKS_PER_PAGE: usize = 50;
const NAMES: &str = "flow, state, tag, q, parent, after, before, cursor";

pub(crate) fn filter_of_query(query: &Query, tenant: Tenant) -> Result<TaskFilter, ApiError> {
    let mut filter =
        TaskFilter { tenant, limit: query.limit(USUAL_TASKS_PER_PAGE, MOST_TASKS_PER_PAGE)?, ..TaskFilter::default() };
    for (name, value) in query.pairs() {
        // Read already.
        if value.is_empty() || name == "limit" {
            continue;
        }
        put(&mut filter, name, value)?;
    }
    Ok(filter)
}

/// Of a body: each field a text, `state` also a list of texts.
pub(crate) fn filter_of_json(fields: &Map<String, Value>, tenant: Tenant) -> Result<TaskFilter, ApiError> {
    let mut filter = TaskFilter { tenant, limit: MOST_TASKS_PER_PAGE, ..TaskFilter::default() };
    for (name, value) in fields {
        let texts = match value {
            Value::Array(items) if name == "state" => items.iter().collect(),
            Value::Null => Vec::new(),
            value => vec![value],
        };
        for text in texts {
            put(&mut filter, name, text.as_str().ok_or_else(|| invalid(name, "must be a text"))?)?;
        }
    }
    Ok(filter)
}

fn put(filter: &mut TaskFilter, name: &str, value: &str) -> Result<(), ApiError> {
    match name {
        "flow" => filter.flow = Some(value.to_owned()),
        "tag" => filter.tag = Some(value.to_owned()),
        "q" => filter.text = Some(value.to_owned()),
        "state" => {
            for state in value.split(',') {
                filter.states.push(WireState::parse(state.trim()).ok_or_else(|| unknown_state(state))?);
            }
        }
        "parent" => filter.parent = Some(value.parse().map_err(|_| invalid(name, "must be a task's id"))?),
        "cursor" => filter.cursor = Some(value.parse().map_err(|_| invalid(name, "must be the 'next' of a page"))?),
        "after" => filter.created_after = Some(time(name, value)?),
        "before" => filter.created_before = Some(time(name, value)?),
        _ => {
            return Err(ApiError::new(Reason::UnknownField, format!("The filter '{name}' is not known."))
                .hint(format!("Known filters: {NAMES}"))
                .at(format!("/{name}"), "is not known"));
        }
    }
    Ok(())
}

fn time(name: &str, value: &str) -> Result<Timestamp, ApiError> {
    Timestamp::parse(value).ok_or_else(|| invalid(name, "must be a time such as 2026-11-21T04:26:35Z"))
}

fn unknown_state(state: &str) -> ApiError {
    let known: Vec<_> = WireState::ALL.iter().map(|state| state.as_str()).collect();
    invalid("state", &format!("'{}' is none; states: {}", state.escape_debug(), known.join(", ")))
}
