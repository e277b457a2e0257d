//! `ask_person`: a question on the page, and a task that waits for the answer without costing anything.

use caudal_engine::prelude::*;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskPersonInput {
    /// The question, in one or two sentences, with all that is needed to answer it.
    #[schemars(length(min = 1, max = 2_000))]
    pub question: String,
}

/// The form on the page.
#[derive(Debug, Deserialize, JsonSchema)]
struct PersonAnswer {
    /// Your answer.
    answer: String,
}

/// Asks the person for whom you work, and waits for the answer. Use it when only they can know: a wish, a choice, a fact
/// that stands nowhere. It may take days, so ask once and ask everything.
#[tool(title = "Ask a person", from_person)]
pub async fn ask_person(ctx: &mut FlowContext, input: AskPersonInput) -> FlowResult<String> {
    Ok(ctx.ask::<PersonAnswer>(&input.question).await?.answer)
}
