//! The ways of particular providers, as they send it: what one of their users would stumble over first.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails where it cannot go on")]

extern crate caudal_engine as caudal;

use std::time::Duration;

use caudal::prelude::*;
use caudal::task::{Budget, Fact, WireState};
use caudal::testing::{FlowTest, TestedTask};
use caudal_models::prelude::*;
use caudal_models::testing::{Beat, ModelDouble, Reply};
use caudal_models::tools;
use caudal_models::{ModelSettings, PriceTable};
use serde_json::{Value, json};

/// Asks aloud, coolly.
#[flow(needs = LanguageModel)]
async fn cool_flow(ctx: &mut FlowContext, times: u32) -> FlowResult<String> {
    let model = ctx.model()?;
    for _ in 0..times {
        ctx.step("Ask", |step| {
            let (model, chat) =
                (model.clone(), Chat::from("Why?").system("Be brief.").system("Be kind.").temperature(0.2));
            async move { model.write(&step, chat).await }
        })
        .await?;
    }
    Ok("done".to_owned())
}

/// Asks for the whole.
#[flow(needs = LanguageModel)]
async fn whole_flow(ctx: &mut FlowContext) -> FlowResult<String> {
    let model = ctx.model()?;
    ctx.step("Ask", |step| {
        let model = model.clone();
        async move { model.ask(&step, "Why?").await }
    })
    .await
}

/// An agent that may look at the clock.
#[flow(needs = LanguageModel)]
async fn agent_flow(ctx: &mut FlowContext) -> FlowResult<String> {
    Ok(Agent::new(&ctx.model()?).tool(tools::now).most_turns(2).ask(ctx, "What day is it?").await?.text)
}

fn model(settings: ModelSettings) -> LanguageModel {
    LanguageModel::of(settings).unwrap().unwrap()
}

async fn cool(provider: &ModelDouble, times: u32) -> TestedTask {
    FlowTest::new(cool_flow, times).resource(model(provider.settings())).run().await
}

async fn whole(settings: ModelSettings) -> TestedTask {
    FlowTest::new(whole_flow, json!({})).resource(model(settings)).run().await
}

fn events(beats: &[Value]) -> Reply {
    Reply::beats(beats.iter().map(|beat| Beat::event(&beat.to_string())).chain([Beat::event("[DONE]")]))
}

fn delta(delta: Value) -> Value {
    json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] })
}

