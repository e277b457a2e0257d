//! A conversation with a model: what was said so far, what it may call, and what it answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use caudal_engine::flow::ToolDefinition;

use crate::schema::plain_schema;

/// What a model is given. Made from a text, or piece by piece:
///
/// ```
/// use caudal_models::Chat;
///
/// let chat = Chat::from("Why is the sky blue?").system("Answer in one sentence.").temperature(0.2);
/// assert_eq!(chat.lines.len(), 2);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Chat {
    pub lines: Vec<Line>,
    /// What the model may call.
    pub tools: Vec<OfferedTool>,
    /// It may call nothing this time, though it has called before.
    pub no_tools_now: bool,
    /// What the answer must look like.
    pub form: Option<AnswerForm>,
    pub temperature: Option<f32>,
    /// The longest answer.
    pub most_tokens: Option<u32>,
}

/// One line of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Line {
    System { text: String },
    User { text: String },
    Model { answer: Answer },
    Tool { call: String, tool: String, text: String },
}

/// A tool as a model sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct OfferedTool {
    pub name: String,
    pub description: String,
    pub schema: Value,
}

/// The JSON Schema of a structured answer.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerForm {
    pub name: String,
    pub schema: Value,
}

/// What a model said: a text, calls of tools, or both.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    #[serde(default)]
    pub text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// It was cut at the longest answer that the model gives.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// A pretend model said it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
    /// What it thought before it called, under the provider's own names: some want it back with the calls.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub thoughts: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ToolCall {
    /// The provider's name for this call.
    pub id: String,
    pub name: String,
    /// As the model wrote them: JSON, if all is well.
    pub arguments: String,
    /// What the provider wants back with the call, as it came: Gemini signs its thoughts there.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub extra_content: Value,
}

impl Chat {
    /// Puts an instruction before everything else.
    #[must_use]
    pub fn system(mut self, text: impl Into<String>) -> Self {
        self.lines.insert(0, Line::System { text: text.into() });
        self
    }

    #[must_use]
    pub fn temperature(mut self, temperature: f32) -> Self {
        self.temperature = Some(temperature);
        self
    }

    #[must_use]
    pub fn most_tokens(mut self, most: u32) -> Self {
        self.most_tokens = Some(most);
        self
    }

    pub fn say(&mut self, text: impl Into<String>) {
        self.lines.push(Line::User { text: text.into() });
    }

    /// Says something beside the newest line: not every provider lets a user speak between a tool and the model.
    pub fn add(&mut self, text: &str) {
        match self.lines.last_mut() {
            Some(Line::Tool { text: result, .. }) => *result = format!("{result}\n\n{text}"),
            _ => self.say(text),
        }
    }

    /// What the model answered, for its next turn.
    pub fn hear(&mut self, answer: Answer) {
        self.lines.push(Line::Model { answer });
    }

    /// What a call that it made has brought. Each call of an answer needs one.
    pub fn report(&mut self, call: &ToolCall, text: impl Into<String>) {
        self.lines.push(Line::Tool { call: call.id.clone(), tool: call.name.clone(), text: text.into() });
    }

    /// What the model may call from now on.
    pub fn offer(&mut self, tools: &[&'static ToolDefinition]) {
        self.tools = tools.iter().map(|tool| OfferedTool::of(tool)).collect();
    }

    /// How long it is, for providers that do not say how many tokens they read.
    pub(crate) fn characters(&self) -> usize {
        let lines = self.lines.iter().map(|line| match line {
            Line::System { text } | Line::User { text } | Line::Tool { text, .. } => text.chars().count(),
            Line::Model { answer } => answer.characters(),
        });
        let tools = self.tools.iter().map(|tool| tool.description.len() + tool.schema.to_string().len());
        let form = self.form.iter().map(|form| form.schema.to_string().len());
        lines.chain(tools).chain(form).sum()
    }
}

impl From<&str> for Chat {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Chat {
    fn from(text: String) -> Self {
        Self { lines: vec![Line::User { text }], ..Self::default() }
    }
}

impl From<&Chat> for Chat {
    fn from(chat: &Chat) -> Self {
        chat.clone()
    }
}

impl OfferedTool {
    fn of(tool: &ToolDefinition) -> Self {
        Self {
            name: tool.name.to_owned(),
            description: tool.description.to_owned(),
            schema: plain_schema(&(tool.input_schema)().to_value()),
        }
    }
}

impl Answer {
    pub(crate) fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.calls.is_empty()
    }

    pub(crate) fn characters(&self) -> usize {
        let calls = self.calls.iter().map(|call| call.name.len() + call.arguments.chars().count());
        self.text.chars().count() + calls.sum::<usize>()
    }
}
