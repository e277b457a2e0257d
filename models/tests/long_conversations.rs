//! Conversations that grow too long: what is left out of them, when, and what a provider that refuses one makes of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails where it cannot go on")]

extern crate caudal_engine as caudal;

use std::collections::BTreeMap;

use caudal::prelude::*;
use caudal::testing::FlowTest;
use caudal_models::ModelSettings;
use caudal_models::prelude::*;
use caudal_models::testing::{Asked, ModelDouble, Reply};
use serde_json::{Value, json};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LeafInput {
    number: u32,
}

/// Reads a leaf of a book.
#[tool(title = "Read a leaf")]
async fn leaf(input: LeafInput) -> FlowResult<String> {
    Ok(format!("Leaf {}. {}", input.number, "word ".repeat(400)))
}

/// Reads a book leaf by leaf.
#[flow(needs = LanguageModel)]
async fn reading_flow(ctx: &mut FlowContext) -> FlowResult<String> {
    Ok(Agent::new(&ctx.model()?).tool(leaf).ask(ctx, "What is in the book?").await?.text)
}

fn test(settings: ModelSettings) -> FlowTest {
    FlowTest::new(reading_flow, json!({})).resource(LanguageModel::of(settings).unwrap().unwrap())
}

fn leaves_read(asked: &Asked) -> u32 {
    u32::try_from(results(asked).len()).unwrap()
}

/// Reads six leaves, one a turn.
fn reader(asked: &Asked) -> Reply {
    match leaves_read(asked) {
        6 => Reply::text("Words."),
        read => Reply::calls([("leaf", json!({ "number": read + 1 }))]),
    }
}

fn results(asked: &Asked) -> Vec<String> {
    let lines = asked.body["messages"].as_array().unwrap().iter().filter(|line| line["role"] == "tool");
    lines.map(|line| line["content"].as_str().unwrap().to_owned()).collect()
}

fn size(asked: &Asked) -> usize {
    asked.body["messages"].to_string().len()
}

/// Goal: a conversation keeps its size however many turns it has: the oldest results are left out and the newest are
/// there; a turn that runs again after a crash is sent the very same.
#[tokio::test]
async fn a_long_research_keeps_its_size() {
    let provider = ModelDouble::start(reader).await;
    let settings = ModelSettings { most_characters: 6_000, ..provider.settings() };
    let task = test(settings.clone()).run().await;
    assert_eq!((task.result::<String>().as_str(), task.finished_steps()["Read a leaf"]), ("Words.", 6));
    let requests = provider.requests();
    assert!(requests.iter().all(|asked| size(asked) < 8_000), "{:?}", requests.iter().map(size).collect::<Vec<_>>());
    let last = results(requests.last().unwrap());
    assert!(last[0].starts_with("Left out") && last[3].starts_with("Left out"), "{last:?}");
    assert!(last[5].contains("Leaf 6.") && last[4].contains("Leaf 5."), "{last:?}");
    test(settings).crash_after_every_step().await;
    let mut bodies: BTreeMap<u32, Value> = BTreeMap::new();
    for asked in provider.requests() {
        let known = bodies.entry(leaves_read(&asked)).or_insert_with(|| asked.body.clone());
        assert_eq!(*known, asked.body);
    }
}

/// Goal: a model that says it was too much is asked once more with half, the page is told, and the next turns keep to it.
#[tokio::test]
async fn a_refused_length_is_halved() {
    let refused = json!({ "error": { "code": "context_length_exceeded", "message": "too long" } }).to_string();
    let provider = ModelDouble::start(move |asked| match size(asked) {
        0..8_000 => reader(asked),
        _ => Reply::body(400, "application/json", refused.clone()),
    })
    .await;
    let task = test(provider.settings()).run().await;
    assert_eq!(task.result::<String>(), "Words.");
    let requests = provider.requests();
    assert_eq!(requests.iter().filter(|asked| size(asked) >= 8_000).count(), 1, "it was refused once");
    assert_eq!((requests.len(), task.view.usage.calls), (8, 7), "what was refused cost nothing");
    let told: Vec<&str> = task.logs().into_iter().filter(|line| line.contains("too long for openai:double")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    test(provider.settings()).crash_after_every_step().await;
}

/// Goal: where there is nothing to leave out, or half is too much as well, it ends, and says why.
#[tokio::test]
async fn what_cannot_be_made_shorter_ends() {
    let refuse = |_: &Asked| Reply::status(400, "This model's maximum context length is 10 tokens.");
    let provider = ModelDouble::start(refuse).await;
    let task = test(provider.settings()).run().await;
    assert!(task.error().unwrap().message.contains("too long for the model"), "{:?}", task.error());
    assert_eq!(provider.requests().len(), 1);
    let provider = ModelDouble::start(move |asked| match leaves_read(asked) {
        0..3 => reader(asked),
        _ => refuse(asked),
    })
    .await;
    let task = test(provider.settings()).run().await;
    assert!(task.error().unwrap().message.contains("too long for the model"), "{:?}", task.error());
    assert_eq!(provider.requests().len(), 5, "three turns, a refusal, and half of it");
}
