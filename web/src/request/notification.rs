//! The request to send a notification, and which notifications a list is asked for.

use caudal_engine::notification::{Channel, NotificationId, NotificationState};
use caudal_engine::ports::NotificationFilter;
use caudal_engine::task::Tenant;
use caudal_engine::use_cases::send_notification::SendRequest;
use serde_json::Value;

use super::body::invalid_json;
use super::query::{Query, invalid};
use super::start::unknown_field;
use crate::api_error::{ApiError, Reason};

const FIELDS: &[&str] = &["to", "template", "context", "locale"];
const FILTERS: &str = "task, state, channel, to, cursor, limit";
const MOST_PER_PAGE: usize = 200;
const USUAL_PER_PAGE: usize = 50;

pub(crate) fn send_request(body: &Value) -> Result<SendRequest, ApiError> {
    let fields = body.as_object().ok_or_else(|| invalid_json("The request must be a JSON object."))?;
    if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(unknown_field(unknown, FIELDS));
    }
    let wrong = |name: &str, form: &str| {
        ApiError::new(Reason::InvalidInputs, format!("{name} {form}.")).at(format!("/{name}"), form)
    };
    let get = |name: &str| fields.get(name).filter(|value| !value.is_null());
    let text = |name: &str| get(name).map(|value| value.as_str().map(str::to_owned));
    let texts = |values: &Vec<Value>| values.iter().map(|value| value.as_str().map(str::to_owned)).collect();
    let to: Option<Vec<String>> = match get("to") {
        Some(Value::String(address)) => Some(vec![address.clone()]),
        Some(Value::Array(addresses)) => texts(addresses),
        _ => None,
    };
    Ok(SendRequest {
        to: to.ok_or_else(|| wrong("to", "must be a mail address or a list of them"))?,
        template: text("template").flatten().ok_or_else(|| wrong("template", "must be the name of a mail"))?,
        context: get("context").cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new())),
        locale: text("locale").map(|text| text.ok_or_else(|| wrong("locale", "must be a text"))).transpose()?,
        idempotency: None,
    })
}

pub(crate) fn notification_filter(query: &Query, tenant: Tenant) -> Result<NotificationFilter, ApiError> {
    let limit = query.limit(USUAL_PER_PAGE, MOST_PER_PAGE)?;
    let mut filter = NotificationFilter { tenant, limit, ..NotificationFilter::default() };
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in query.pairs().filter(|(_, value)| !value.is_empty()) {
        // As of tasks: the one that comes last would be all that counts.
        if seen.contains(&name) && name != "state" {
            return Err(invalid(name, "can be given once"));
        }
        seen.push(name);
        match name {
            // Read already.
            "limit" => {}
            "task" => filter.task = Some(value.parse().map_err(|_| invalid(name, "must be a task's id"))?),
            "to" => filter.recipient = Some(value.to_owned()),
            "channel" => {
                filter.channel = Some(Channel::parse(value).ok_or_else(|| invalid(name, "must be mail or webhook"))?);
            }
            "cursor" => filter.cursor = Some(value.parse().map_err(|_| invalid(name, "must be the 'next' of a page"))?),
            "state" => {
                for state in value.split(',') {
                    filter.states.push(NotificationState::parse(state.trim()).ok_or_else(|| unknown_state(state))?);
                }
            }
            _ => {
                return Err(ApiError::new(
                    Reason::UnknownField,
                    format!("The filter '{}' is not known.", name.escape_debug()),
                )
                .hint(format!("Known filters: {FILTERS}"))
                .at(format!("/{name}"), "is not known"));
            }
        }
    }
    Ok(filter)
}

fn unknown_state(state: &str) -> ApiError {
    let known: Vec<_> = NotificationState::ALL.iter().map(|state| state.as_str()).collect();
    invalid("state", &format!("'{}' is none; states: {}", state.escape_debug(), known.join(", ")))
}

/// The notification that a path names. What is no id is no notification.
pub(crate) fn notification_id(text: &str) -> Result<NotificationId, ApiError> {
    text.parse().map_err(|_| ApiError::no_notification())
}
