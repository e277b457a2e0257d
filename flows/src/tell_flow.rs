//! A flow that tells people of itself in every way there is: what notifications are tried with.

use caudal::prelude::*;

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct TellInput {
    /// These get a mail first.
    to: Vec<String>,
    subject: String,
    /// What the mail says, and the result.
    text: String,
    /// Then asks this, and waits for the answer.
    question: Option<String>,
    /// Fails with these words in the end.
    failure: Option<String>,
}

/// Sends a mail, asks a question, and ends as it is told to.
#[flow(title = "Tell", diagnostics, notify_on_failure)]
async fn tell_flow(ctx: &mut FlowContext, input: TellInput) -> FlowResult<String> {
    if !input.to.is_empty() {
        let mail = Notification::new("plain").with("subject", input.subject).with("text", input.text.as_str());
        ctx.notify(input.to.iter().fold(mail, |mail, address| mail.to(address))).await?;
    }
    if let Some(question) = &input.question {
        ctx.ask_approval(question).await?;
    }
    match input.failure {
        Some(words) => Err(FlowError::give_up(words)),
        None => Ok(input.text),
    }
}

#[cfg(test)]
mod tests {
    use caudal::testing::crash_after_every_step;
    use serde_json::json;

    use super::*;

    /// Goal: wherever it crashes, what it tells is told once.
    #[tokio::test]
    async fn survives_every_crash() {
        let input = json!({ "to": ["ana@example.org"], "subject": "It rains", "text": "Take an umbrella." });
        crash_after_every_step(tell_flow, input).await;
    }
}
