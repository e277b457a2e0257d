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
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in query.pairs().filter(|(_, value)| !value.is_empty()) {
        // Whoever names two means both or either, and would be given the one that comes last.
        if seen.contains(&name) && name != "state" {
            return Err(invalid(name, "can be given once"));
        }
        seen.push(name);
        // Read already.
        if name == "limit" {
            continue;
        }
        put(&mut filter, name, value)?;
    }
    Ok(filter)
}

/// Of a body that steers all it finds: each field a text, `state` also a list of texts. A condition that says nothing is
/// a slip and not the wish for everything.
pub(crate) fn filter_of_json(fields: &Map<String, Value>, tenant: Tenant) -> Result<TaskFilter, ApiError> {
    let mut filter = TaskFilter { tenant, limit: MOST_TASKS_PER_PAGE, ..TaskFilter::default() };
    for (name, value) in fields {
        let texts = match value {
            Value::Array(items) if name == "state" => items.iter().collect(),
            value => vec![value],
        };
        if texts.is_empty() || texts.iter().any(|text| text.is_null() || text.as_str() == Some("")) {
            return Err(invalid(name, "says nothing; leave it out, or say what it must be"));
        }
        for text in texts {
            put(&mut filter, name, text.as_str().ok_or_else(|| invalid(name, "must be a text"))?)?;
        }
    }
    // A cursor says where to go on, and not which.
    if fields.keys().all(|name| name == "cursor") {
        let states = WireState::ALL.map(WireState::as_str);
        return Err(invalid("filter", "has no condition, and nobody means all tasks by leaving something out")
            .hint(format!("Say which tasks; all of them are {{\"state\": {}}}", Value::from(states.to_vec()))));
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
