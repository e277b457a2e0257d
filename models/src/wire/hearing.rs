//! Pieces put together to an answer.

use super::{CallPiece, End, Piece};
use crate::chat::{Answer, ToolCall};
use crate::error::ModelError;

/// No model calls more tools at once, and no call is longer.
const MOST_CALLS: usize = 64;
const MOST_ARGUMENT_BYTES: usize = 1024 * 1024;

/// What was heard so far.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    text: String,
    calls: Vec<(Option<u64>, ToolCall)>,
    refusal: String,
    end: Option<End>,
    /// Tokens read and written, as the provider counts them.
    pub(crate) usage: Option<(u64, u64)>,
}

impl Hearing {
    pub(crate) fn add(&mut self, piece: Piece) -> Result<(), ModelError> {
        match piece {
            Piece::Text(text) => self.text.push_str(&text),
            Piece::Call(call) => self.add_call(call)?,
            Piece::Refusal(text) => self.refusal.push_str(&text),
            Piece::Usage { prompt_tokens, completion_tokens } => self.usage = Some((prompt_tokens, completion_tokens)),
            Piece::End(end) => self.end = Some(end),
        }
        Ok(())
    }

    /// Pieces of one call share its index. Where a provider leaves that out, or gives all calls the same, a new id
    /// begins a new call.
    fn add_call(&mut self, piece: CallPiece) -> Result<(), ModelError> {
        let is_new = |call: &ToolCall| piece.id.as_ref().is_some_and(|id| !call.id.is_empty() && *id != call.id);
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
        if let Some(id) = piece.id {
            call.id = id;
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

    /// How much was said, for providers that do not count.
    pub(crate) fn characters(&self) -> usize {
        let calls = self.calls.iter().map(|(_, call)| call.name.len() + call.arguments.chars().count());
        self.text.chars().count() + self.refusal.chars().count() + calls.sum::<usize>()
    }

    /// The whole. `ended`: the provider said that this is all.
    pub(crate) fn finish(self, ended: bool) -> Result<Answer, ModelError> {
        if !ended && self.end.is_none() {
            return Err(ModelError::CutOff(format!("after {} characters, without an end", self.characters())));
        }
        if self.end == Some(End::Filtered) {
            return Err(ModelError::Filtered);
        }
        let calls = self.calls.into_iter().enumerate().map(|(place, (_, call))| finished(place, call)).collect();
        let answer = Answer { text: self.text, calls, cut: self.end == Some(End::Cut), rehearsal: false };
        if answer.is_empty() {
            return Err(match self.refusal.is_empty() {
                true => ModelError::Empty,
                false => ModelError::Declined(self.refusal),
            });
        }
        Ok(answer)
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
        Piece::Call(CallPiece { index, id: text(id), name: text(name), arguments: arguments.to_owned() })
    }

    fn calls(pieces: &[Piece]) -> Vec<(String, String, String)> {
        let mut hearing = Hearing::default();
        pieces.iter().cloned().for_each(|piece| hearing.add(piece).unwrap());
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

    /// Goal: nothing, a refusal, a filter, and half an answer are told apart.
    #[test]
    fn ends_are_told_apart() {
        let heard = |pieces: &[Piece], ended| {
            let mut hearing = Hearing::default();
            pieces.iter().cloned().for_each(|piece| hearing.add(piece).unwrap());
            hearing.finish(ended)
        };
        let text = Piece::Text("half".to_owned());
        assert!(matches!(heard(std::slice::from_ref(&text), false), Err(ModelError::CutOff(_))));
        assert!(heard(&[text.clone(), Piece::End(End::Cut)], false).unwrap().cut);
        assert_eq!(heard(&[], true), Err(ModelError::Empty));
        assert_eq!(heard(&[Piece::Refusal("no".to_owned())], true), Err(ModelError::Declined("no".to_owned())));
        assert_eq!(heard(&[text, Piece::End(End::Filtered)], true), Err(ModelError::Filtered));
    }
}
