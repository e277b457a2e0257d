//! `caudal flows`: what can be started, and with which inputs.

use anyhow::Result;
use serde_json::Value;

use super::coerce::{resolve, types_of};
use super::table::table;
use super::{SUCCESS, Session};
use crate::cli::FlowsArgs;
use crate::output::{shown, text_of};

pub(super) async fn run(session: &Session, args: &FlowsArgs) -> Result<u8> {
    match &args.flow {
        Some(name) => {
            let flow = session.client.get(&["flows", name], &[]).await?;
            session.output.either(&flow, one);
        }
        None => {
            let flows = session.client.get(&["flows"], &[]).await?;
            session.output.either(&flows, all);
        }
    }
    Ok(SUCCESS)
}

fn all(answer: &Value) -> String {
    let items = answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    if items.is_empty() {
        return "no flows".to_owned();
    }
    let rows = items.iter().map(|flow| {
        let version = flow.get("version").map(Value::to_string).unwrap_or_default();
        vec![
            text_of(flow, "name").to_owned(),
            text_of(flow, "title").to_owned(),
            version,
            text_of(flow, "summary").to_owned(),
        ]
    });
    table(["flow", "title", "version", "what it does"], rows)
}

fn one(flow: &Value) -> String {
    let schema = flow.get("input_schema").unwrap_or(&Value::Null);
    let about = [text_of(flow, "description"), text_of(flow, "summary")].into_iter().find(|text| !text.is_empty());
    let mut text = format!("{} — {}\n", text_of(flow, "name"), text_of(flow, "title"));
    if let Some(about) = about {
        text.push_str(&format!("\n{about}\n"));
    }
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let inputs = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    if inputs.is_empty() {
        text.push_str("\nIt takes no input.");
        return text;
    }
    text.push('\n');
    let rows = inputs.iter().map(|(name, property)| {
        let need = if required.contains(&name.as_str()) { "required" } else { "optional" };
        let default = property.get("default").map(Value::to_string).unwrap_or_default();
        vec![
            name.clone(),
            kind(schema, property),
            need.to_owned(),
            default,
            text_of(property, "description").to_owned(),
        ]
    });
    text.push_str(&table(["input", "type", "", "default", "what it is"], rows));
    text
}

/// What may be written there: the words of a choice, else the types.
fn kind(schema: &Value, property: &Value) -> String {
    let property = resolve(schema, property);
    if let Some(words) = property.get("enum").and_then(Value::as_array) {
        return words.iter().map(shown).collect::<Vec<_>>().join(" | ");
    }
    let mut types = types_of(schema, property);
    types.dedup();
    if types.is_empty() { "JSON".to_owned() } else { types.join(" or ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Goal: the table says what can be written, also where the schema says it in another place.
    #[test]
    fn kinds() {
        let schema = json!({"$defs": {"By": {"enum": ["train", "boat"], "type": "string"}}});
        for (property, words) in [
            (json!({"$ref": "#/$defs/By"}), "train | boat"),
            (json!({"type": ["string", "null"]}), "string or null"),
            (json!({"anyOf": [{"$ref": "#/$defs/By"}, {"type": "null"}]}), "string or null"),
            (json!(true), "JSON"),
        ] {
            assert_eq!(kind(&schema, &property), words);
        }
    }
}
