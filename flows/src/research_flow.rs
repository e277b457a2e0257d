//! A research: an agent that searches, reads and calculates in turns, and a report with its sources. It asks before it
//! writes a file, and before it goes to an address that nobody named.

use caudal::flow::MOST_APPROVAL_BYTES;
use caudal::prelude::*;
use caudal_models::prelude::*;
use caudal_models::seen::addresses_in;
use caudal_models::{SeenPage, tools};
use serde_json::json;

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
    /// Whether it may read what is in the file area. What it reads goes to the model.
    #[serde(default)]
    files: bool,
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
    /// Where it was written, if it was.
    file: Option<String>,
    /// All pages that were found or read, whatever the report says.
    sources: Vec<Source>,
}

/// A page that the agent met.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Source {
    url: String,
    title: String,
    /// The page was read, and not only found.
    read: bool,
    /// The report names its address.
    cited: bool,
}

const INSTRUCTIONS: &str = "You are a careful researcher. Find out what is asked: search from several sides, read the pages \
                            that matter, compare what they say, calculate where numbers matter. Then answer with a report \
                            in Markdown: the answer first, then what it stands on. Put the number of the source in brackets \
                            behind each claim, like [2], and end with the list of sources with their addresses. Say what you \
                            could not find out.";

/// Researches a question with tools and writes a report with sources; asks you before it writes a file.
#[flow(title = "Research", deadline = "7d", needs = LanguageModel)]
async fn research_flow(ctx: &mut FlowContext, input: ResearchInput) -> FlowResult<Research> {
    if let Some(file) = &input.file {
        // A place where nothing can be written is refused before anything is paid for.
        what_it_replaces(ctx, file).await?;
    }
    let agent = agent(&ctx.model()?, &input);
    ctx.progress(5, "Researching");
    let mut chat = agent.begin(input.question);
    let report = agent.go_on(ctx, &mut chat).await?.text;
    let sources = sources(ctx, &chat.pages(), &report);
    let file = match input.file {
        Some(file) => keep(ctx, file, &report).await?,
        None => None,
    };
    ctx.progress(100, "The report is written");
    Ok(Research { report, file, sources })
}

/// It can look at the files only if it may, and what it has read cannot send it anywhere: whoever writes a page could
/// otherwise have it carry what it knows to an address of theirs.
fn agent(model: &LanguageModel, input: &ResearchInput) -> Agent {
    let agent = Agent::new(model)
        .instructions(INSTRUCTIONS)
        .tools(tools::looking_up())
        .tool(tools::ask_person)
        .ask_before(tools::fetch_page, tools::goes_to_the_unknown)
        .most_turns(input.most_turns);
    if input.files { agent.tool(tools::list_files).tool(tools::read_file) } else { agent }
}

/// The pages with what became of them. An address that the report names and no tool brought may be made up.
fn sources(ctx: &mut FlowContext, pages: &[SeenPage], report: &str) -> Vec<Source> {
    let same = |one: &str, other: &str| one.trim_end_matches('/') == other.trim_end_matches('/');
    let named: Vec<&str> = addresses_in(report).collect();
    for stranger in named.iter().filter(|named| !pages.iter().any(|page| same(&page.url, named))) {
        ctx.warn(format!("The report names {stranger}, which was neither found nor read"));
    }
    let source = |page: &SeenPage| Source {
        url: page.url.clone(),
        title: page.title.clone(),
        read: page.read,
        cited: named.iter().any(|named| same(&page.url, named)),
    };
    pages.iter().map(source).collect()
}

