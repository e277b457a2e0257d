//! `caudal show`: one task, and its log when asked for.

use anyhow::Result;
use serde_json::{Value, json};

use super::{SUCCESS, Session};
use crate::cli::ShowArgs;
use crate::output::{shown, text_of};

pub(super) async fn run(session: &Session, args: &ShowArgs) -> Result<u8> {
    let mut task = session.client.get(&["tasks", &args.task], &[]).await?;
    if args.events {
        let events = all_events(session, &args.task).await?;
        if let Value::Object(fields) = &mut task {
            fields.insert("events".to_owned(), Value::Array(events));
        }
    }
    session.output.either(&task, words);
    Ok(SUCCESS)
}

async fn all_events(session: &Session, task: &str) -> Result<Vec<Value>> {
    let mut events = Vec::new();
    let mut after = json!(0);
    loop {
        let after_text = after.as_str().map_or_else(|| after.to_string(), str::to_owned);
        let page = session.client.get(&["tasks", task, "events"], &[("after", after_text)]).await?;
        events.extend(page.get("items").and_then(Value::as_array).cloned().unwrap_or_default());
        match page.get("next") {
            None | Some(Value::Null) => return Ok(events),
            Some(next) => after = next.clone(),
        }
    }
}

/// A line for each field, in the order in which the server tells them; details and events below.
fn words(task: &Value) -> String {
    let mut lines = Vec::new();
    let no_fields = serde_json::Map::new();
    for (name, value) in task.as_object().unwrap_or(&no_fields) {
        if !value.is_null() && !matches!(name.as_str(), "details" | "events" | "links") {
            lines.push(format!("{:<14} {}", name.replace('_', " "), field(value)));
        }
    }
    for (name, value) in task.get("details").and_then(Value::as_object).unwrap_or(&no_fields) {
        match value {
            Value::Null => {}
            Value::Array(items) if items.is_empty() => {}
            Value::Object(fields) if fields.is_empty() => {}
            Value::Array(items) if name == "step_results" => {
                lines.push("results".to_owned());
                lines.extend(items.iter().map(|item| format!("  {}", result(item))));
            }
            value => lines.push(format!("{:<14} {}", name.replace('_', " "), field(value))),
        }
    }
    if let Some(events) = task.get("events").and_then(Value::as_array) {
        lines.push("events".to_owned());
        lines.extend(events.iter().map(|event| format!("  {event}")));
    }
    lines.join("\n")
}

fn field(value: &Value) -> String {
    match value {
        Value::String(_) => shown(value),
        other => other.to_string(),
    }
}

fn result(item: &Value) -> String {
    match text_of(item, "type") {
        "log" => text_of(item, "message").to_owned(),
        "tool_result" => {
            format!("{}: {}", text_of(item, "tool"), item.get("data").map(Value::to_string).unwrap_or_default())
        }
        _ => item.to_string(),
    }
}
