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
            if is_ready(flow) { "yes" } else { "no" }.to_owned(),
            text_of(flow, "summary").to_owned(),
        ]
    });
    let table = table(["flow", "title", "version", "ready", "what it does"], rows);
    let unready: Vec<&str> = items.iter().filter(|flow| !is_ready(flow)).map(|flow| text_of(flow, "name")).collect();
    match unready.first() {
        None => table,
        Some(first) => {
            format!("{table}\n\nNot ready: {}. `caudal flows {first}` says what is missing.", unready.join(", "))
        }
    }
}

/// A server of before said nothing of it.
fn is_ready(flow: &Value) -> bool {
    flow.pointer("/readiness/ready") != Some(&Value::Bool(false))
}

/// What it needs and nobody has, each with what to do.
fn missing(flow: &Value) -> impl Iterator<Item = String> + '_ {
    let missing = flow.pointer("/readiness/missing").and_then(Value::as_array);
    missing
        .into_iter()
        .flatten()
        .map(|needed| format!("It needs {}. {}", text_of(needed, "what"), text_of(needed, "hint")))
}

fn one(flow: &Value) -> String {
    let schema = flow.get("input_schema").unwrap_or(&Value::Null);
    let about = [text_of(flow, "description"), text_of(flow, "summary")].into_iter().find(|text| !text.is_empty());
    let mut text = format!("{} — {}\n", text_of(flow, "name"), text_of(flow, "title"));
    if let Some(about) = about {
        text.push_str(&format!("\n{about}\n"));
    }
    for needed in missing(flow) {
        text.push_str(&format!("\nIt cannot be started yet. {needed}\n"));
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

    /// Goal: a flow that cannot be started says so in the list, and with what to do by itself.
    #[test]
    fn readiness() {
        let readiness = json!({"ready": false, "missing": [{"what": "a language model", "hint": "Set CAUDAL_MODEL."}]});
        let poem = json!({"name": "poem_flow", "title": "Poem", "version": 1, "readiness": readiness});
        let ready = json!({"name": "tour_flow", "readiness": {"ready": true, "missing": []}});
        let list = all(&json!({"items": [poem, ready]}));
        assert!(list.ends_with("Not ready: poem_flow. `caudal flows poem_flow` says what is missing."), "{list}");
        assert!(one(&poem).contains("It cannot be started yet. It needs a language model. Set CAUDAL_MODEL."));
        assert!(!one(&ready).contains("cannot be started") && !all(&json!({"items": [ready]})).contains("Not ready"));
    }

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