fn finish(reason: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

fn retries(task: &TestedTask) -> usize {
    task.events.iter().filter(|event| matches!(event.fact, Fact::StepRetrying(_))).count()
}

/// Goal: what a provider signs and thinks beside its calls goes back with them: Gemini, DeepSeek and OpenRouter refuse the
/// next turn otherwise.
#[tokio::test]
async fn thoughts_go_back_with_the_calls() {
    let signature = json!({ "google": { "thought_signature": "c2lnbmVk" } });
    let call = json!({ "index": 0, "id": "function-call-1", "type": "function", "extra_content": signature,
                       "function": { "name": "now", "arguments": "{}" } });
    let turn = [
        delta(json!({ "role": "assistant", "content": null, "reasoning_content": "I should " })),
        delta(json!({ "reasoning_content": "look." })),
        delta(json!({ "reasoning_details": [{ "type": "reasoning.encrypted", "data": "abc" }] })),
        delta(json!({ "tool_calls": [call] })),
        finish("tool_calls"),
    ];
    let provider = ModelDouble::start(move |asked| match asked.number {
        1 => events(&turn),
        _ => Reply::text("It is Monday."),
    })
    .await;
    let task = FlowTest::new(agent_flow, json!({})).resource(model(provider.settings())).run().await;
    assert_eq!(task.result::<String>(), "It is Monday.");
    let lines = provider.requests()[1].body["messages"].as_array().unwrap().clone();
    assert_eq!(lines[2]["tool_calls"][0]["extra_content"], signature);
    assert_eq!(lines[2]["reasoning_content"], "I should look.");
    assert_eq!(lines[2]["reasoning_details"], json!([{ "type": "reasoning.encrypted", "data": "abc" }]));
    assert_eq!(lines.last().unwrap()["role"], "tool", "Mistral takes no user's word behind a tool's");
}

/// Goal: a wish that a model does not take is left out, told, and not tried again: GPT-5 and its temperature, DeepSeek and
/// its forms, Mistral and the count of tokens.
#[tokio::test]
async fn wishes_are_left_out_where_they_are_refused() {
    for (field, status, said) in [
        ("temperature", 400, "Unsupported value: 'temperature' does not support 0.2 with this model."),
        ("stream_options", 422, "[{'type':'extra_forbidden','loc':['body','stream_options']}]"),
    ] {
        let provider = ModelDouble::start(move |asked| match asked.body.get(field) {
            Some(_) => Reply::status(status, said),
            None => Reply::text("Because."),
        })
        .await;
        let task = cool(&provider, 2).await;
        assert_eq!((task.state(), retries(&task)), (WireState::Success, 0), "{field}: {:?}", task.error());
        assert_eq!(provider.requests().len(), 3, "{field}: refused once, then known");
        assert!(task.logs().iter().any(|line| line.contains(field)), "{:?}", task.logs());
    }
    let stubborn = ModelDouble::start(|_| Reply::status(400, "temperature and all else is wrong")).await;
    assert_eq!((cool(&stubborn, 1).await.state(), stubborn.requests().len()), (WireState::Failure, 2));
}

/// Goal: instructions go as one: Qwen's and Gemma's templates take no second.
#[tokio::test]
async fn instructions_are_one() {
    let provider = ModelDouble::start(|_| Reply::text("Because.")).await;
    cool(&provider, 1).await;
    let lines = provider.requests()[0].body["messages"].clone();
    let expected =
        json!([{ "role": "system", "content": "Be kind.\n\nBe brief." }, { "role": "user", "content": "Why?" }]);
    assert_eq!(lines, expected);
}

/// Goal: Gemini's free tier says in the error how long to wait; the task parks so long.
#[tokio::test]
async fn gemini_says_how_long_to_wait() {
    let details = json!([{ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "27s" }]);
    let body =
        json!([{ "error": { "code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED", "details": details } }]);
    let busy = Reply::body(429, "application/json", body.to_string());
    let provider =
        ModelDouble::start(move |asked| if asked.number == 1 { busy.clone() } else { Reply::text("Because.") }).await;
    let task = cool(&provider, 1).await;
    let waited = task.events.iter().find_map(|event| match &event.fact {
        Fact::StepRetrying(step) => Some(step.retry_at.since(event.at).as_secs()),
        _ => None,
    });
    assert_eq!((task.state(), waited), (WireState::Success, Some(27)));
}

/// Goal: an error within a stream that began well means what it says, and repeats no key: OpenRouter answers 200 and then
/// refuses.
#[tokio::test]
async fn refusals_within_a_stream() {
    let told =
        |error: Value| Reply::beats([Beat::event(": processing"), Beat::event(&json!({ "error": error }).to_string())]);
    let leak = "the key sk-double-7f3a91c2 has no credit";
    let (refused, cut) = (json!({ "code": 402, "message": leak }), json!({ "code": "odd", "message": leak }));
    for (error, requests) in [(refused, 1), (cut, 3)] {
        let reply = told(error);
        let provider = ModelDouble::start(move |_| reply.clone()).await;
        let task = cool(&provider, 1).await;
        let all = format!("{:?} {:?}", task.events, task.view);
        assert!(!all.contains(provider.key()) && all.contains("has no credit"), "{all}");
        assert_eq!(provider.requests().len(), requests);
    }
    let broken = events(&[delta(json!({ "content": "half" })), finish("error")]);
    let provider =
        ModelDouble::start(move |asked| if asked.number == 1 { broken.clone() } else { Reply::text("All.") });
    let task = cool(&provider.await, 1).await;
    assert_eq!((task.state(), retries(&task)), (WireState::Success, 1), "a half is no whole");
}

/// Goal: an answer that said its end is whole, though its connection is cut or left open behind it: nothing is paid twice.
#[tokio::test]
async fn an_end_is_an_end() {
    for behind in [Beat::Cut, Beat::Hang] {
        let beats =
            [Beat::event(&delta(json!({ "content": "All." })).to_string()), Beat::event(&finish("stop").to_string())];
        let reply = Reply::beats(beats.into_iter().chain([behind.clone()]));
        let provider = ModelDouble::start(move |_| reply.clone()).await;
        let settings = ModelSettings { silence: Duration::from_millis(500), ..provider.settings() };
        let task = FlowTest::new(cool_flow, 1).resource(model(settings)).run().await;
        assert_eq!((task.state(), provider.requests().len()), (WireState::Success, 1), "{behind:?}");
    }
}

/// Goal: an answer in one piece may be silent for as long as it takes, whatever its content type says.
#[tokio::test]
async fn a_whole_answer_takes_its_time() {
    let body = json!({ "choices": [{ "message": { "content": "All." }, "finish_reason": "stop" }] }).to_string();
    let slow = Reply::beats([Beat::PauseMs(400), Beat::Bytes(body.into_bytes())]);
    let provider = ModelDouble::start(move |_| slow.clone()).await;
    let settings = ModelSettings { silence: Duration::from_millis(100), ..provider.settings() };
    assert_eq!(whole(settings).await.result::<String>(), "All.");
    assert_eq!(provider.requests().len(), 1);
    let lie = "data: {\"choices\":[{\"delta\":{\"content\":\"All.\"},\"finish_reason\":\"stop\"}]}\n\n";
    let provider = ModelDouble::start(move |_| Reply::body(200, "application/json", lie)).await;
    assert_eq!(whole(provider.settings()).await.result::<String>(), "All.");
}

/// Goal: a model that thinks until nothing is left for words is not paid to do it again.
#[tokio::test]
async fn cut_before_a_word() {
    let provider = ModelDouble::start(|_| Reply::text("").finish_reason(json!("length"))).await;
    let task = cool(&provider, 1).await;
    assert!(task.error().unwrap().message.contains("most_tokens"), "{:?}", task.error());
    assert_eq!(provider.requests().len(), 1);
}

/// Vectors.
#[flow(needs = LanguageModel)]
async fn embed_flow(ctx: &mut FlowContext) -> FlowResult<Vec<Vec<f32>>> {
    let model = ctx.model()?;
    ctx.step("Embed", |step| {
        let model = model.clone();
        async move { model.embed(&step, &["sky".to_owned()]).await }
    })
    .await
}

/// Goal: a limit of cost is refused for whatever has no price, the model for embeddings too.
#[tokio::test]
async fn embeddings_without_a_price() {
    let provider = ModelDouble::start(|_| Reply::text("")).await;
    let prices: PriceTable = ["openai:double=0.5/2".parse().unwrap()].into_iter().collect();
    let settings = ModelSettings { prices, ..provider.settings() };
    let budget = Budget { max_cost: Some(1.0), max_tokens: None };
    let task = FlowTest::new(embed_flow, json!({})).resource(model(settings)).budget(budget).run().await;
    assert!(task.error().unwrap().message.contains("openai:text-embedding-3-small"), "{:?}", task.error());
    assert_eq!(provider.requests().len(), 0);
}
