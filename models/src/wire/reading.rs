//! The JSON of a provider to the pieces of an answer.
//!
//! Read by hand and not into strict types: providers leave fields out, send `null` and `""` where there is nothing,
//! numbers as texts, whole objects where texts are due. What is not understood is left aside; what is broken is an
//! error, because words may be missing in it.

use serde_json::Value;

use super::{CallPiece, End, Piece};

/// What providers call the thoughts that some of them want back.
const THOUGHTS: [&str; 2] = ["reasoning_content", "reasoning_details"];

/// Why there are no pieces in a text.
#[derive(Debug, PartialEq)]
pub(crate) enum Unread {
    Malformed(String),
    /// It is an error of the provider's.
    Told(Value),
}

/// The pieces in one JSON text of a stream, or in a whole answer.
pub(crate) fn pieces_of(text: &str) -> Result<Vec<Piece>, Unread> {
    // Some keep a connection alive with words.
    if !text.trim_start().starts_with(['{', '[']) {
        return Ok(Vec::new());
    }
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Unread::Malformed(format!("{error} in a piece of {} bytes", text.len())))?;
    let value = match &value {
        Value::Array(items) => items.first().unwrap_or(&Value::Null),
        value => value,
    };
    let choice = value.get("choices").and_then(|choices| choices.get(0)).unwrap_or(&Value::Null);
    if let Some(error) = error_in(value).or_else(|| error_in(choice)) {
        return Err(Unread::Told(error.clone()));
    }
    let mut pieces = Vec::new();
    let said = ["delta", "message"].into_iter().find_map(|name| choice.get(name).filter(|said| said.is_object()));
    if let Some(said) = said {
        read_said(said, &mut pieces);
    } else if let Some(text) = text_of(choice.get("text")) {
        pieces.push(Piece::Text(text));
    }
    pieces.extend(end_of(choice.get("finish_reason")).map(Piece::End));
    pieces.extend(value.get("usage").and_then(usage_of));
    Ok(pieces)
}

/// The error in an answer: under its own name, or the whole of what vLLM sends.
pub(crate) fn error_in(value: &Value) -> Option<&Value> {
    let named = value.get("error").filter(|error| !error.is_null());
    named.or_else(|| (value.get("object")? == "error").then_some(value))
}

fn read_said(said: &Value, pieces: &mut Vec<Piece>) {
    if let Some(text) = text_of(said.get("content")) {
        pieces.push(Piece::Text(text));
    }
    if let Some(text) = text_of(said.get("refusal")) {
        pieces.push(Piece::Refusal(text));
    }
    let thought = |field| said.get(field).filter(|value| value.is_string() || value.is_array()).cloned();
    pieces.extend(THOUGHTS.into_iter().filter_map(|field| Some(Piece::Thought { field, value: thought(field)? })));
    let calls = said.get("tool_calls").and_then(Value::as_array);
    pieces.extend(calls.into_iter().flatten().map(|call| Piece::Call(call_of(call))));
    // The way of two years before, which some servers still know alone.
    if let Some(function) = said.get("function_call").filter(|function| function.is_object()) {
        let call = CallPiece { index: Some(0), ..call_of(&serde_json::json!({ "function": function })) };
        pieces.push(Piece::Call(call));
    }
}

fn call_of(call: &Value) -> CallPiece {
    let function = call.get("function").unwrap_or(&Value::Null);
    let arguments = match function.get("arguments") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(object) => object.to_string(),
    };
    CallPiece {
        index: call.get("index").and_then(number),
        id: text_of(call.get("id")),
        name: text_of(function.get("name")),
        arguments,
        extra_content: call.get("extra_content").cloned().unwrap_or_default(),
    }
}

/// A text that says something: none for `null`, `""` and nothing. A list of parts is their texts.
pub(crate) fn text_of(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part.as_str().or_else(|| part.get("text")?.as_str())).collect()
        }
        _ => String::new(),
    };
    (!text.is_empty()).then_some(text)
}

fn end_of(reason: Option<&Value>) -> Option<End> {
    // Gemini adds its own reason: `content_filter: RECITATION`.
    let reason = reason?.as_str()?.to_ascii_lowercase();
    match reason.split(':').next().unwrap_or_default().trim() {
        "" | "null" => None,
        "length" | "max_tokens" | "max_output_tokens" | "model_length" => Some(End::Cut),
        "content_filter" | "safety" | "recitation" | "prohibited_content" | "blocklist" | "sensitive" => {
            Some(End::Filtered)
        }
        "error"
        | "abort"
        | "network_error"
        | "insufficient_system_resource"
        | "malformed_function_call"
        | "function_call_filter" => Some(End::Broken),
        // `stop`, `tool_calls`, and whatever else somebody calls an end.
        _ => Some(End::Stop),
    }
}

