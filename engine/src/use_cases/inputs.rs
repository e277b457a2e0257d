//! Values from outside held against the JSON Schema of the flow they are for, and masked before they are shown.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use serde::Serialize;
use serde_json::Value;

use super::branch_meant;
use crate::flow::FlowDefinition;
use crate::task::Json;
use crate::task::record::STARS;

/// One thing that is wrong with a value, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// A JSON pointer: `/theme`, empty for the whole.
    pub path: String,
    /// Whose words these are: never the value of a secret.
    pub message: String,
}

const MOST_VIOLATIONS: usize = 50;

/// Checks an input against its flow's schema.
pub fn check_input(flow: &'static FlowDefinition, input: &Value) -> Result<(), Vec<Violation>> {
    static VALIDATORS: OnceLock<RwLock<HashMap<&'static str, Arc<jsonschema::Validator>>>> = OnceLock::new();
    let validators = VALIDATORS.get_or_init(RwLock::default);
    let known = validators.read().unwrap_or_else(PoisonError::into_inner).get(flow.location).cloned();
    let validator = match known {
        Some(validator) => validator,
        None => {
            let made = Arc::new(compile(&(flow.input_schema)().to_value())?);
            validators.write().unwrap_or_else(PoisonError::into_inner).insert(flow.location, made.clone());
            made
        }
    };
    violations(&validator, input)
}

/// Checks a value against a schema that came with a wait.
pub fn check_value(schema: &Value, value: &Value) -> Result<(), Vec<Violation>> {
    violations(&compile(schema)?, value)
}

fn compile(schema: &Value) -> Result<jsonschema::Validator, Vec<Violation>> {
    jsonschema::options().should_validate_formats(true).build(schema).map_err(|error| {
        vec![Violation { path: String::new(), message: format!("the schema itself cannot be used: {error}") }]
    })
}

fn violations(validator: &jsonschema::Validator, value: &Value) -> Result<(), Vec<Violation>> {
    let mut found = Vec::new();
    for error in validator.iter_errors(value) {
        branch_meant::tell(&error, &mut found);
        if found.len() >= MOST_VIOLATIONS {
            found.truncate(MOST_VIOLATIONS);
            break;
        }
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// The input with every `Secret` field replaced by stars.
pub fn masked(schema: &Json, input: &Json) -> Json {
    if !schema.text().contains(SECRET) {
        return input.clone();
    }
    let mut value = input.to_value();
    for secret in secrets(schema, &value) {
        if let Some(place) = value.pointer_mut(&secret) {
            *place = STARS.into();
        }
    }
    value.into()
}

/// Where an input has secrets, to be kept with its task. Of too many places to keep it is secret as a whole.
pub(crate) fn secrets_of(flow: &FlowDefinition, input: &Json) -> Vec<String> {
    const MOST_PLACES: usize = 64;
    let schema = (flow.input_schema)();
    if !schema.text().contains(SECRET) {
        return Vec::new();
    }
    let found = secrets(schema, &input.to_value());
    if found.len() > MOST_PLACES { vec![String::new()] } else { found }
}

/// What a schema says of a `Secret`.
const SECRET: &str = "writeOnly";

/// JSON pointers to all of them that have a value.
fn secrets(schema: &Json, input: &Value) -> Vec<String> {
    let root = schema.to_value();
    let mut found = Vec::new();
    find_secrets(&root, &root, input, "", &mut found, 0);
    found.sort_unstable();
    found.dedup();
    found
}

fn find_secrets(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>, depth: usize) {
    const DEEPEST: usize = 64;
    if depth > DEEPEST || value.is_null() {
        return;
    }
    if schema.get(SECRET) == Some(&Value::Bool(true)) {
        found.push(at.to_owned());
        return;
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str)
        && let Some(target) = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer))
    {
        find_secrets(root, target, value, at, found, depth + 1);
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        for branch in schema.get(word).and_then(Value::as_array).into_iter().flatten() {
            find_secrets(root, branch, value, at, found, depth + 1);
        }
    }
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let known = schema.get("properties").and_then(|properties| properties.get(name));
                if let Some(schema) = known.or_else(|| schema.get("additionalProperties")) {
                    let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                    find_secrets(root, schema, field, &at, found, depth + 1);
                }
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                let prefix = schema.get("prefixItems").and_then(|prefix| prefix.get(place));
                if let Some(schema) = prefix.or_else(|| schema.get("items")) {
                    find_secrets(root, schema, item, &format!("{at}/{place}"), found, depth + 1);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::TaskOptions;

    /// Goal: secrets are found wherever a schema can put them, and nothing else is; of very many the whole is one.
    #[test]
    fn where_secrets_are() {
        let schema = Json::from_text(
            r##"{
                "properties": {
                    "theme": {"type": "string"},
                    "a/b~c": {"type": "string", "writeOnly": true},
                    "maybe": {"anyOf": [{"type": "string", "writeOnly": true}, {"type": "null"}]},
                    "login": {"$ref": "#/$defs/Login"},
                    "list": {"items": {"$ref": "#/$defs/Login"}}
                },
                "$defs": {"Login": {"properties": {"name": {}, "password": {"writeOnly": true}}}}
            }"##,
        )
        .unwrap();
        let input = Json::from_text(
            r#"{"theme":"rain","a/b~c":"s3cr3t","maybe":null,"login":{"name":"ann","password":"s3cr3t"},
                "list":[{"name":"bob"},{"name":"eve","password":{"pin":"s3cr3t"}}]}"#,
        )
        .unwrap();
        let places = ["/a~1b~0c", "/list/1/password", "/login/password"];
        assert_eq!(secrets(&schema, &input.to_value()), places);
        let options = TaskOptions { secrets: places.map(str::to_owned).to_vec(), ..TaskOptions::default() };
        for text in [masked(&schema, &input).text(), &*options.searchable(&input)] {
            assert!(!text.contains("s3cr3t") && ["rain", "ann", "eve", "***"].iter().all(|seen| text.contains(seen)));
        }
        let whole = TaskOptions { secrets: vec![String::new()], ..TaskOptions::default() };
        assert_eq!(whole.searchable(&input), "\"***\"");
    }
}
