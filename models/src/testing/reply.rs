//! What the provider of a test answers: a text or calls in the provider's wire format, streamed or whole as it is asked,
//! or any bytes at all.

use serde_json::{Value, json};

/// One answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    /// In the provider's format: the deltas of an answer.
    Answer { deltas: Vec<Value>, usage: Option<(u64, u64)>, finish: Value, hold_after: Option<usize> },
    /// As it is, a beat at a time.
    Beats(Vec<Beat>),
}

/// A part of an answer on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beat {
    Bytes(Vec<u8>),
    PauseMs(u64),
    /// Nothing more comes, and the connection stays open.
    Hang,
    /// The connection is gone in the middle of the answer.
    Cut,
}

impl Beat {
    /// One event of a stream.
    pub fn event(data: &str) -> Self {
        Self::Bytes(format!("data: {data}\n\n").into_bytes())
    }
}

impl Reply {
    /// A text, streamed word by word.
    pub fn text(text: &str) -> Self {
        let deltas = text.split_inclusive(' ').map(|word| json!({ "content": word })).collect();
        Self::answer(deltas, "stop")
    }

    /// Calls of tools, all in one turn, their arguments split over several pieces.
    pub fn calls<const N: usize>(calls: [(&str, Value); N]) -> Self {
        let mut deltas = Vec::new();
        for (index, (name, arguments)) in calls.into_iter().enumerate() {
            let arguments = arguments.to_string();
            let (left, right) = arguments.split_at(arguments.len() / 2);
            let id = format!("call_{index}_{name}");
            let head = json!({ "index": index, "id": id, "type": "function",
                               "function": { "name": name, "arguments": "" } });
            let part = |text: &str| json!({ "index": index, "function": { "arguments": text } });
            deltas.extend([head, part(left), part(right)].map(|call| json!({ "tool_calls": [call] })));
        }
        Self::answer(deltas, "tool_calls")
    }

    fn answer(deltas: Vec<Value>, finish: &str) -> Self {
        let content = Content::Answer { deltas, usage: Some((10, 5)), finish: json!(finish), hold_after: None };
        Self { status: 200, headers: Vec::new(), content }
    }

    /// An error as providers send it.
    pub fn status(status: u16, said: &str) -> Self {
        let body = json!({ "error": { "message": said, "type": "error", "code": null } });
        Self::body(status, "application/json", body.to_string())
    }

    pub fn body(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, content: Content::Beats(vec![Beat::Bytes(body.into())]) }
    }

    /// A stream of any bytes.
    pub fn beats(beats: impl IntoIterator<Item = Beat>) -> Self {
        let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
        Self { status: 200, headers, content: Content::Beats(beats.into_iter().collect()) }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What it says it took; none is a provider that does not say.
    #[must_use]
    pub fn usage(mut self, said: Option<(u64, u64)>) -> Self {
        if let Content::Answer { usage, .. } = &mut self.content {
            *usage = said;
        }
        self
    }

    #[must_use]
    pub fn finish_reason(mut self, reason: Value) -> Self {
        if let Content::Answer { finish, .. } = &mut self.content {
            *finish = reason;
        }
        self
    }

    /// Stops speaking after so many pieces, without an end.
    #[must_use]
    pub fn hanging_after(mut self, pieces: usize) -> Self {
        if let Content::Answer { hold_after, .. } = &mut self.content {
            *hold_after = Some(pieces);
        }
        self
    }

    /// The beats of it for a request that wants a stream, or the whole.
    pub(super) fn beats_for(&self, streamed: bool) -> Vec<Beat> {
        match &self.content {
            Content::Beats(beats) => beats.clone(),
            Content::Answer { deltas, usage, finish, hold_after } if streamed => {
                let mut beats: Vec<Beat> =
                    deltas.iter().map(|delta| Beat::event(&chunk(delta, &Value::Null))).collect();
                if let Some(pieces) = hold_after {
                    beats.truncate(*pieces);
                    beats.push(Beat::Hang);
                    return beats;
                }
                beats.push(Beat::event(&chunk(&json!({}), finish)));
                if let Some(usage) = usage {
                    beats.push(Beat::event(&json!({ "choices": [], "usage": usage_json(*usage) }).to_string()));
                }
                beats.push(Beat::event("[DONE]"));
                beats
            }
            Content::Answer { deltas, usage, finish, .. } => {
                let choice = json!({ "index": 0, "message": whole(deltas), "finish_reason": finish });
                let body = json!({ "object": "chat.completion", "choices": [choice],
                                   "usage": usage.map(usage_json) });
                vec![Beat::Bytes(body.to_string().into_bytes())]
            }
        }
    }
}

fn chunk(delta: &Value, finish: &Value) -> String {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
    json!({ "object": "chat.completion.chunk", "choices": [choice] }).to_string()
}

fn usage_json((prompt, completion): (u64, u64)) -> Value {
    json!({ "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion })
}

/// The deltas as one piece.
fn whole(deltas: &[Value]) -> Value {
    let text: String = deltas.iter().filter_map(|delta| delta["content"].as_str()).collect();
    let mut calls: Vec<Value> = Vec::new();
    for call in deltas.iter().filter_map(|delta| delta["tool_calls"].get(0)) {
        if call["id"].is_string() {
            calls.push(call.clone());
        } else if let Some(last) = calls.last_mut() {
            let arguments =
                format!("{}{}", text_of(&last["function"]["arguments"]), text_of(&call["function"]["arguments"]));
            last["function"]["arguments"] = json!(arguments);
        }
    }
    let calls = if calls.is_empty() { Value::Null } else { json!(calls) };
    json!({ "role": "assistant", "content": text, "tool_calls": calls })
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
