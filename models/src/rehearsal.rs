//! The pretend model: says and calls the same things each time, costs nothing, and marks all that it says.
//!
//! For trying the page without a key (`CAUDAL_MODEL=rehearsal`) and for tests, where a script can be given. It keeps
//! nothing between calls: what it does follows from the conversation alone, so that a crash changes nothing.

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::prelude::StepContext;
use serde_json::{Value, json};

use crate::chat::{Chat, Line};
use crate::error::ModelError;
use crate::web_page::shorten;
use crate::wire::{CallPiece, End, Piece};

/// What stands before everything that was not meant.
pub const REHEARSAL_MARK: &str = "[rehearsal]";

/// Between two words, so that a watcher sees them come.
const PACE: Duration = Duration::from_millis(25);

#[derive(Debug, Clone, Default)]
pub struct Rehearsal {
    script: Option<Arc<[Scripted]>>,
}

/// One answer of a script: the first is given to a conversation in which the model has said nothing yet, the second to
/// one in which it has spoken once, and so on; the last is given from there on.
#[derive(Debug, Clone, PartialEq)]
pub enum Scripted {
    Says(String),
    /// Tools by name, with their arguments, all in one turn.
    Calls(Vec<(String, Value)>),
    Fails(ModelError),
}

impl Scripted {
    pub fn says(text: impl Into<String>) -> Self {
        Self::Says(text.into())
    }

    pub fn calls<const N: usize>(calls: [(&str, Value); N]) -> Self {
        Self::Calls(calls.into_iter().map(|(tool, arguments)| (tool.to_owned(), arguments)).collect())
    }
}

impl Rehearsal {
    pub fn with_script(script: impl IntoIterator<Item = Scripted>) -> Self {
        Self { script: Some(script.into_iter().collect()) }
    }

    pub(crate) fn begin(&self, step: &StepContext, chat: &Chat) -> Result<RehearsedAnswer, ModelError> {
        let turn = chat.lines.iter().filter(|line| matches!(line, Line::Model { .. })).count();
        let scripted = match &self.script {
            Some(script) => script.get(turn).or_else(|| script.last()).cloned().unwrap_or_else(|| Scripted::says("")),
            None => improvise(chat, turn),
        };
        let mut pieces = match scripted {
            Scripted::Says(text) => words(&text),
            Scripted::Calls(calls) => {
                calls.into_iter().enumerate().map(|(at, call)| call_piece(turn, at, call)).collect()
            }
            Scripted::Fails(error) => return Err(error),
        };
        pieces.push(Piece::End(End::Stop));
        Ok(RehearsedAnswer { pieces: pieces.into_iter(), step: step.clone() })
    }
}

/// An answer under way, a word at a time.
pub(crate) struct RehearsedAnswer {
    pieces: std::vec::IntoIter<Piece>,
    step: StepContext,
}

impl RehearsedAnswer {
    pub(crate) async fn next(&mut self) -> Option<Piece> {
        let piece = self.pieces.next()?;
        if matches!(piece, Piece::Text(_)) {
            self.step.sleep(PACE).await;
        }
        Some(piece)
    }
}

fn words(text: &str) -> Vec<Piece> {
    text.split_inclusive([' ', '\n']).map(|word| Piece::Text(word.to_owned())).collect()
}

fn call_piece(turn: usize, at: usize, (name, arguments): (String, Value)) -> Piece {
    Piece::Call(CallPiece {
        index: Some(at as u64),
        id: Some(format!("rehearsal_{turn}_{at}")),
        name: Some(name),
        arguments: arguments.to_string(),
        ..CallPiece::default()
    })
}

/// Without a script: fills in forms, tries the tools (first those that only look, then those that write or ask), and
/// speaks of it.
fn improvise(chat: &Chat, turn: usize) -> Scripted {
    if let Some(form) = &chat.form {
        return Scripted::Says(filled(&form.schema, "an answer", 0).to_string());
    }
    let question = question(chat);
    let (late, early): (Vec<_>, Vec<_>) = chat
        .tools
        .iter()
        .filter(|tool| tool.name != "fetch_page" && tool.name != "read_file")
        .partition(|tool| matches!(tool.name.as_str(), "write_file" | "ask_person"));
    let called = match turn {
        _ if chat.no_tools_now => Vec::new(),
        0 => early,
        1 => late,
        _ => Vec::new(),
    };
    if called.is_empty() {
        return Scripted::Says(speech(chat, &question));
    }
    Scripted::Calls(
        called.iter().map(|tool| (tool.name.clone(), arguments(&tool.name, &tool.schema, &question))).collect(),
    )
}

