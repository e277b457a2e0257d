//! The agent's hands: from the calls that a model made to what it gets to read.
//!
//! Whatever the model did wrong — a tool that is not there, arguments that do not fit — and whatever failed goes back to
//! it in words, so that it can mend it. Only a cancel and a used-up budget end the agent.

use caudal_engine::flow::tool::ToolRun;
use caudal_engine::flow::{FlowContext, ToolDefinition};
use caudal_engine::prelude::{FlowError, FlowResult};
use caudal_engine::task::Json;
use caudal_engine::use_cases::inputs::check_value;
use serde_json::Value;

use super::Agent;
use crate::chat::ToolCall;
use crate::material::as_data;
use crate::web_page::shorten;

impl Agent {
    /// Uses the tools that the model asked for, several at once, and returns what it gets to read, in its order.
    pub async fn use_tools(&self, ctx: &mut FlowContext, calls: &[ToolCall]) -> FlowResult<Vec<String>> {
        let used = |mut ctx: FlowContext, call: ToolCall| async move { self.use_tool(&mut ctx, &call).await };
        ctx.map("Use tools", calls.to_vec(), self.at_once, used).await
    }

    async fn use_tool(&self, ctx: &mut FlowContext, call: &ToolCall) -> FlowResult<String> {
        let Some(tool) = self.tools.iter().copied().find(|tool| tool.name == call.name) else {
            return Ok(self.no_such_tool(&call.name));
        };
        let arguments = match fitting(tool, &call.arguments) {
            Ok(arguments) => arguments,
            Err(problem) => {
                let problem = cut(problem, self.most_output);
                return Ok(format!("The arguments of {} are wrong: {problem}", tool.name));
            }
        };
        if tool.asks_approval {
            let approval = ctx.ask_approval(&intent(tool, &arguments)).await?;
            if !approval.approved {
                let why = approval.comment.map(|comment| format!(": {comment}")).unwrap_or_default();
                return Ok(format!("A person does not allow it{why}"));
            }
        }
        match self.run(ctx, tool, arguments).await {
            Ok(output) => Ok(as_data(tool.name, &output)),
            Err(error) if ends_the_agent(&error) => Err(error),
            // A failure may repeat what a stranger wrote, at any length: it is data like the rest.
            Err(error) => Ok(as_data(tool.name, &cut(format!("The tool failed: {error}"), self.most_output))),
        }
    }

    /// What the tool says, cut to what the model gets to read.
    async fn run(&self, ctx: &mut FlowContext, tool: &'static ToolDefinition, arguments: Json) -> FlowResult<String> {
        let most = self.most_output;
        match tool.run {
            ToolRun::InFlow(run) => run(ctx, arguments).await.map(|output| readable(&output, most)),
            ToolRun::InStep(run) => {
                let body = move |step| {
                    let output = run(step, arguments.clone());
                    async move { output.await.map(|output| readable(&output, most)) }
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

/// What a person is asked: the tool, and all that it would be given.
fn intent(tool: &ToolDefinition, arguments: &Json) -> String {
    const MOST: usize = 4_000;
    let arguments = serde_json::to_string_pretty(&arguments.to_value()).unwrap_or_default();
    format!("{}? The agent wants to use {} with:\n{}", tool.title, tool.name, cut(arguments, MOST))
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
