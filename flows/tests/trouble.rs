//! What goes wrong at a provider, for each flow that ships: each ends as it should.
//!
//! How a model's call takes each of these is tested where it is made (`models/tests/wire.rs`); here they meet the flows,
//! with their own retries, forms and tools.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails where it cannot go on")]

use caudal::flow::{Flow, FlowDefinition, Registry};
use caudal::task::{Fact, Json, WireState};
use caudal::testing::{FlowTest, TestedTask};
use caudal_flows as _;
use caudal_models::LanguageModel;
use caudal_models::testing::{Asked, Beat, ModelDouble, Reply};
use caudal_models::tools::WebSearch;
use caudal_models::tools::search::RehearsedSearch;
use serde_json::{Value, json};

/// A flow by its name.
struct Shipped(&'static FlowDefinition);

impl Flow for Shipped {
    type Input = Value;
    type Output = Json;

    fn definition(&self) -> &'static FlowDefinition {
        self.0
    }
}

/// A flow, what it is started with, what a good provider answers it, and what is then in its result.
struct Case {
    flow: &'static str,
    inputs: Value,
    good: fn(&Asked) -> Reply,
    result: &'static str,
    /// Its words are seen while they come.
    streams: bool,
}

const TEXT: &str = "Rain on the roof [1].";

fn flows() -> [Case; 4] {
    let text = |_: &Asked| Reply::text(TEXT);
    [
        Case { flow: "poem_flow", inputs: json!({ "theme": "rain" }), good: text, result: TEXT, streams: true },
        Case {
            flow: "web_search_flow",
            inputs: json!({ "question": "Rain?" }),
            good: text,
            result: TEXT,
            streams: true,
        },
        Case {
            flow: "extract_flow",
            inputs: json!({ "text": "It cost 7 euros.", "fields": ["price"] }),
            good: |_| Reply::text("{\"price\": 7}"),
            result: "{\"price\":7}",
            streams: false,
        },
        Case {
            flow: "research_flow",
            inputs: json!({ "question": "Rain?" }),
            // Split over pieces and parallel, then the report.
            good: |asked| match asked.body["messages"].as_array().unwrap().iter().any(|line| line["role"] == "tool") {
                false => Reply::calls([("calculator", json!({ "expression": "6 * 7" })), ("now", json!({}))]),
                true => Reply::text(TEXT),
            },
            result: TEXT,
            streams: true,
        },
    ]
}

/// In which ways the first requests go wrong; the others are answered well.
struct Trouble {
    what: &'static str,
    /// How many requests it befalls.
    times: usize,
    reply: fn(Reply) -> Reply,
    ends: Ends,
}

