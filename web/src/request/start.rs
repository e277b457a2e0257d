//! The request to start a task, read field by field, so that each refusal names its field.

use caudal_engine::use_cases::start::StartRequest;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::body::invalid_json;
use crate::api_error::{ApiError, Reason};

const FIELDS: &[&str] = &[
    "flow",
    "inputs",
    "notify",
    "delay_seconds",
    "priority",
    "tags",
    "unique_key",
    "locale",
    "max_cost",
    "max_tokens",
];

pub(crate) fn start_request(body: &Value) -> Result<StartRequest, ApiError> {
    let fields = body.as_object().ok_or_else(|| invalid_json("The request must be a JSON object."))?;
    let flow = match fields.get("flow") {
        Some(Value::String(flow)) if !flow.is_empty() => flow.clone(),
        _ => {
            return Err(ApiError::new(Reason::MissingFlow, "The request must name its 'flow'.")
                .hint("GET /flows lists them.")
                .at("/flow", "must be the name of a flow"));
        }
    };
    if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(unknown_field(unknown, FIELDS));
    }
    let get = |name: &'static str| fields.get(name).filter(|value| !value.is_null());
    Ok(StartRequest {
        flow,
        inputs: get("inputs").cloned(),
        notify: get("notify").map(|value| field("notify", value)).transpose()?,
        delay_seconds: get("delay_seconds").map(|value| field("delay_seconds", value)).transpose()?,
        priority: get("priority").map(|value| field("priority", value)).transpose()?,
        tags: get("tags").map(|value| field("tags", value)).transpose()?.unwrap_or_default(),
        unique_key: get("unique_key").map(|value| field("unique_key", value)).transpose()?,
        locale: get("locale").map(|value| field("locale", value)).transpose()?,
        max_cost: get("max_cost").map(|value| field("max_cost", value)).transpose()?,
        max_tokens: get("max_tokens").map(|value| field("max_tokens", value)).transpose()?,
        idempotency: None,
    })
}

pub(crate) fn unknown_field(name: &str, known: &[&str]) -> ApiError {
    let hint = match known {
        [] => "No field is known here.".to_owned(),
        known => format!("Known fields: {}", known.join(", ")),
    };
    ApiError::new(Reason::UnknownField, format!("The field '{}' is not known.", name.escape_debug()))
        .hint(hint)
        .at(pointer_to(name), "is not known")
}

/// A JSON pointer (RFC 6901).
fn pointer_to(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn field<T: DeserializeOwned>(name: &'static str, value: &Value) -> Result<T, ApiError> {
    T::deserialize(value).map_err(|error| {
        let message = error.to_string();
        let reason = if message.starts_with("unknown field") { Reason::UnknownField } else { Reason::InvalidInputs };
        ApiError::new(reason, format!("{name}: {message}.")).at(format!("/{name}"), message)
    })
}
