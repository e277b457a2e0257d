//! The wire that providers speak: OpenAI's chat completions, with all the ways in which others speak it.
//!
//! ```text
//! Chat ─▶ request ─▶ http ─▶ bytes ─▶ sse (lines to JSON) ─▶ reading (JSON to pieces) ─▶ Hearing (pieces to an answer)
//! ```
//!
//! A client of our own and no library: see `docs/decisions/0005`.

use serde_json::Value;

pub(crate) mod hearing;
pub(crate) mod http;
pub(crate) mod inline_thoughts;
pub(crate) mod reading;
pub(crate) mod refusal;
pub(crate) mod request;
pub(crate) mod sse;
pub(crate) mod wishes;

/// A part of an answer, as it comes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    Call(CallPiece),
    /// What it thinks, under the provider's name for it: not for people, but some want it back.
    Thought {
        field: &'static str,
        value: Value,
    },
    /// The model declines, in its words.
    Refusal(String),
    /// So far, in all: some providers say it with each piece.
    Usage {
        prompt_tokens: u64,
        completion_tokens: u64,
    },
    End(End),
}

/// A part of a tool call: which one, and what is new of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct CallPiece {
    pub(crate) index: Option<u64>,
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) arguments: String,
    /// What the provider wants back with the call.
    pub(crate) extra_content: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Stop,
    /// At the longest answer that the model gives.
    Cut,
    Filtered,
    /// The provider itself says that it broke off.
    Broken,
}