#[derive(Clone, Copy)]
enum Ends {
    /// With the result, after so many tries that came to nothing.
    Well { tried_again: usize },
    /// With the result; on the way each flow has its own way to mend it.
    Mended,
    /// With an error that says this, after one request.
    Badly(&'static str),
}

fn word(text: &str) -> Beat {
    Beat::event(&json!({ "choices": [{ "delta": { "content": text } }] }).to_string())
}

fn troubles() -> Vec<Trouble> {
    let trouble = |what, times, reply, ends| Trouble { what, times, reply, ends };
    let again = |tried_again| Ends::Well { tried_again };
    vec![
        trouble("nothing", 1, |good| good, again(0)),
        trouble("an empty finish_reason", 9, |good| good.finish_reason(json!("")), again(0)),
        trouble("no finish_reason", 9, |good| good.finish_reason(Value::Null), again(0)),
        trouble("no usage", 9, |good| good.usage(None), again(0)),
        trouble("429 with patience", 1, |_| Reply::status(429, "slow").header("retry-after", "7"), again(1)),
        trouble("429 six times", 6, |_| Reply::status(429, "slow").header("retry-after", "7"), again(6)),
        trouble("429 without patience", 1, |_| Reply::status(429, "slow"), again(1)),
        trouble("500", 1, |_| Reply::status(500, "oh no"), again(1)),
        trouble("500 twice", 2, |_| Reply::status(500, "oh no"), again(2)),
        trouble("a stream that is cut", 1, |_| Reply::beats([word("one "), word("tw"), Beat::Cut]), again(1)),
        trouble("a stream without an end", 1, |_| Reply::beats([word("one "), word("tw")]), again(1)),
        trouble(
            "a malformed chunk",
            1,
            |_| Reply::beats([word("one "), Beat::event("{\"choices\":[{\"delta\":{\"con"), Beat::event("[DONE]")]),
            again(1),
        ),
        trouble(
            "an error in the middle",
            1,
            |_| Reply::beats([word("one "), Beat::event(r#"{"error":{"code":502,"message":"gone"}}"#)]),
            again(1),
        ),
        trouble("an empty answer", 1, |_| Reply::text(""), again(1)),
        trouble(
            "a tool that nobody has",
            1,
            |_| Reply::calls([("levitate", json!({})), ("fly", json!({}))]),
            Ends::Mended,
        ),
        trouble("a wrong key", 9, |_| Reply::status(401, "who are you"), Ends::Badly("OPENAI_API_KEY")),
        trouble("a bad request", 9, |_| Reply::status(400, "bad field"), Ends::Badly("answers 400: bad field")),
        trouble("a filter", 9, |good| good.finish_reason(json!("content_filter")), Ends::Badly("filter")),
        trouble(
            "a refusal",
            9,
            |_| {
                let refusal = json!({ "choices": [{ "delta": { "refusal": "I will not." } }] });
                Reply::beats([Beat::event(&refusal.to_string()), Beat::event("[DONE]")])
            },
            Ends::Badly("the model refused: I will not."),
        ),
    ]
}

/// A flow beside a provider that is in trouble, and how often that was asked.
async fn run(case: &Case, trouble: &Trouble) -> (TestedTask, usize) {
    let (good, reply, times) = (case.good, trouble.reply, trouble.times);
    let provider =
        ModelDouble::start(move |asked| if asked.number <= times { reply(good(asked)) } else { good(asked) }).await;
    let registry = Registry::collect(false).unwrap();
    let flow = Shipped(registry.iter().find(|flow| flow.name == case.flow).unwrap());
    let test = FlowTest::new(flow, case.inputs.clone())
        .resource(LanguageModel::of(provider.settings()).unwrap().unwrap())
        .resource(WebSearch::with(RehearsedSearch));
    let task = test.run().await;
    (task, provider.requests().len())
}

fn count(task: &TestedTask, kind: &str) -> usize {
    task.events.iter().filter(|event| event.fact.kind() == kind).count()
}

/// The words that a watcher has in the end of the step that spoke last.
fn streamed(task: &TestedTask) -> String {
    task.events.iter().fold(String::new(), |text, event| match &event.fact {
        Fact::Chunk(chunk) => text + &chunk.text,
        Fact::ChunkReset(_) => String::new(),
        _ => text,
    })
}

/// Goal: whatever a provider does, each flow ends with its result and no word twice, or with an error that says why.
#[tokio::test]
async fn each_flow_ends_as_it_should() {
    for case in flows() {
        for trouble in troubles() {
            let (task, asked) = run(&case, &trouble).await;
            let place = format!("{} and {}: {:?}", case.flow, trouble.what, task.view);
            match trouble.ends {
                Ends::Well { .. } | Ends::Mended => {
                    assert_eq!(task.state(), WireState::Success, "{place}");
                    let result = task.view.final_result.as_ref().unwrap();
                    assert!(result.text().contains(case.result), "{place}");
                    if case.streams {
                        assert_eq!(streamed(&task), TEXT, "{place}");
                    }
                }
                Ends::Badly(why) => {
                    assert_eq!((task.state(), asked), (WireState::Failure, 1), "{place}");
                    assert!(task.error().unwrap().message.contains(why), "{place}");
                }
            }
            if let Ends::Well { tried_again } = trouble.ends {
                assert_eq!(count(&task, "step.retrying"), tried_again, "{place}");
            }
        }
    }
}
