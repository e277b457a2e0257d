//! A chat as the JSON of a request.

use serde_json::{Map, Value, json};

use crate::chat::{Answer, Chat, Line};
use crate::provider::Provider;
use crate::schema::sendable;

pub(crate) fn chat_request(provider: &Provider, model: &str, chat: &Chat, streamed: bool) -> Value {
    let mut request = json!({ "model": model, "messages": lines(chat) });
    if let Some(fields) = request.as_object_mut() {
        if streamed {
            fields.insert("stream".to_owned(), json!(true));
            fields.insert("stream_options".to_owned(), json!({ "include_usage": true }));
        }
        if !chat.tools.is_empty() {
            fields.insert("tools".to_owned(), chat.tools.iter().map(tool).collect());
            insert(fields, "tool_choice", chat.no_tools_now.then(|| json!("none")));
        }
        if let Some(form) = &chat.form {
            let schema = json!({ "name": form.name, "schema": sendable(&form.schema) });
            fields.insert("response_format".to_owned(), json!({ "type": "json_schema", "json_schema": schema }));
        }
        insert(fields, "temperature", chat.temperature.map(|temperature| json!(temperature)));
        insert(fields, provider.most_tokens_field, chat.most_tokens.map(|most| json!(most)));
    }
    request
}

fn insert(fields: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value);
    }
}

/// Several instructions at the beginning are one: many servers take no second.
fn lines(chat: &Chat) -> Vec<Value> {
    let instructions = chat.lines.iter().map_while(|line| match line {
        Line::System { text } => Some(text.as_str()),
        _ => None,
    });
    let instructions: Vec<&str> = instructions.collect();
    let rest = chat.lines.iter().skip(instructions.len()).map(line);
    let system = (!instructions.is_empty()).then(|| json!({ "role": "system", "content": instructions.join("\n\n") }));
    system.into_iter().chain(rest).collect()
}

fn line(line: &Line) -> Value {
    match line {
        Line::System { text } => json!({ "role": "system", "content": text }),
        Line::User { text } => json!({ "role": "user", "content": text }),
        Line::Model { answer } => said(answer),
        Line::Tool { call, text, .. } => json!({ "role": "tool", "tool_call_id": call, "content": text }),
    }
}

fn said(answer: &Answer) -> Value {
    if answer.calls.is_empty() {
        return json!({ "role": "assistant", "content": answer.text });
    }
    let calls: Vec<Value> = answer
        .calls
        .iter()
        .map(|call| {
            // Some servers refuse a conversation that holds the broken JSON their own model wrote.
            let broken = serde_json::from_str::<Value>(&call.arguments).is_err();
            let arguments = if broken { "{}" } else { &call.arguments };
            let function = json!({ "name": call.name, "arguments": arguments });
            match &call.extra_content {
                Value::Null => json!({ "id": call.id, "type": "function", "function": function }),
                extra => json!({ "id": call.id, "type": "function", "function": function, "extra_content": extra }),
            }
        })
        .collect();
    let content = if answer.text.is_empty() { Value::Null } else { json!(answer.text) };
    let mut said = json!({ "role": "assistant", "content": content, "tool_calls": calls });
    for (field, thought) in &answer.thoughts {
        said[field] = thought.clone();
    }
    said
}

fn tool(tool: &crate::chat::OfferedTool) -> Value {
    json!({
        "type": "function",
        "function": { "name": tool.name, "description": tool.description, "parameters": sendable(&tool.schema) },
    })
}
