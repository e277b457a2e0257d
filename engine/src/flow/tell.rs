//! What a flow or a step tells: log lines, progress, results of tools, anything.
//!
//! Outside a step each telling has a key of its own and is told once, replay or not. Inside a step it belongs to
//! the step's attempt, and the view drops it when the attempt does not finish.

use std::sync::Arc;

use serde::Serialize;

use crate::task::event::{Custom, Log, Progress, Teller, ToolResult};
use crate::task::{Fact, Json, Key, LogLevel};
use crate::use_cases::run::execution::Execution;

pub(crate) struct Voice<'a> {
    execution: &'a Execution,
    teller: Teller,
    /// The log has it already.
    told: bool,
}

impl<'a> Voice<'a> {
    pub(crate) fn of_flow(execution: &'a Execution, key: Key) -> Self {
        // Code that is not the log's must not use up the keys of the code that is.
        let told = {
            let state = execution.state();
            state.mismatch.is_some() || state.history.told.contains(&key)
        };
        Self { execution, teller: Teller { key: Some(key), ..Teller::default() }, told }
    }

    pub(crate) fn of_step(execution: &'a Execution, step: &Key, attempt: u32) -> Self {
        let teller = Teller { step: Some(step.clone()), attempt: Some(attempt), key: None };
        Self { execution, teller, told: false }
    }

    pub(crate) fn log(self, level: LogLevel, message: Arc<str>) {
        let message = cut(message, self.execution.engine.limits.log_line_bytes);
        self.tell(|teller| Log { level, message, teller }.into());
    }

    pub(crate) fn progress(self, percent: u8, message: Arc<str>) {
        let message = cut(message, self.execution.engine.limits.log_line_bytes);
        self.tell(|teller| Progress { percent: percent.min(100), message, teller }.into());
    }

    pub(crate) fn tool_result(self, step_name: Arc<str>, tool: Arc<str>, data: &impl Serialize) {
        let data = self.payload(data);
        self.tell(|teller| ToolResult { step_name, tool, data, teller }.into());
    }

    pub(crate) fn emit(self, name: Arc<str>, data: &impl Serialize) {
        let data = self.payload(data);
        self.tell(|teller| Custom { name, data, teller }.into());
    }

    fn payload(&self, data: &impl Serialize) -> Json {
        let most = self.execution.engine.limits.payload_bytes;
        match Json::of(data) {
            Ok(data) if data.len() <= most => data,
            Ok(data) => {
                serde_json::json!({ "omitted": format!("{} bytes; at most {most} are kept", data.len()) }).into()
            }
            Err(error) => serde_json::json!({ "omitted": format!("not JSON: {error}") }).into(),
        }
    }

    fn tell(self, fact: impl FnOnce(Teller) -> Fact) {
        if !self.told {
            self.execution.tell(fact(self.teller));
        }
    }
}

/// At most this many bytes of it, saying how much is missing.
fn cut(text: Arc<str>, most: usize) -> Arc<str> {
    if text.len() <= most {
        return text;
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… ({} bytes more)", text.get(..end).unwrap_or_default(), text.len() - end).into()
}
