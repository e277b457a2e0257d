//! The JSON of a provider to the pieces of an answer.
//!
//! Read by hand and not into strict types: providers leave fields out, send `null` and `""` where there is nothing,
//! numbers as texts, whole objects where texts are due. What is not understood is left aside; what is broken is an
//! error, because words may be missing in it.

use serde_json::Value;

use super::{CallPiece, End, Piece};
use crate::error::ModelError;

/// The pieces in one JSON text of a stream, or in a whole answer.
pub(crate) fn pieces_of(text: &str) -> Result<Vec<Piece>, ModelError> {
    // Some keep a connection alive with words.
    if !text.trim_start().starts_with(['{', '[']) {
        return Ok(Vec::new());
    }
    let value: Value = serde_json::from_str(text)
        .map_err(|error| ModelError::Malformed(format!("{error} in a piece of {} bytes", text.len())))?;
    let value = match &value {
        Value::Array(items) => items.first().unwrap_or(&Value::Null),
        value => value,
    };
    if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
        return Err(told_error(error));
    }
    let mut pieces = Vec::new();
    if let Some(choice) = value.get("choices").and_then(|choices| choices.get(0)) {
        let said = ["delta", "message"].into_iter().find_map(|name| choice.get(name).filter(|said| said.is_object()));
        if let Some(said) = said {
            read_said(said, &mut pieces);
        } else if let Some(text) = text_of(choice.get("text")) {
            pieces.push(Piece::Text(text));
        }
        pieces.extend(end_of(choice.get("finish_reason")).map(Piece::End));
    }
    pieces.extend(value.get("usage").and_then(usage_of));
    Ok(pieces)
}

/// An error in the middle of a stream that began well.
fn told_error(error: &Value) -> ModelError {
    let said = said_in(error);
    match error.get("code").and_then(number) {
        Some(status @ (429 | 500..=599)) => {
            let status = u16::try_from(status).unwrap_or(500);
            ModelError::Busy { provider: "the provider", status, said, after: None }
        }
        _ => ModelError::CutOff(said),
    }
}

/// What an error object says, in at most a few lines.
pub(crate) fn said_in(error: &Value) -> String {
    const MOST: usize = 500;
    let said = match error {
        Value::String(text) => text.clone(),
        error => text_of(error.get("message")).unwrap_or_else(|| error.to_string()),
    };
    crate::web_page::shorten(&said, MOST)
}

fn read_said(said: &Value, pieces: &mut Vec<Piece>) {
    if let Some(text) = text_of(said.get("content")) {
        pieces.push(Piece::Text(text));
    }
    if let Some(text) = text_of(said.get("refusal")) {
        pieces.push(Piece::Refusal(text));
    }
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
    }
}

/// A text that says something: none for `null`, `""` and nothing. A list of parts is their texts.
fn text_of(value: Option<&Value>) -> Option<String> {
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
    match reason?.as_str()?.to_ascii_lowercase().as_str() {
        "" | "null" => None,
        "length" | "max_tokens" | "max_output_tokens" => Some(End::Cut),
        "content_filter" | "safety" | "recitation" => Some(End::Filtered),
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
    Some(Piece::Usage { prompt_tokens: prompt_tokens.unwrap_or(0), completion_tokens: completion_tokens.unwrap_or(0) })
}

fn number(value: &Value) -> Option<u64> {
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
            r#"{"choices":[{"delta":{"reasoning_content":"hm"}}],"usage":{}}"#,
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

    /// Goal: JSON that is broken is an error, not a hole in the text; an error in a stream says what was said.
    #[test]
    fn broken_is_an_error() {
        assert!(matches!(pieces_of(r#"{"choices":[{"delta":{"content":"#), Err(ModelError::Malformed(_))));
        let busy = pieces_of(r#"{"error":{"code":429,"message":"slow down"}}"#);
        assert!(matches!(busy, Err(ModelError::Busy { status: 429, ref said, .. }) if said == "slow down"), "{busy:?}");
        assert_eq!(pieces_of(r#"{"error":"gone"}"#), Err(ModelError::CutOff("gone".to_owned())));
    }
}
