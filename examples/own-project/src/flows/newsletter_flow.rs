//! A newsletter: one paragraph per topic, then a person's word, then out.

use caudal::prelude::*;

#[derive(Serialize, Deserialize, JsonSchema)]
struct NewsletterInput {
    /// What is written about, one paragraph each.
    topics: Vec<String>,
}

/// Writes a newsletter and publishes it when somebody agrees.
#[flow(title = "Newsletter", deadline = "7d")]
async fn newsletter_flow(ctx: &mut FlowContext, input: NewsletterInput) -> FlowResult<String> {
    if input.topics.is_empty() {
        return Err(FlowError::invalid_input("a newsletter needs a topic"));
    }
    // Two paragraphs at a time; each is kept when it is written, so a crash writes none of them again.
    let paragraphs = ctx
        .map("Paragraphs", input.topics, 2, |mut ctx, topic| async move {
            let paragraph = ctx
                .step("Write a paragraph", move |_step| {
                    let text = format!("There is news of {topic}.");
                    async move { Ok(text) }
                })
                .await?;
            ctx.log(paragraph.clone());
            Ok(paragraph)
        })
        .await?;
    ctx.progress(70, "Waiting for a word");

    // The task needs no worker and no memory until the answer comes, be it in a week.
    let answer = ctx.ask_approval("Publish the newsletter?").await?;
    if !answer.approved {
        return Err(FlowError::give_up(answer.comment.unwrap_or_else(|| "not approved".to_owned())));
    }
    Ok(paragraphs.join("\n"))
}

#[cfg(test)]
mod tests {
    use caudal::testing::{FlowTest, crash_after_every_step, run_flow};

    use super::*;

    fn input() -> NewsletterInput {
        NewsletterInput { topics: vec!["rain".to_owned(), "sun".to_owned(), "wind".to_owned()] }
    }

    /// Goal: the paragraphs stand in the order of the topics.
    #[tokio::test]
    async fn paragraphs_are_in_order() {
        let task = run_flow(newsletter_flow, input()).await;
        assert_eq!(task.result::<String>(), "There is news of rain.\nThere is news of sun.\nThere is news of wind.");
    }

    /// Goal: nothing goes out against a person's word.
    #[tokio::test]
    async fn refusal_is_heard() {
        let task = FlowTest::new(newsletter_flow, input()).refusing("too gloomy").run().await;
        assert_eq!(task.error().unwrap().message, "too gloomy");
    }

    /// Goal: no crash between two steps changes the result or repeats a finished step.
    #[tokio::test]
    async fn survives_crashes() {
        crash_after_every_step(newsletter_flow, input()).await;
    }
}
