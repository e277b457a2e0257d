//! `-i key=value` turned into JSON, as the flow's schema asks: `n=5` is a number where the schema has one, and a
//! text where it has that.

use serde_json::{Map, Value};

use super::Usage;

/// Adds the pairs to the inputs.
pub(crate) fn add_pairs(inputs: &mut Map<String, Value>, pairs: &[String], schema: &Value) -> Result<(), Usage> {
    for pair in pairs {
        let Some((key, text)) = pair.split_once('=') else {
            return Err(Usage(format!("-i {pair}: write it as key=value")));
        };
        let value = match property(schema, key) {
            Some(property) => coerce(schema, property, text)
                .ok_or_else(|| Usage(format!("-i {key}: '{text}' is not {}", wanted(schema, property))))?,
            None if takes_any_key(schema) => plain(text),
            None => return Err(Usage(format!("there is no input '{key}'; {}", known_keys(schema)))),
        };
        inputs.insert(key.to_owned(), value);
    }
    Ok(())
}

fn property<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    resolve(schema, schema).get("properties")?.get(key)
}

fn takes_any_key(schema: &Value) -> bool {
    let schema = resolve(schema, schema);
    let has_properties = schema.get("properties").and_then(Value::as_object).is_some_and(|keys| !keys.is_empty());
    match schema.get("additionalProperties") {
        Some(Value::Bool(any)) => *any,
        Some(_) => true,
        None => !has_properties && schema.get("type").and_then(Value::as_str) != Some("object"),
    }
}

fn known_keys(schema: &Value) -> String {
    let keys: Vec<&str> = resolve(schema, schema)
        .get("properties")
        .and_then(Value::as_object)
        .map(|keys| keys.keys().map(String::as_str).collect())
        .unwrap_or_default();
    if keys.is_empty() { "the flow takes none".to_owned() } else { format!("known are: {}", keys.join(", ")) }
}

pub(crate) fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..16 {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        match target.and_then(|pointer| root.pointer(pointer)) {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

/// All types that a value may have; empty when any will do.
fn types<'a>(root: &'a Value, schema: &'a Value, found: &mut Vec<&'a str>, depth: usize) {
    let schema = resolve(root, schema);
    match schema.get("type") {
        Some(Value::String(name)) => found.push(name),
        Some(Value::Array(names)) => found.extend(names.iter().filter_map(Value::as_str)),
        _ if schema.get("enum").is_some() || schema.get("const").is_some_and(Value::is_string) => found.push("string"),
        _ => {}
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        for branch in schema.get(word).and_then(Value::as_array).into_iter().flatten() {
            if depth < 8 {
                types(root, branch, found, depth + 1);
            }
        }
    }
}

pub(crate) fn types_of<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a str> {
    let mut found = Vec::new();
    types(root, schema, &mut found, 0);
    found
}

fn coerce(root: &Value, schema: &Value, text: &str) -> Option<Value> {
    let types = types_of(root, schema);
    if types.is_empty() {
        return Some(plain(text));
    }
    let read: Option<Value> = serde_json::from_str(text).ok();
    let fits = |value: &Value| {
        types.iter().any(|name| match *name {
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => false,
        })
    };
    match read {
        Some(value) if fits(&value) => Some(value),
        _ if types.contains(&"string") => Some(Value::String(text.to_owned())),
        Some(Value::Null) if types.contains(&"null") => Some(Value::Null),
        // A list of texts may be written without the brackets and quotes: `a,b`.
        _ if types.contains(&"array") => list(root, schema, text),
        _ => None,
    }
}

fn list(root: &Value, schema: &Value, text: &str) -> Option<Value> {
    let items = resolve(root, schema).get("items")?;
    if text.is_empty() {
        return Some(Value::Array(Vec::new()));
    }
    text.split(',').map(|item| coerce(root, items, item.trim())).collect::<Option<Vec<_>>>().map(Value::Array)
}

/// Where nothing is asked for: JSON if it is some, else text.
pub(crate) fn plain(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn wanted(root: &Value, schema: &Value) -> String {
    let types = types_of(root, schema);
    let words: Vec<&str> = types
        .iter()
        .filter(|name| **name != "null")
        .map(|name| match *name {
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "true or false",
            "array" => "a list",
            "object" => "a JSON object",
            other => other,
        })
        .collect();
    words.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(schema: &Value, pair: &str) -> Result<Value, String> {
        let mut inputs = Map::new();
        add_pairs(&mut inputs, &[pair.to_owned()], schema).map_err(|usage| usage.0)?;
        Ok(inputs.into_iter().next().map(|(_, value)| value).unwrap_or_default())
    }

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "name": {"type": "string"}, "n": {"type": "integer"}, "x": {"type": ["number", "null"]},
                "on": {"type": "boolean"}, "tags": {"type": "array", "items": {"type": "string"}},
                "numbers": {"type": "array", "items": {"type": "integer"}}, "deep": {"$ref": "#/$defs/Deep"},
                "size": {"anyOf": [{"$ref": "#/$defs/Size"}, {"type": "null"}]}, "any": true,
            },
            "$defs": {"Deep": {"type": "object"}, "Size": {"enum": ["small", "large"]}},
        })
    }

    /// Goal: each type is read as the schema says, not as the text looks.
    #[test]
    fn types_decide() {
        for (pair, value) in [
            ("name=5", json!("5")),
            ("name=a=b", json!("a=b")),
            ("name=", json!("")),
            ("n=5", json!(5)),
            ("x=2.5", json!(2.5)),
            ("x=null", Value::Null),
            ("on=true", json!(true)),
            ("tags=a, b", json!(["a", "b"])),
            ("tags=[\"a,b\"]", json!(["a,b"])),
            ("numbers=1,2", json!([1, 2])),
            ("deep={\"a\":1}", json!({"a": 1})),
            ("size=small", json!("small")),
            ("any=[1]", json!([1])),
            ("any=text", json!("text")),
        ] {
            assert_eq!(read(&schema(), pair), Ok(value), "{pair}");
        }
    }

    /// Goal: what cannot be meant is refused in words.
    #[test]
    fn refusals() {
        assert_eq!(read(&schema(), "n=five").unwrap_err(), "-i n: 'five' is not a whole number");
        assert_eq!(read(&schema(), "n=1.5").unwrap_err(), "-i n: '1.5' is not a whole number");
        assert_eq!(read(&schema(), "on=yes").unwrap_err(), "-i on: 'yes' is not true or false");
        assert_eq!(read(&schema(), "name").unwrap_err(), "-i name: write it as key=value");
        let unknown = read(&schema(), "nam=x").unwrap_err();
        assert!(unknown.starts_with("there is no input 'nam'; known are: "), "{unknown}");
        let none = json!({"type": "object", "additionalProperties": false});
        assert_eq!(read(&none, "a=1").unwrap_err(), "there is no input 'a'; the flow takes none");
    }
}
