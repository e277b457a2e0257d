//! Values from outside held against the JSON Schema of the flow they are for, and masked before they are shown.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use serde::Serialize;
use serde_json::Value;

use super::branch_meant;
use crate::flow::FlowDefinition;
use crate::task::Json;

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
    let root = schema.to_value();
    if !schema.text().contains("writeOnly") {
        return input.clone();
    }
    let mut value = input.to_value();
    mask(&root, &root, &mut value, 0);
    value.into()
}

fn mask(root: &Value, schema: &Value, value: &mut Value, depth: usize) {
    const DEEPEST: usize = 64;
    if depth > DEEPEST || value.is_null() {
        return;
    }
    if schema.get("writeOnly") == Some(&Value::Bool(true)) {
        *value = Value::String("***".to_owned());
        return;
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str)
        && let Some(target) = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer))
    {
        mask(root, target, value, depth + 1);
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        for branch in schema.get(word).and_then(Value::as_array).into_iter().flatten() {
            mask(root, branch, value, depth + 1);
        }
    }
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                let known = schema.get("properties").and_then(|properties| properties.get(name));
                if let Some(schema) = known.or_else(|| schema.get("additionalProperties")) {
                    mask(root, schema, field, depth + 1);
                }
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter_mut().enumerate() {
                let prefix = schema.get("prefixItems").and_then(|prefix| prefix.get(place));
                if let Some(schema) = prefix.or_else(|| schema.get("items")) {
                    mask(root, schema, item, depth + 1);
                }
            }
        }
        _ => {}
    }
}
