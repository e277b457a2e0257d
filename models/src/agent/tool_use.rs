//! The agent's hands: from the calls that a model made to what it gets to read.
//!
//! Whatever the model did wrong — a tool that is not there, arguments that do not fit — and whatever failed goes back to
//! it in words, so that it can mend it. Only a cancel and a used-up budget end the agent.

use caudal_engine::flow::tool::{ToolEffect, ToolRun};
use caudal_engine::flow::{FlowContext, MOST_APPROVAL_BYTES, ToolDefinition};
use caudal_engine::prelude::{FlowError, FlowResult};
use caudal_engine::task::Json;
use caudal_engine::use_cases::inputs::check_value;
use serde_json::Value;

use super::Agent;
use crate::chat::{Brought, Chat, ToolCall};
use crate::material::{as_data, as_word_of_person};
use crate::seen::SeenPage;
use crate::web_page::shorten;

/// Of what a tool brought, as it is; what is larger is kept cut, as the model reads it.
const MOST_KEPT_BYTES: usize = 256 * 1024;

impl Agent {
    /// Uses the tools that the model asked for, several at once, and returns what it gets to read, in its order.
    pub async fn use_tools(&self, ctx: &mut FlowContext, chat: &Chat, calls: &[ToolCall]) -> FlowResult<Vec<Brought>> {
        let used = |mut ctx: FlowContext, call: ToolCall| async move { self.use_tool(&mut ctx, chat, &call).await };
        ctx.map("Use tools", calls.to_vec(), self.at_once, used).await
    }

    async fn use_tool(&self, ctx: &mut FlowContext, chat: &Chat, call: &ToolCall) -> FlowResult<Brought> {
        let Some(tool) = self.tools.iter().copied().find(|tool| tool.name == call.name) else {
            return Ok(self.no_such_tool(&call.name).into());
        };
        let arguments = match fitting(tool, &call.arguments) {
            Ok(arguments) => arguments,
            Err(problem) => {
                let problem = cut(problem, self.most_output);
                return Ok(format!("The arguments of {} are wrong: {problem}", tool.name).into());
            }
        };
        let outcome = match self.refusal(ctx, chat, tool, &arguments).await {
            Ok(Some(refusal)) => return Ok(refusal.into()),
            Ok(None) => self.run(ctx, tool, arguments).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(output) if tool.from_person => Ok(as_word_of_person(&readable(&output, self.most_output)).into()),
            Ok(output) => Ok(Brought {
                text: as_data(tool.name, &readable(&output, self.most_output)),
                pages: SeenPage::all_in(&output),
            }),
            Err(error) if ends_the_agent(&error) => Err(error),
            // A failure may repeat what a stranger wrote, at any length: it is data like the rest.
            Err(error) => Ok(as_data(tool.name, &cut(format!("The tool failed: {error}"), self.most_output)).into()),
        }
    }

    /// Why a call is not made, if a person must be asked and says no, or cannot be shown what it is about.
    async fn refusal(
        &self,
        ctx: &mut FlowContext,
        chat: &Chat,
        tool: &'static ToolDefinition,
        arguments: &Json,
    ) -> FlowResult<Option<String>> {
        let reasons = self.approvals.iter().filter(|(name, _)| *name == tool.name);
        let reason = reasons.filter_map(|(_, reason)| reason(chat, &arguments.to_value())).next();
        if !tool.asks_approval && reason.is_none() {
            return Ok(None);
        }
        // Nobody is to approve what is not shown.
        if arguments.len() > MOST_APPROVAL_BYTES {
            return Ok(Some(format!(
                "A person must approve this and can be shown {MOST_APPROVAL_BYTES} bytes; these arguments have {}. Make \
                 them shorter, or make several calls of one.",
                arguments.len()
            )));
        }
        let effect = match tool.effect {
            Some(effect) => Some(foresee(ctx, tool, effect, arguments).await?),
            None => None,
        };
        let more: String = [reason, effect].into_iter().flatten().map(|more| format!(" {more}")).collect();
        let question = format!("{}? The agent wants to use {}.{more}", tool.title, tool.name);
        let approval = ctx.ask_approval_of(&question, arguments).await?;
        let why = approval.comment.map(|comment| format!(": {comment}")).unwrap_or_default();
        Ok((!approval.approved).then(|| format!("A person does not allow it{why}")))
    }

    /// What the tool brings.
    async fn run(&self, ctx: &mut FlowContext, tool: &'static ToolDefinition, arguments: Json) -> FlowResult<Json> {
        let most = self.most_output;
        match tool.run {
            ToolRun::InFlow(run) => run(ctx, arguments).await,
            ToolRun::InStep(run) => {
                let body = move |step| {
                    let output = run(step, arguments.clone());
                    async move { output.await.map(|output| kept(output, most)) }
                };
                let step = ctx.step(tool.title, body).retries(tool.retries);
                match tool.timeout() {
                    Some(timeout) => step.timeout(timeout).await,
                    None => step.await,
                }
            }
        }
    }

    fn no_such_tool(&self, name: &str) -> String {
        let known: Vec<&str> = self.tools.iter().map(|tool| tool.name).collect();
        format!("There is no tool '{}'; there are: {}", shorten(name, 100), known.join(", "))
    }
}

/// The arguments, if they are what the tool takes.
fn fitting(tool: &ToolDefinition, written: &str) -> Result<Json, String> {
    let value: Value = serde_json::from_str(written).map_err(|error| format!("they are no JSON: {error}"))?;
    match check_value(&(tool.input_schema)().to_value(), &value) {
        Ok(()) => Ok(value.into()),
        Err(violations) => {
            let lines = violations.iter().map(|wrong| format!("at '{}': {}", wrong.path, wrong.message));
            Err(lines.collect::<Vec<_>>().join("; "))
        }
    }
}

/// What a call would do, in the tool's own words.
async fn foresee(
    ctx: &mut FlowContext,
    tool: &'static ToolDefinition,
    effect: ToolEffect,
    arguments: &Json,
) -> FlowResult<String> {
    let effect = |step| effect(step, arguments.clone());
    let said: Json = ctx.step(format!("{}: what it would do", tool.title), effect).retries(tool.retries).await?;
    Ok(said.parse().unwrap_or_default())
}

fn kept(output: Json, most: usize) -> Json {
    if output.len() <= MOST_KEPT_BYTES { output } else { Value::String(readable(&output, most)).into() }
}

/// Text stays text.
fn readable(output: &Json, most: usize) -> String {
    cut(output.parse::<String>().unwrap_or_else(|_| output.text().to_owned()), most)
}

/// So that its reader knows that something is missing, and how much.
fn cut(text: String, most: usize) -> String {
    match text.chars().count() {
        length if length <= most => text,
        length => format!("{} [cut: {most} of {length} characters]", shorten(&text, most)),
    }
}

fn ends_the_agent(error: &FlowError) -> bool {
    matches!(error, FlowError::Cancelled | FlowError::ContinueAsNew(_)) || error.kind() == "over_budget"
}
