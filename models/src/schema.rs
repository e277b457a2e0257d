//! JSON Schemas as providers take them: without references and without what only tools for people read.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

const DEEPEST: usize = 32;
/// Some providers refuse a request for these.
const LEFT_OUT: &[&str] = &["$schema", "$defs", "$id", "title", "default", "examples"];

/// The schema of a type, in plain form.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    plain_schema(&schema.to_value())
}

/// Puts what references name in their place.
pub(crate) fn plain_schema(root: &Value) -> Value {
    plain(root, root, 0)
}

fn plain(root: &Value, schema: &Value, depth: usize) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    if depth > DEEPEST {
        // A type that contains itself: deeper than this, anything goes.
        return Value::Object(Map::new());
    }
    let mut made = Map::new();
    if let Some(target) = fields.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'))
        && let Some(Value::Object(target)) = root.pointer(target).map(|target| plain(root, target, depth + 1))
    {
        made.extend(target);
    }
    for (name, value) in fields {
        let value = match name.as_str() {
            "$ref" => continue,
            left_out if LEFT_OUT.contains(&left_out) => continue,
            // Names of fields, not words of the schema language.
            "properties" => each(value, |field| plain(root, field, depth + 1)),
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => each(value, |branch| plain(root, branch, depth + 1)),
            "items" | "additionalProperties" | "not" => plain(root, value, depth + 1),
            _ => value.clone(),
        };
        made.insert(name.clone(), value);
    }
    Value::Object(made)
}

/// A schema as every provider takes it. Gemini refuses a request for a format that it does not know; what a model writes
/// is checked against the whole schema anyway.
pub(crate) fn sendable(schema: &Value) -> Value {
    const KNOWN: [&str; 5] = ["date-time", "int32", "int64", "float", "double"];
    let Value::Object(fields) = schema else { return schema.clone() };
    let known = |format: &Value| format.as_str().is_some_and(|format| KNOWN.contains(&format));
    let fields = fields.iter().filter(|(name, value)| name.as_str() != "format" || known(value));
    let sent = fields.map(|(name, value)| {
        let value = match name.as_str() {
            "properties" | "anyOf" | "oneOf" | "allOf" | "prefixItems" => each(value, sendable),
            "items" | "additionalProperties" | "not" => sendable(value),
            _ => value.clone(),
        };
        (name.clone(), value)
    });
    sent.collect()
}

fn each(value: &Value, change: impl Fn(&Value) -> Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), change(field))).collect(),
        Value::Array(items) => items.iter().map(change).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Tree {
        /// The title of the book.
        title: String,
        kind: Kind,
        branches: Vec<Tree>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Kind {
        Oak,
        Elm,
    }

    /// Goal: references are gone, a field that happens to be named `title` is not, and a type that contains itself ends.
    #[test]
    fn references_are_put_in_place() {
        let schema = schema_of::<Tree>();
        let text = schema.to_string();
        assert!(!text.contains("$ref") && !text.contains("$defs"), "{}", &text[..200]);
        assert_eq!(schema["properties"]["title"], json!({ "description": "The title of the book.", "type": "string" }));
        assert_eq!(schema["properties"]["kind"]["enum"], json!(["Oak", "Elm"]));
    }

    /// Goal: odd formats are not sent; a field that happens to be named `format` is.
    #[test]
    fn odd_formats_are_not_sent() {
        let schema = json!({ "properties": {
            "format": { "type": "string", "format": "uri" },
            "most": { "anyOf": [{ "type": "integer", "format": "uint32", "minimum": 0 }] },
            "when": { "type": "string", "format": "date-time" },
        } });
        let expected = json!({ "properties": {
            "format": { "type": "string" },
            "most": { "anyOf": [{ "type": "integer", "minimum": 0 }] },
            "when": { "type": "string", "format": "date-time" },
        } });
        assert_eq!(sendable(&schema), expected);
    }
}