fn question(chat: &Chat) -> String {
    let asked = chat.lines.iter().find_map(|line| match line {
        Line::User { text } => Some(text.as_str()),
        _ => None,
    });
    shorten(asked.unwrap_or_default().trim(), 160)
}

fn arguments(tool: &str, schema: &Value, question: &str) -> Value {
    match tool {
        "web_search" => json!({ "query": question }),
        "calculator" => json!({ "expression": "6 * 7" }),
        "write_file" => {
            json!({ "path": "rehearsal.md", "text": format!("{REHEARSAL_MARK} A report on: {question}\n") })
        }
        "ask_person" => json!({ "question": format!("{REHEARSAL_MARK} Is this what you had in mind?") }),
        _ => filled(schema, "an argument", 0),
    }
}

fn speech(chat: &Chat, question: &str) -> String {
    let used: Vec<&str> = chat
        .lines
        .iter()
        .filter_map(|line| match line {
            Line::Tool { tool, .. } => Some(tool.as_str()),
            _ => None,
        })
        .collect();
    let used = match used.as_slice() {
        [] => String::new(),
        used => format!(" The tools it tried on the way: {}.", used.join(", ")),
    };
    format!(
        "{REHEARSAL_MARK} No model is at work here, only a stand-in that says the same each time. It was asked: \
         “{question}”.{used}\n\nWhere a model's words would stand, these stand, one after the other, so that you can see \
         how they come."
    )
}

/// A value that a schema allows, as small as it may be.
fn filled(schema: &Value, name: &str, depth: usize) -> Value {
    const DEEPEST: usize = 8;
    let number = |word: &str| schema.get(word).and_then(Value::as_u64);
    if let Some(only) = schema.get("const").or_else(|| schema.get("enum").and_then(|words| words.get(0))) {
        return only.clone();
    }
    let branches = ["anyOf", "oneOf", "allOf"].into_iter().find_map(|word| schema.get(word).and_then(Value::as_array));
    if let Some(branch) = branches.and_then(|branches| branches.iter().find(|branch| branch["type"] != "null")) {
        return filled(branch, name, depth + 1);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find_map(|kind| kind.as_str().filter(|kind| *kind != "null")),
        kind => kind.as_str(),
    };
    match kind {
        Some("string") => Value::String(text(schema, name)),
        Some("integer") => json!(number("minimum").unwrap_or(1)),
        Some("number") => json!(schema.get("minimum").and_then(Value::as_f64).unwrap_or(1.0)),
        Some("boolean") => json!(false),
        Some("null") => Value::Null,
        Some("array") if depth < DEEPEST => {
            let items = number("minItems").unwrap_or(1).clamp(1, 20);
            (0..items).map(|_| filled(&schema["items"], name, depth + 1)).collect()
        }
        Some("array") => json!([]),
        _ => {
            let fields = schema.get("properties").and_then(Value::as_object);
            let fields = fields.into_iter().flatten().filter(|_| depth < DEEPEST);
            fields.map(|(name, field)| (name.clone(), filled(field, name, depth + 1))).collect()
        }
    }
}

fn text(schema: &Value, name: &str) -> String {
    match schema["format"].as_str() {
        Some("uri" | "uri-reference" | "url") => "https://example.org/rehearsal".to_owned(),
        Some("date-time") => "2026-01-01T00:00:00Z".to_owned(),
        Some("date") => "2026-01-01".to_owned(),
        Some("email") => "rehearsal@example.org".to_owned(),
        _ => {
            let most = schema["maxLength"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
            format!("{REHEARSAL_MARK} {}", name.replace('_', " ")).chars().take(most).collect()
        }
    }
}