/// Writes the report to the file, if a person who sees both says yes.
async fn keep(ctx: &mut FlowContext, file: String, report: &str) -> FlowResult<Option<String>> {
    let effect = what_it_replaces(ctx, &file).await?;
    let question = format!("Write the report to '{file}'? {effect}");
    let about = json!({ "path": file, "text": report });
    if about.to_string().len() > MOST_APPROVAL_BYTES {
        // It is paid for: better in the result alone than lost.
        ctx.warn(format!("The report was not written to '{file}': it is too long to be shown to whoever approves it"));
        return Ok(None);
    }
    let approval = ctx.ask_approval_of(&question, &about).await?;
    if !approval.approved {
        ctx.log(format!("The report was not written to '{file}': a person said no"));
        return Ok(None);
    }
    ctx.step("Write the file", |step| {
        let input = tools::WriteFileInput { path: file.clone(), text: report.to_owned() };
        async move { tools::write_file.call(step, input).await }
    })
    .await?;
    Ok(Some(file))
}

async fn what_it_replaces(ctx: &mut FlowContext, file: &str) -> FlowResult<String> {
    ctx.step("Look where the report goes", |step| {
        let input = tools::WriteFileInput { path: file.to_owned(), text: String::new() };
        async move { tools::what_it_replaces(step, input).await }
    })
    .await
}

#[cfg(test)]
mod tests {
    use caudal::task::{Fact, WireState};
    use caudal::testing::{FlowTest, TestedTask};
    use caudal_models::tools::search::RehearsedSearch;
    use caudal_models::tools::{Sandbox, WebSearch};

    use super::*;

    /// With a file area of its own, which is gone with the folder.
    fn test(folder: &tempfile::TempDir, rehearsal: Rehearsal, input: serde_json::Value) -> FlowTest {
        FlowTest::new(research_flow, input)
            .resource(LanguageModel::rehearsal(rehearsal))
            .resource(WebSearch::with(RehearsedSearch))
            .resource(Sandbox::at(folder.path()))
            .answering(json!({ "answer": "yes" }))
    }

    fn kept() -> serde_json::Value {
        json!({ "question": "Why is the sky blue?", "file": "reports/sky.md" })
    }

    fn approvals(task: &TestedTask) -> Vec<(String, serde_json::Value)> {
        let asked = task.events.iter().filter_map(|event| match &event.fact {
            Fact::ApprovalAsked(asked) => Some((asked.question.to_string(), asked.about.as_ref()?.to_value())),
            _ => None,
        });
        asked.collect()
    }

    /// Goal: the report is written once, by the flow, to the path that was asked for and no other, after a person has seen
    /// all of it and whether something is replaced.
    #[tokio::test]
    async fn asks_before_it_writes_where_it_was_told() {
        let folder = tempfile::tempdir().unwrap();
        let task = test(&folder, Rehearsal::default(), kept()).run().await;
        let research: Research = task.result();
        assert!(research.report.contains("web_search"), "it used its tools: {}", research.report);
        assert_eq!(research.file.as_deref(), Some("reports/sky.md"));
        let about = json!({ "path": "reports/sky.md", "text": research.report });
        let question = "Write the report to 'reports/sky.md'? It makes a new file.".to_owned();
        assert_eq!(approvals(&task), [(question, about)]);
        assert_eq!(std::fs::read_to_string(folder.path().join("reports/sky.md")).unwrap(), research.report);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else was written");
        let again = test(&folder, Rehearsal::default(), kept()).run().await;
        assert!(approvals(&again)[0].0.ends_with(&format!("It replaces a file of {} bytes.", research.report.len())));
    }

    /// Goal: a no is heard: nothing is written, and the report is there all the same.
    #[tokio::test]
    async fn a_no_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let task = test(&folder, Rehearsal::default(), kept()).refusing("not there").run().await;
        let research: Research = task.result();
        assert!(!research.report.is_empty() && research.file.is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    /// Goal: a report that is too long to be shown is not asked about and not written, and not lost.
    #[tokio::test]
    async fn a_long_report_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let script = [Scripted::says("x".repeat(MOST_APPROVAL_BYTES))];
        let task = test(&folder, Rehearsal::with_script(script), kept()).run().await;
        let research: Research = task.result();
        assert_eq!((research.report.len(), research.file), (MOST_APPROVAL_BYTES, None));
        assert!(approvals(&task).is_empty() && task.logs().iter().any(|line| line.contains("too long to be shown")));
    }