fn usage_of(usage: &Value) -> Option<Piece> {
    let count = |names: [&str; 2]| names.into_iter().find_map(|name| usage.get(name).and_then(number));
    let prompt_tokens = count(["prompt_tokens", "input_tokens"]);
    let completion_tokens = count(["completion_tokens", "output_tokens"]);
    if prompt_tokens.is_none() && completion_tokens.is_none() {
        return None;
    }
    let (prompt_tokens, completion_tokens) = (prompt_tokens.unwrap_or(0), completion_tokens.unwrap_or(0));
    // Gemini and others count what the model thought in the total alone; it is paid for like words.
    let total = usage.get("total_tokens").and_then(number).unwrap_or(0);
    let completion_tokens = completion_tokens.max(total.saturating_sub(prompt_tokens));
    Some(Piece::Usage { prompt_tokens, completion_tokens })
}

pub(crate) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(of: &str) -> Piece {
        Piece::Text(of.to_owned())
    }

    /// Goal: what providers send where there is nothing is nothing.
    #[test]
    fn nothing_in_many_shapes() {
        for nothing in [
            "{}",
            r#"{"choices":[]}"#,
            r#"{"choices":null,"usage":null,"error":null}"#,
            r#"{"choices":[{"delta":{}}]}"#,
            r#"{"choices":[{"delta":null,"finish_reason":""}]}"#,
            r#"{"choices":[{"delta":{"role":"assistant","content":null,"tool_calls":null},"finish_reason":null}]}"#,
            r#"{"choices":[{"delta":{"content":"","refusal":null}}]}"#,
            r#"{"choices":[{"delta":{"reasoning":"hm","reasoning_content":null}}],"usage":{}}"#,
            "ping",
            "",
            "[]",
        ] {
            assert_eq!(pieces_of(nothing), Ok(Vec::new()), "{nothing}");
        }
    }

    /// Goal: text is found in each shape in which it is sent.
    #[test]
    fn text_in_many_shapes() {
        for odd in [
            r#"{"choices":[{"delta":{"content":"x"}}]}"#,
            r#"{"choices":[{"message":{"content":"x"}}]}"#,
            r#"{"choices":[{"delta":{"content":[{"type":"text","text":"x"}]}}]}"#,
            r#"{"choices":[{"text":"x"}]}"#,
            r#"[{"choices":[{"delta":{"content":"x"}}]}]"#,
        ] {
            assert_eq!(pieces_of(odd), Ok(vec![text("x")]), "{odd}");
        }
        let whole = r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"STOP"}],"usage":{"prompt_tokens":"3"}}"#;
        let usage = Piece::Usage { prompt_tokens: 3, completion_tokens: 0 };
        assert_eq!(pieces_of(whole), Ok(vec![text("x"), Piece::End(End::Stop), usage]));
    }

    /// Goal: an end that is none is told apart, whatever a provider adds to its reason.
    #[test]
    fn ends_in_many_words() {
        for (reason, end) in [
            ("stop", End::Stop),
            ("tool_calls", End::Stop),
            ("model_length", End::Cut),
            ("content_filter: PROHIBITED_CONTENT", End::Filtered),
            ("function_call_filter: MALFORMED_FUNCTION_CALL", End::Broken),
            ("error", End::Broken),
            ("insufficient_system_resource", End::Broken),
        ] {
            let text = serde_json::json!({ "choices": [{ "delta": {}, "finish_reason": reason }] }).to_string();
            assert_eq!(pieces_of(&text), Ok(vec![Piece::End(end)]), "{reason}");
        }
    }

    /// Goal: what a model thought is counted, also by a provider that has it in the total alone.
    #[test]
    fn thoughts_are_counted() {
        for (usage, completion_tokens) in [
            (r#"{"prompt_tokens":20,"completion_tokens":198,"total_tokens":623}"#, 603),
            (r#"{"prompt_tokens":20,"completion_tokens":198,"total_tokens":218}"#, 198),
            (r#"{"prompt_tokens":20,"completion_tokens":198,"total_tokens":0}"#, 198),
        ] {
            let read = pieces_of(&format!("{{\"usage\":{usage}}}"));
            assert_eq!(read, Ok(vec![Piece::Usage { prompt_tokens: 20, completion_tokens }]), "{usage}");
        }
    }

    /// Goal: JSON that is broken is an error, not a hole in the text; an error in a stream is found in each shape.
    #[test]
    fn broken_is_an_error() {
        assert!(matches!(pieces_of(r#"{"choices":[{"delta":{"content":"#), Err(Unread::Malformed(_))));
        for told in [
            r#"{"error":{"message":"gone"}}"#,
            r#"[{"error":{"message":"gone"}}]"#,
            r#"{"choices":[{"delta":{"content":""},"finish_reason":"error","error":{"message":"gone"}}]}"#,
            r#"{"object":"error","message":"gone"}"#,
        ] {
            assert!(matches!(pieces_of(told), Err(Unread::Told(error)) if error["message"] == "gone"), "{told}");
        }
    }
}
