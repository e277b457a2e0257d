//! A conversation with a model: what was said so far, what it may call, and what it answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use caudal_engine::flow::ToolDefinition;

use crate::schema::plain_schema;
use crate::seen::SeenPage;

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
    System {
        text: String,
    },
    User {
        text: String,
    },
    Model {
        answer: Answer,
    },
    Tool {
        call: String,
        tool: String,
        text: String,
        /// The pages in it, if it brought any.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pages: Vec<SeenPage>,
    },
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
    /// All that was said before was too long for the model: it was shortened to so many characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortened_to: Option<usize>,
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

/// What a tool brought, as the model gets to read it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Brought {
    pub text: String,
    /// The pages in it.
    pub pages: Vec<SeenPage>,
}

impl From<String> for Brought {
    fn from(text: String) -> Self {
        Self { text, pages: Vec::new() }
    }
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
    pub fn report(&mut self, call: &ToolCall, brought: impl Into<Brought>) {
        let Brought { text, pages } = brought.into();
        self.lines.push(Line::Tool { call: call.id.clone(), tool: call.name.clone(), text, pages });
    }

    /// What the model may call from now on.
    pub fn offer(&mut self, tools: &[&'static ToolDefinition]) {
        self.tools = tools.iter().map(|tool| OfferedTool::of(tool)).collect();
    }

    /// In characters.
    pub(crate) fn length(&self) -> usize {
        self.measure(|text| text.chars().count())
    }

    /// All that a model reads of it, measured text by text.
    pub(crate) fn measure(&self, measure: impl Fn(&str) -> usize) -> usize {
        let lines = self.lines.iter().map(|line| match line {
            Line::System { text } | Line::User { text } | Line::Tool { text, .. } => measure(text),
            Line::Model { answer } => answer.measure(&measure),
        });
        let tools = self.tools.iter().map(|tool| measure(&tool.description) + measure(&tool.schema.to_string()));
        let form = self.form.iter().map(|form| measure(&form.schema.to_string()));
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

    fn measure(&self, measure: impl Fn(&str) -> usize) -> usize {
        let calls = self.calls.iter().map(|call| measure(&call.name) + measure(&call.arguments));
        let thoughts = self.thoughts.values().map(|thought| measure(&thought.to_string()));
        measure(&self.text) + calls.chain(thoughts).sum::<usize>()
    }
}
