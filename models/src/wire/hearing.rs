//! Pieces put together to an answer.

use serde_json::{Map, Value};

use super::inline_thoughts::InlineThoughts;
use super::{CallPiece, End, Piece};
use crate::chat::{Answer, ToolCall};
use crate::error::ModelError;

/// No model calls more tools at once, and no call is longer.
const MOST_CALLS: usize = 64;
const MOST_ARGUMENT_BYTES: usize = 1024 * 1024;
/// Of a text that nobody watches; one that is watched has its own bound, the step's.
const MOST_TEXT_BYTES: usize = 32 * 1024 * 1024;
/// Who thinks more than this gets it back in no request.
const MOST_THOUGHT_BYTES: usize = 256 * 1024;

/// What was heard so far.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    text: String,
    calls: Vec<(Option<u64>, ToolCall)>,
    refusal: String,
    thoughts: Map<String, Value>,
    thought_bytes: usize,
    inline_thoughts: InlineThoughts,
    end: Option<End>,
    /// Tokens read and written, as the provider counts them.
    pub(crate) usage: Option<(u64, u64)>,
}

impl Hearing {
    /// Hears a piece and returns what of it is for people.
    pub(crate) fn add(&mut self, piece: Piece) -> Result<String, ModelError> {
        let mut said = String::new();
        match piece {
            Piece::Text(text) => {
                said = self.inline_thoughts.said(&text);
                self.text.push_str(&said);
            }
            Piece::Call(call) => self.add_call(call)?,
            Piece::Refusal(text) => self.refusal.push_str(&text),
            Piece::Thought { field, value } => self.add_thought(field, value),
            Piece::Usage { prompt_tokens, completion_tokens } => self.usage = Some((prompt_tokens, completion_tokens)),
            Piece::End(end) => self.end = Some(end),
        }
        match self.text.len() + self.refusal.len() > MOST_TEXT_BYTES {
            true => Err(ModelError::Malformed(format!("more than {MOST_TEXT_BYTES} bytes of text"))),
            false => Ok(said),
        }
    }

    /// Nothing more comes: what was held back, since it might have been no word.
    pub(crate) fn last_words(&mut self) -> String {
        let said = self.inline_thoughts.rest();
        self.text.push_str(&said);
        said
    }

