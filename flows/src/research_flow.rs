//! A research: an agent that searches, reads and calculates in turns, writes a report with its sources, and asks before
//! it writes a file.

use caudal::prelude::*;
use caudal_models::prelude::*;
use caudal_models::tools;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ResearchInput {
    /// What shall be found out.
    #[schemars(length(min = 1, max = 4_000), extend("pattern" = "\\S"))]
    question: String,
    /// Where the report is kept in the file area. You are asked before it is written.
    #[serde(default)]
    #[schemars(length(max = 200))]
    file: Option<String>,
    /// How often the model may think.
    #[serde(default = "most_turns")]
    #[schemars(range(min = 2, max = 40))]
    most_turns: u32,
}

fn most_turns() -> u32 {
    12
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Research {
    /// In Markdown, with its sources.
    report: String,
}

const INSTRUCTIONS: &str = "You are a careful researcher. Find out what is asked: search from several sides, read the pages \
                            that matter, compare what they say, calculate where numbers matter. Then write a report in \
                            Markdown: the answer first, then what it stands on. Put the number of the source in brackets \
                            behind each claim, like [2], and end with the list of sources with their addresses. Say what you \
                            could not find out.";

/// Researches a question with tools and writes a report with sources; asks you before it writes a file.
#[flow(title = "Research", deadline = "7d", needs = LanguageModel)]
async fn research_flow(ctx: &mut FlowContext, input: ResearchInput) -> FlowResult<Research> {
    let agent = Agent::new(&ctx.model()?)
        .instructions(INSTRUCTIONS)
        .tools(tools::looking_up())
        .tools(tools::filing())
        .tool(tools::ask_person)
        .most_turns(input.most_turns);
    ctx.progress(5, "Researching");
    let question = match &input.file {
        Some(file) => format!("{}\n\nWrite the report to the file '{file}' before you answer with it.", input.question),
        None => format!("{}\n\nDo not write a file.", input.question),
    };
    let answer = agent.ask(ctx, question).await?;
    ctx.progress(100, "The report is written");
    Ok(Research { report: answer.text })
}

#[cfg(test)]
mod tests {
    use caudal::task::Fact;
    use caudal::testing::FlowTest;
    use caudal_models::tools::search::RehearsedSearch;
    use caudal_models::tools::{Sandbox, WebSearch};
    use serde_json::json;

    use super::*;

    /// With a file area of its own, which is gone with the folder.
    fn test(folder: &tempfile::TempDir) -> FlowTest {
        FlowTest::new(research_flow, json!({ "question": "Why is the sky blue?", "file": "sky.md" }))
            .resource(LanguageModel::rehearsal(Rehearsal::default()))
            .resource(WebSearch::with(RehearsedSearch))
            .resource(Sandbox::at(folder.path()))
            .answering(json!({ "answer": "yes" }))
    }

    /// Goal: it uses tools, asks a person before it writes, and what it wrote is there.
    #[tokio::test]
    async fn researches_and_asks_before_it_writes() {
        let folder = tempfile::tempdir().unwrap();
        let task = test(&folder).run().await;
        assert!(task.result::<Research>().report.contains("web_search"));
        let asked = task.events.iter().find_map(|event| match &event.fact {
            Fact::ApprovalAsked(asked) => Some(asked.question.to_string()),
            _ => None,
        });
        assert!(asked.unwrap().contains("write_file"), "the page shows what it wants to do");
        assert!(folder.path().join("rehearsal.md").is_file());
    }

    /// Goal: a no is heard: nothing is written, and the agent goes on without.
    #[tokio::test]
    async fn a_no_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let task = test(&folder).refusing("not there").run().await;
        assert!(!task.result::<Research>().report.is_empty());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().filter(|entry| {
            entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "md"))
        }).count(), 0);
    }

    /// Goal: wherever it crashes, with its tools finishing in any order, it ends the same.
    #[tokio::test]
    async fn survives_crashes() {
        let folder = tempfile::tempdir().unwrap();
        test(&folder).crash_after_every_step().await;
    }
}
