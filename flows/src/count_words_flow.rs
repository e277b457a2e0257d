//! The smallest flow that does something: made to be copied.
//!
//! A flow is an async function with `#[flow]` on it. Its name is the flow's name, the first line of its comment the
//! sentence that people see, and its input type makes the form on the page and the checks of the API. What the
//! function returns is the task's result.

use std::collections::BTreeMap;

use caudal::prelude::*;

/// What a person fills in. Comments become the explanations in the form, `schemars` attributes the limits.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountWordsInput {
    /// The text to count in.
    #[schemars(length(min = 1, max = 100_000), extend("format" = "textarea"))]
    pub(crate) text: String,
    /// How many of the most frequent words to list.
    #[serde(default = "ten")]
    #[schemars(range(max = 100))]
    pub(crate) top: u32,
}

fn ten() -> u32 {
    10
}

/// What comes out. It has to be readable too, because a finished step is read back and not run again.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct WordCount {
    pub(crate) words: usize,
    pub(crate) different: usize,
    /// The most frequent words, the most frequent first.
    pub(crate) top: Vec<(String, usize)>,
}

/// Counts the words of a text and lists the most frequent.
#[flow(title = "Count words", timeout = "1m")]
pub(crate) async fn count_words_flow(ctx: &mut FlowContext, input: CountWordsInput) -> FlowResult<WordCount> {
    // Once this step has finished, no crash and no deploy makes it run again. It is a blocking one because counting
    // keeps a CPU busy; what waits for a network or a disk is `ctx.step(name, |step| async move { … })`.
    let CountWordsInput { text, top } = input;
    let counted = ctx
        .step_blocking("Count", move |step| {
            let counted = count(&text, top);
            step.tool_result("top words", &counted.top);
            Ok(counted)
        })
        .await?;

    // Between steps a flow may compute, decide and tell. It is told once, however often this line is passed.
    ctx.progress(100, format!("{} words, {} different", counted.words, counted.different));
    Ok(counted)
}

/// The work itself knows nothing of flows: it can be tested and used anywhere.
fn count(text: &str, top: u32) -> WordCount {
    let mut frequency = BTreeMap::new();
    let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '\'').filter(|word| !word.is_empty());
    for word in words {
        *frequency.entry(word.to_lowercase()).or_insert(0) += 1;
    }
    let (words, different) = (frequency.values().sum(), frequency.len());
    let mut top_words: Vec<_> = frequency.into_iter().collect();
    // The sort is stable, so words of one frequency stay in the order of the alphabet.
    top_words.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    top_words.truncate(top as usize);
    WordCount { words, different, top: top_words }
}

#[cfg(test)]
mod tests {
    use caudal::testing::{crash_after_every_step, run_flow};
    use serde_json::json;

    use super::*;

    /// Goal: the result is right, and what people see says so.
    #[tokio::test]
    async fn counts() {
        let task = run_flow(count_words_flow, json!({ "text": "The rain, the RAIN — and don't ask.", "top": 2 })).await;
        let counted: WordCount = task.result();
        assert_eq!((counted.words, counted.different), (7, 5));
        assert_eq!(counted.top, [("rain".to_owned(), 2), ("the".to_owned(), 2)]);
        assert_eq!(&*task.view.summary.status, "Done");
    }

    /// Goal: wherever it crashes, it ends the same.
    #[tokio::test]
    async fn survives_crashes() {
        crash_after_every_step(count_words_flow, json!({ "text": "one two two" })).await;
    }
}