    /// Whether the provider has said that this is all, though it may still say what it took.
    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Pieces of one call share its index. Where a provider leaves that out, or gives all calls the same, a new id
    /// begins a new call; where it leaves out both, a name after arguments that are whole.
    fn add_call(&mut self, piece: CallPiece) -> Result<(), ModelError> {
        let is_new = |call: &ToolCall| match (&piece.id, &piece.name) {
            // Some give each piece an id of its own, but only the first one a name.
            (Some(id), name) if !call.id.is_empty() => *id != call.id && (piece.index.is_none() || name.is_some()),
            (_, Some(_)) => !piece.arguments.is_empty() && is_whole(&call.arguments),
            _ => false,
        };
        let found = match piece.index {
            Some(index) => self.calls.iter().rposition(|(known, call)| *known == Some(index) && !is_new(call)),
            None => self.calls.len().checked_sub(1).filter(|last| {
                let call = &self.calls[*last].1;
                // A second name without an id is a second call.
                !is_new(call) && (piece.name.is_none() || call.name.is_empty())
            }),
        };
        let at = match found {
            Some(at) => at,
            None if self.calls.len() >= MOST_CALLS => {
                return Err(ModelError::Malformed(format!("more than {MOST_CALLS} tool calls at once")));
            }
            None => {
                self.calls.push((piece.index, ToolCall::default()));
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[at].1;
        if let Some(id) = piece.id.filter(|_| call.id.is_empty()) {
            call.id = id;
        }
        if !piece.extra_content.is_null() {
            call.extra_content = piece.extra_content;
        }
        if let Some(name) = piece.name {
            call.name = name;
        }
        call.arguments.push_str(&piece.arguments);
        if call.arguments.len() > MOST_ARGUMENT_BYTES {
            return Err(ModelError::Malformed(format!("the arguments of {} are too long", call.name)));
        }
        Ok(())
    }

    /// Texts are put together; lists too, and in them the texts of one thought.
    fn add_thought(&mut self, field: &'static str, value: Value) {
        self.thought_bytes += value.as_str().map_or_else(|| value.to_string().len(), str::len);
        if self.thought_bytes > MOST_THOUGHT_BYTES {
            return self.thoughts.clear();
        }
        match (self.thoughts.get_mut(field), value) {
            (Some(Value::String(known)), Value::String(more)) => known.push_str(&more),
            (Some(Value::Array(known)), Value::Array(more)) => more.into_iter().for_each(|part| add_part(known, part)),
            (_, value) => {
                self.thoughts.insert(field.to_owned(), value);
            }
        }
    }

    /// All that was said, measured text by text, for providers that do not count.
    pub(crate) fn measure(&self, measure: impl Fn(&str) -> usize) -> usize {
        let calls = self.calls.iter().map(|(_, call)| measure(&call.name) + measure(&call.arguments));
        let thoughts = self.thought_bytes + self.inline_thoughts.bytes;
        measure(&self.text) + measure(&self.refusal) + thoughts + calls.sum::<usize>()
    }

    /// The whole. `ended`: the provider said that this is all.
    pub(crate) fn finish(mut self, ended: bool) -> Result<Answer, ModelError> {
        self.last_words();
        if !ended && self.end.is_none() {
            let length = self.measure(|text| text.chars().count());
            return Err(ModelError::CutOff(format!("after {length} characters, without an end")));
        }
        match self.end {
            Some(End::Filtered) => return Err(ModelError::Filtered),
            Some(End::Broken) => return Err(ModelError::CutOff("the provider broke off".to_owned())),
            _ => {}
        }
        let cut = self.end == Some(End::Cut);
        let calls: Vec<ToolCall> =
            self.calls.into_iter().enumerate().map(|(place, (_, call))| finished(place, call)).collect();
        let thoughts = if calls.is_empty() { Map::new() } else { self.thoughts };
        let answer = Answer { text: self.text, calls, cut, thoughts, ..Answer::default() };
        if answer.is_empty() {
            return Err(match self.refusal.is_empty() {
                // It thought all the way: the same again would end the same.
                true if cut => ModelError::CutBeforeAWord,
                true => ModelError::Empty,
                false => ModelError::Declined(self.refusal),
            });
        }
        Ok(answer)
    }
}

fn is_whole(arguments: &str) -> bool {
    serde_json::from_str::<Map<String, Value>>(arguments).is_ok()
}

/// Parts with the same kind and index are one thought, in pieces.
fn add_part(known: &mut Vec<Value>, part: Value) {
    let same = |last: &&mut Value| ["type", "index"].into_iter().all(|name| last.get(name) == part.get(name));
    let text = part.get("text").and_then(Value::as_str).filter(|_| part.get("index").is_some());
    match (known.last_mut().filter(same).and_then(|last| last.get_mut("text")), text) {
        (Some(Value::String(before)), Some(more)) if part.get("signature").is_none() => before.push_str(more),
        _ => known.push(part),
    }
}

fn finished(place: usize, mut call: ToolCall) -> ToolCall {
    if call.id.is_empty() {
        call.id = format!("call_{place}");
    }
    if call.arguments.trim().is_empty() {
        call.arguments = "{}".to_owned();
    }
    call
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(index: Option<u64>, id: &str, name: &str, arguments: &str) -> Piece {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let (id, name, arguments) = (text(id), text(name), arguments.to_owned());
        Piece::Call(CallPiece { index, id, name, arguments, ..CallPiece::default() })
    }

    fn calls(pieces: &[Piece]) -> Vec<(String, String, String)> {
        let mut hearing = Hearing::default();
        pieces.iter().cloned().for_each(|piece| drop(hearing.add(piece).unwrap()));
        let answer = hearing.finish(true).unwrap();
        answer.calls.into_iter().map(|call| (call.id, call.name, call.arguments)).collect()
    }

    fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
        (id.to_owned(), name.to_owned(), arguments.to_owned())
    }

    /// Goal: calls that are split over pieces, mixed, without index, or all with the same index come out whole.
    #[test]
    fn calls_in_pieces() {
        let mixed = [
            piece(Some(0), "a", "f", "{\"x\""),
            piece(Some(1), "b", "g", ""),
            piece(Some(0), "", "", ":1}"),
            piece(Some(1), "", "", "{}"),
        ];
        assert_eq!(calls(&mixed), [call("a", "f", "{\"x\":1}"), call("b", "g", "{}")]);
        let same_index = [piece(Some(0), "a", "f", "{}"), piece(Some(0), "b", "g", "{}")];
        assert_eq!(calls(&same_index), [call("a", "f", "{}"), call("b", "g", "{}")]);
        let no_index = [piece(None, "", "f", "{"), piece(None, "", "", "}"), piece(None, "", "g", "")];
        assert_eq!(calls(&no_index), [call("call_0", "f", "{}"), call("call_1", "g", "{}")]);
        let id_again = [piece(Some(0), "a", "f", "{"), piece(Some(0), "a", "", "}")];
        assert_eq!(calls(&id_again), [call("a", "f", "{}")]);
    }

    /// Goal: calls that all have one index and no id are told apart; pieces that have an id each are put together.
    #[test]
    fn calls_with_odd_marks() {
        let no_ids = [piece(Some(0), "", "f", "{\"x\":1}"), piece(Some(0), "", "g", "{\"y\":2}")];
        assert_eq!(calls(&no_ids), [call("call_0", "f", "{\"x\":1}"), call("call_1", "g", "{\"y\":2}")]);
        let name_again =
            [piece(Some(0), "", "f", ""), piece(Some(0), "", "f", "{\"x\""), piece(Some(0), "", "f", ":1}")];
        assert_eq!(calls(&name_again), [call("call_0", "f", "{\"x\":1}")]);
        let an_id_each =
            [piece(Some(0), "a", "f", ""), piece(Some(0), "b", "", "{\"x\""), piece(Some(0), "c", "", ":1}")];
        assert_eq!(calls(&an_id_each), [call("a", "f", "{\"x\":1}")]);
    }

    /// Goal: thoughts are put together and kept with calls, not without; too many are left out.
    #[test]
    fn thoughts_go_with_calls() {
        let thought = |field, value: Value| Piece::Thought { field, value };
        let part = |text: &str| serde_json::json!([{ "type": "reasoning.text", "index": 0, "text": text }]);
        let heard = |pieces: &[Piece]| {
            let mut hearing = Hearing::default();
            pieces.iter().cloned().for_each(|piece| drop(hearing.add(piece).unwrap()));
            Value::Object(hearing.finish(true).unwrap().thoughts)
        };
        let thoughts = [
            thought("reasoning_content", "I th".into()),
            thought("reasoning_content", "ink".into()),
            thought("reasoning_details", part("a")),
            thought("reasoning_details", part("b")),
        ];
        let call = piece(Some(0), "a", "f", "{}");
        let expected = serde_json::json!({ "reasoning_content": "I think", "reasoning_details": part("ab") });
        assert_eq!(heard(&[&thoughts[..], std::slice::from_ref(&call)].concat()), expected);
        assert_eq!(heard(&[&thoughts[..], &[Piece::Text("x".to_owned())]].concat()), serde_json::json!({}));
        let much = thought("reasoning_content", "x".repeat(MOST_THOUGHT_BYTES + 1).into());
        assert_eq!(heard(&[much, call]), serde_json::json!({}));
    }

    /// Goal: nothing, a refusal, a filter, and half an answer are told apart.
    #[test]
    fn ends_are_told_apart() {
        let heard = |pieces: &[Piece], ended| {
            let mut hearing = Hearing::default();
            pieces.iter().cloned().for_each(|piece| drop(hearing.add(piece).unwrap()));
            hearing.finish(ended)
        };
        let text = Piece::Text("half".to_owned());
        assert!(matches!(heard(std::slice::from_ref(&text), false), Err(ModelError::CutOff(_))));
        assert!(heard(&[text.clone(), Piece::End(End::Cut)], false).unwrap().cut);
        assert_eq!(heard(&[], true), Err(ModelError::Empty));
        assert_eq!(heard(&[Piece::Refusal("no".to_owned())], true), Err(ModelError::Declined("no".to_owned())));
        assert!(matches!(heard(&[text.clone(), Piece::End(End::Broken)], true), Err(ModelError::CutOff(_))));
        assert_eq!(heard(&[text, Piece::End(End::Filtered)], true), Err(ModelError::Filtered));
        assert_eq!(heard(&[Piece::End(End::Cut)], true), Err(ModelError::CutBeforeAWord));
    }
}
