//! The one place where the command line prints.
//!
//! A reader that is gone (`caudal tasks | head`) is no error: nobody is left to tell.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// For programs.
    pub(crate) json: bool,
}

impl Output {
    pub(crate) fn line(self, text: impl AsRef<str>) {
        let mut out = io::stdout().lock();
        let _gone =
            out.write_all(text.as_ref().as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    }

    /// Without a line's end, at once: streamed text.
    pub(crate) fn text(self, text: &str) {
        let mut out = io::stdout().lock();
        let _gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Beside the result: what people want to know and programs do not.
    pub(crate) fn remark(self, text: impl AsRef<str>) {
        let mut out = io::stderr().lock();
        let _gone = out.write_all(text.as_ref().as_bytes()).and_then(|()| out.write_all(b"\n"));
    }

    /// One line of JSON.
    pub(crate) fn value(self, value: &Value) {
        self.line(value.to_string());
    }

    /// JSON for programs, else what `words` makes of it.
    pub(crate) fn either(self, value: &Value, words: impl FnOnce(&Value) -> String) {
        if self.json {
            self.value(value);
        } else {
            self.line(words(value));
        }
    }

    /// Whether a person looks at both, so that lines may be drawn anew.
    pub(crate) fn is_terminal(self) -> bool {
        !self.json && io::stdout().is_terminal() && io::stderr().is_terminal()
    }
}

/// A result as people read it: text stays text, anything else is JSON.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

/// A text field of an object, empty when it is not there.
pub(crate) fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
