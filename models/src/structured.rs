//! Answers in a form: a `T`, or what the model said instead.
//!
//! A model that does not keep to the form is shown its error, twice at most. Each turn is a step, so that a crash between
//! two repeats neither.

use caudal_engine::flow::FlowContext;
use caudal_engine::prelude::{FlowError, FlowResult};
use caudal_engine::use_cases::inputs::check_value;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::chat::{Answer, AnswerForm, Chat};
use crate::language_model::LanguageModel;
use crate::schema::schema_of;
use crate::web_page::shorten;

/// How often a model may mend its answer.
const MENDS: usize = 2;

impl LanguageModel {
    /// A `T`, in a step of this name.
    pub async fn ask_for<T>(&self, ctx: &mut FlowContext, name: &str, chat: impl Into<Chat>) -> FlowResult<T>
    where
        T: DeserializeOwned + JsonSchema + Send,
    {
        let form = AnswerForm { name: form_name(&T::schema_name()), schema: schema_of::<T>() };
        self.mended(ctx, name, chat.into(), form, |value| {
            serde_json::from_value(value).map_err(|error| error.to_string())
        })
        .await
    }

    /// The same with a JSON Schema that is known only when the flow runs.
    pub async fn ask_for_form(
        &self,
        ctx: &mut FlowContext,
        name: &str,
        chat: impl Into<Chat>,
        schema: Value,
    ) -> FlowResult<Value> {
        let form = AnswerForm { name: "answer".to_owned(), schema };
        self.mended(ctx, name, chat.into(), form, Ok).await
    }

    async fn mended<T>(
        &self,
        ctx: &mut FlowContext,
        name: &str,
        chat: Chat,
        form: AnswerForm,
        parse: impl Fn(Value) -> Result<T, String>,
    ) -> FlowResult<T> {
        // Not every server heeds the form of a request; every model reads.
        let rule = format!("Answer with JSON alone, no other words, that fits this JSON Schema:\n{}", form.schema);
        let mut chat = Chat { form: Some(form.clone()), ..chat.system(rule) };
        let mut problem = String::new();
        let mut said = String::new();
        for turn in 0..=MENDS {
            let name = if turn == 0 { name.to_owned() } else { format!("{name} (mending {turn})") };
            let answer = ctx
                .step(name, |step| {
                    let (model, chat) = (self.clone(), chat.clone());
                    async move { model.chat(&step, &chat).await }
                })
                .await?;
            match read(&answer.text, &form.schema).and_then(&parse) {
                Ok(value) => return Ok(value),
                Err(error) => problem = error,
            }
            said.clone_from(&answer.text);
            // A call of a tool that is not there would have to be answered.
            chat.hear(Answer { calls: Vec::new(), ..answer });
            chat.say(format!(
                "That does not fit: {problem}. Answer again with the whole JSON, mended, and nothing else."
            ));
        }
        let said = shorten(&said, 500);
        Err(FlowError::give_up(format!("the model's answer does not fit: {problem}. It said: {said}")))
    }
}

fn read(text: &str, schema: &Value) -> Result<Value, String> {
    let value: Value = serde_json::from_str(json_in(text)).map_err(|error| format!("it is no JSON: {error}"))?;
    match check_value(schema, &value) {
        Ok(()) => Ok(value),
        Err(violations) => {
            const MOST: usize = 5;
            let lines = violations.iter().take(MOST);
            Err(lines.map(|wrong| format!("at '{}': {}", wrong.path, wrong.message)).collect::<Vec<_>>().join("; "))
        }
    }
}

/// The JSON without the fence that many models put around it, or the words before and after. Models that think aloud
/// may have tried some JSON before.
fn json_in(text: &str) -> &str {
    let text = text.rsplit_once("</think>").map_or(text, |(_, said)| said).trim();
    let from = text.find(['{', '[']);
    let to = text.rfind(['}', ']']);
    match (from, to) {
        (Some(from), Some(to)) if from < to => text.get(from..=to).unwrap_or(text),
        _ => text,
    }
}

/// Providers allow letters, digits, `_` and `-`, 64 of them.
fn form_name(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the JSON is found in a fence, among words, and behind thoughts.
    #[test]
    fn json_is_found() {
        for text in [
            "{\"a\": [1]}",
            "```json\n{\"a\": [1]}\n```",
            "Here it is: {\"a\": [1]}. Anything else?",
            "<think>\nMaybe {\"a\": 2}?\n</think>\n\n{\"a\": [1]}",
        ] {
            assert_eq!(json_in(text), "{\"a\": [1]}", "{text}");
        }
        assert_eq!(json_in(" 42 "), "42");
    }
}