    /// Goal: a place where nothing can be written is refused before the model is asked anything.
    #[tokio::test]
    async fn a_wrong_place_costs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let input = json!({ "question": "Why?", "file": "../sky.md" });
        let task = test(&folder, Rehearsal::default(), input).run().await;
        assert_eq!((task.state(), task.view.usage.calls), (WireState::Failure, 0));
        assert_eq!(&*task.error().unwrap().kind, "invalid_input");
    }

    /// Goal: the result says which pages were met and which of them the report stands on; an address that no tool brought
    /// is told.
    #[tokio::test]
    async fn sources_are_what_was_met() {
        let folder = tempfile::tempdir().unwrap();
        let script = [
            Scripted::calls([("web_search", json!({ "query": "sky" })), ("web_search", json!({ "query": "blue" }))]),
            Scripted::says("It scatters [1].\n\n1. https://example.org/2\n2. <https://made-up.example/sky>"),
        ];
        let input = json!({ "question": "Why is the sky blue?" });
        let task = test(&folder, Rehearsal::with_script(script), input).run().await;
        let research: Research = task.result();
        let sources: Vec<(&str, bool, bool)> =
            research.sources.iter().map(|source| (source.url.as_str(), source.read, source.cited)).collect();
        let met = |number: u32, cited| (format!("https://example.org/{number}"), false, cited);
        let expected = [met(1, false), met(2, true), met(3, false)];
        assert!(sources.iter().copied().eq(expected.iter().map(|(url, read, cited)| (url.as_str(), *read, *cited))));
        let warned: Vec<&str> = task.logs().into_iter().filter(|line| line.contains("neither found nor read")).collect();
        assert_eq!(warned, ["The report names https://made-up.example/sky, which was neither found nor read"]);
    }

    /// Goal: files are out of reach unless the start lets it read them, and it never writes by itself.
    #[tokio::test]
    async fn files_are_read_only_if_they_may_be() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("diary.md"), "secret").unwrap();
        let calls = Scripted::calls([
            ("list_files", json!({})),
            ("read_file", json!({ "path": "diary.md" })),
            ("write_file", json!({ "path": "x", "text": "x" })),
        ]);
        let script = || Rehearsal::with_script([calls.clone(), Scripted::says("Done.")]);
        let input = json!({ "question": "What is in the diary?" });
        let task = test(&folder, script(), input).run().await;
        assert_eq!(task.finished_steps().keys().filter(|name| name.ends_with("file")).count(), 0, "{:?}", task.logs());
        let input = json!({ "question": "What is in the diary?", "files": true });
        let task = test(&folder, script(), input).run().await;
        assert_eq!(task.finished_steps()["Read a file"], 1);
        assert!(!folder.path().join("x").exists());
    }

    /// Goal: an address that nobody named is not fetched without a person's yes.
    #[tokio::test]
    async fn it_does_not_go_to_the_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let fetch = |url: &str| ("fetch_page", json!({ "url": url }));
        // None of these is reached: the guard refuses addresses of this machine, asked or not.
        let script = [
            Scripted::calls([fetch("http://127.0.0.1/asked"), fetch("http://127.0.0.1/steal?diary=secret")]),
            Scripted::says("Done."),
        ];
        let input = json!({ "question": "What does http://127.0.0.1/asked say?" });
        let task = test(&folder, Rehearsal::with_script(script), input).refusing("no").run().await;
        let asked = approvals(&task);
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert!(asked[0].0.contains("named by nobody") && asked[0].1["url"] == "http://127.0.0.1/steal?diary=secret");
        assert_eq!(task.result::<Research>().report, "Done.");
    }

    /// Goal: wherever it crashes, with its tools finishing in any order, it ends the same.
    #[tokio::test]
    async fn survives_crashes() {
        let folder = tempfile::tempdir().unwrap();
        test(&folder, Rehearsal::default(), kept()).crash_after_every_step().await;
    }
}
