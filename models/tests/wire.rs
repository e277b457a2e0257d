//! The model against a provider on a real socket: every way in which one answers, and what the task makes of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails where it cannot go on")]

extern crate caudal_engine as caudal;

use std::time::Duration;

use caudal::prelude::*;
use caudal::task::{Event, Fact, WireState};
use caudal::testing::{FlowTest, TestedTask};
use caudal_models::prelude::*;
use caudal_models::testing::{Beat, ModelDouble, Reply};
use caudal_models::{ModelSettings, PriceTable};
use serde_json::{Value, json};

/// Says something aloud.
#[flow(needs = LanguageModel)]
async fn talk_flow(ctx: &mut FlowContext, prompt: String) -> FlowResult<String> {
    let model = ctx.model()?;
    ctx.step("Talk", |step| {
        let (model, prompt) = (model.clone(), prompt.clone());
        async move { model.write(&step, prompt).await }
    })
    .await
}

/// The whole answer, not streamed.
#[flow(needs = LanguageModel)]
async fn whole_flow(ctx: &mut FlowContext, prompt: String) -> FlowResult<Answer> {
    let model = ctx.model()?;
    ctx.step("Ask", |step| {
        let (model, prompt) = (model.clone(), prompt.clone());
        async move { model.chat(&step, prompt).await }
    })
    .await
}

fn model(settings: ModelSettings) -> LanguageModel {
    LanguageModel::of(settings).unwrap().unwrap()
}

async fn talk(provider: &ModelDouble) -> TestedTask {
    talk_with(provider.settings()).await
}

async fn talk_with(settings: ModelSettings) -> TestedTask {
    FlowTest::new(talk_flow, "Say it.").resource(model(settings)).run().await
}

/// Fails its first request in this way and answers the second.
async fn first(reply: Reply) -> ModelDouble {
    ModelDouble::start(move |asked| if asked.number == 1 { reply.clone() } else { Reply::text("one two three") }).await
}

fn count(task: &TestedTask, kind: &str) -> usize {
    task.events.iter().filter(|event| event.fact.kind() == kind).count()
}

/// What the first attempt ended with.
fn first_failure(task: &TestedTask) -> String {
    let failure = task.events.iter().find_map(|event| match &event.fact {
        Fact::StepRetrying(step) => Some(step.error.message.clone()),
        _ => None,
    });
    failure.unwrap_or_else(|| panic!("nothing failed: {:?}", task.view))
}

/// The text that a watcher has in the end, as the events tell it.
fn streamed(events: &[Event]) -> String {
    events.iter().fold(String::new(), |text, event| match &event.fact {
        Fact::Chunk(chunk) => text + &chunk.text,
        Fact::ChunkReset(_) => String::new(),
        _ => text,
    })
}

/// Goal: words come as they are sent, with pauses, and the request is what a provider takes.
#[tokio::test]
async fn words_are_streamed() {
    let provider = ModelDouble::start(|_| Reply::text("one two three")).await;
    let task = talk(&provider).await;
    assert_eq!(task.result::<String>(), "one two three");
    assert_eq!(streamed(&task.events), "one two three");
    let asked = &provider.requests()[0];
    assert_eq!(
        (asked.path.as_str(), asked.authorization.as_str()),
        ("/v1/chat/completions", "Bearer sk-double-7f3a91c2")
    );
    assert_eq!(asked.body["model"], "double");
    assert_eq!(asked.body["messages"], json!([{ "role": "user", "content": "Say it." }]));
    assert_eq!(asked.body["stream_options"], json!({ "include_usage": true }));
    assert_eq!((task.view.usage.prompt_tokens, task.view.usage.completion_tokens), (10, 5));
    let slow = |text: &str| Beat::event(&json!({ "choices": [{ "delta": { "content": text } }] }).to_string());
    let pausing = Reply::beats([slow("a "), Beat::PauseMs(30), slow("b"), Beat::PauseMs(30), Beat::event("[DONE]")]);
    let provider = ModelDouble::start(move |_| pausing.clone()).await;
    assert_eq!(talk(&provider).await.result::<String>(), "a b");
}

/// Goal: half an answer is never taken for a whole: the attempt is void, its words too, and the next one counts.
#[tokio::test]
async fn a_cut_stream_is_tried_again() {
    let word = |text: &str| Beat::event(&json!({ "choices": [{ "delta": { "content": text } }] }).to_string());
    let cut = Reply::beats([word("one "), word("tw"), Beat::Cut]);
    let no_end = Reply::beats([word("one "), word("tw")]);
    let broken =
        Reply::beats([word("one "), Beat::event("{\"choices\":[{\"delta\":{\"content\":\"tw"), Beat::event("[DONE]")]);
    let told = Reply::beats([word("one "), Beat::event(r#"{"error":{"code":502,"message":"upstream is gone"}}"#)]);
    for (broken_off, why) in
        [(cut, "cut off"), (no_end, "without an end"), (broken, "cannot be understood"), (told, "upstream is gone")]
    {
        let provider = first(broken_off).await;
        let task = talk(&provider).await;
        assert_eq!(task.result::<String>(), "one two three", "{why}");
        assert_eq!(streamed(&task.events), "one two three", "{why}: no word doubled or lost");
        assert!(first_failure(&task).contains(why), "{}", first_failure(&task));
        assert_eq!((provider.requests().len(), count(&task, "chunk.reset")), (2, 1), "{why}");
        assert_eq!(task.view.usage.calls, 2, "{why}: what was cut off was paid for too");
    }
}

/// Goal: a provider that says how long to wait is heard, and the task is parked meanwhile.
#[tokio::test]
async fn retry_after_parks() {
    for (name, value, seconds) in [("retry-after", "7", 7.0), ("retry-after-ms", "2500", 2.5)] {
        let provider = first(Reply::status(429, "slow down").header(name, value)).await;
        let task = talk(&provider).await;
        assert_eq!(task.result::<String>(), "one two three");
        assert_eq!(count(&task, "task.waiting"), 1, "parked");
        let waited = task.events.iter().find_map(|event| match &event.fact {
            Fact::StepRetrying(step) => Some(step.retry_at.since(event.at)),
            _ => None,
        });
        assert!((waited.unwrap().as_secs_f64() - seconds).abs() < 0.01, "{waited:?}");
        assert_eq!(provider.requests().len(), 2, "and nothing repeats it behind our back");
    }
}

/// Goal: what may go better is tried again, once per attempt, each visible.
#[tokio::test]
async fn trouble_backs_off() {
    for (trouble, why) in [
        (Reply::status(500, "oh no"), "busy (500): oh no"),
        (Reply::body(503, "text/html", "<html>down"), "busy (503)"),
        (Reply::status(429, "slow down"), "busy (429)"),
        (Reply::text(""), "answered nothing"),
        (Reply::body(200, "text/html", "<html>a login page</html>"), "without an end"),
        (Reply::body(200, "application/json", "{\"choices\":"), "cannot be understood"),
    ] {
        let provider = first(trouble).await;
        let task = talk(&provider).await;
        assert_eq!(task.result::<String>(), "one two three", "{why}");
        assert!(first_failure(&task).contains(why), "{}", first_failure(&task));
        assert_eq!((count(&task, "step.retrying"), provider.requests().len()), (1, 2), "{why}");
    }
    let nobody = ModelSettings { url: "http://127.0.0.1:1/v1".parse().ok(), ..first(Reply::text("")).await.settings() };
    let task = talk_with(nobody).await;
    assert!(task.error().unwrap().message.contains("cannot be reached"));
    assert_eq!(count(&task, "step.retrying"), 2);
}

/// Goal: a provider that falls silent is not waited for without end. How often it is silent before it answers is the
/// machine's business: on one that is busy, a good answer is late as well.
#[tokio::test]
async fn silence_backs_off() {
    let short = Duration::from_millis(500);
    let after_a_word = ModelSettings { silence: short, ..ModelSettings::default() };
    let from_the_first = ModelSettings { timeout: short, ..ModelSettings::default() };
    for (silent, ModelSettings { silence, timeout, .. }) in
        [(Reply::text("one two three").hanging_after(1), after_a_word), (Reply::beats([Beat::Hang]), from_the_first)]
    {
        let provider = first(silent).await;
        let settings = ModelSettings { silence, timeout, ..provider.settings() };
        let task = talk_with(settings).await;
        assert_eq!(task.result::<String>(), "one two three");
        assert!(first_failure(&task).contains("sent nothing"), "{}", first_failure(&task));
        assert_eq!(count(&task, "step.retrying") + 1, provider.requests().len(), "each attempt is seen");
    }
}

/// Goal: a model that thinks before it says a word is waited for, and not asked and paid for again: silence counts from
/// its first word, whatever its provider sends before to keep the connection.
#[tokio::test]
async fn thinking_is_no_silence() {
    let role = || Beat::event(&json!({ "choices": [{ "delta": { "role": "assistant", "content": "" } }] }).to_string());
    // Word and end in one: between them silence counts.
    let word = json!({ "choices": [{ "delta": { "content": "one" }, "finish_reason": "stop" }] });
    let word = || Beat::Bytes(format!("data: {word}\n\ndata: [DONE]\n\n").into_bytes());
    let pause = || Beat::PauseMs(300);
    for thinks in [
        vec![pause(), word()],
        vec![role(), pause(), word()],
        vec![Beat::Bytes(b": processing\n\n".to_vec()), pause(), word()],
    ] {
        let provider = ModelDouble::start(move |_| Reply::beats(thinks.clone())).await;
        let settings = ModelSettings { silence: Duration::from_millis(100), ..provider.settings() };
        let task = talk_with(settings).await;
        assert_eq!((task.result::<String>().as_str(), provider.requests().len()), ("one", 1));
    }
}

/// Goal: what will not go better is not tried again, and says whose fault it is.
#[tokio::test]
async fn refusals_give_up() {
    let quota = json!({ "error": { "code": "insufficient_quota", "message": "no credit" } }).to_string();
    let gemini = json!([{ "error": { "code": 400, "message": "no such model" } }]).to_string();
    let refusal = Beat::event(&json!({ "choices": [{ "delta": { "refusal": "I will not." } }] }).to_string());
    for (refused, why) in [
        (Reply::status(400, "bad field"), "openai answers 400: bad field"),
        (Reply::status(404, "no such model"), "no such model"),
        (Reply::body(400, "application/json", gemini), "no such model"),
        (Reply::status(401, "Incorrect key sk-double-7f3a91c2"), "openai refuses the key in OPENAI_API_KEY (401)"),
        (Reply::status(403, "who are you"), "OPENAI_API_KEY (403)"),
        (Reply::status(302, "over there").header("location", "http://127.0.0.1:1/"), "answers 302"),
        (Reply::body(429, "application/json", quota), "no credit"),
        (Reply::beats([refusal, Beat::event("[DONE]")]), "the model refused: I will not."),
        (Reply::text("x").finish_reason(json!("content_filter")), "filter"),
    ] {
        let provider = first(refused).await;
        let task = talk(&provider).await;
        let error = task.error().unwrap_or_else(|| panic!("{why}: {:?}", task.view));
        assert_eq!((task.state(), provider.requests().len()), (WireState::Failure, 1), "{why}");
        assert!(error.message.contains(why), "{}", error.message);
    }
}

/// Goal: a key is in no event, no error, whatever the provider repeats of it.
#[tokio::test]
async fn keys_are_nowhere() {
    let leaking = |status| Reply::status(status, "the key sk-double-7f3a91c2 is strange");
    for reply in [leaking(400), leaking(401), leaking(500), Reply::body(400, "text/plain", "sk-double-7f3a91c2")] {
        let provider = ModelDouble::start(move |_| reply.clone()).await;
        let task = talk(&provider).await;
        let all = format!("{:?} {:?}", task.events, task.view);
        assert!(!all.contains(provider.key()), "{all}");
        assert!(!format!("{:?}", provider.settings()).contains(provider.key()));
    }
}

/// Goal: providers that are odd but not broken are understood.
#[tokio::test]
async fn odd_providers_are_understood() {
    let whole = json!({ "choices": [{ "message": { "content": "one two three" } }] }).to_string();
    let crlf = "data: {\"choices\":[{\"delta\":{\"content\":\"one two \"}}]}\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\
                \"three\"},\"finish_reason\":\"stop\"}]}\r\n\r\n";
    let letters: Vec<Beat> = crlf.bytes().map(|byte| Beat::Bytes(vec![byte])).collect();
    for (odd, what) in [
        (Reply::text("one two three").finish_reason(json!("")), "an empty finish_reason"),
        (Reply::text("one two three").finish_reason(Value::Null), "none at all"),
        (Reply::text("one two three").usage(None), "no usage"),
        (Reply::body(200, "application/json; charset=utf-8", whole), "no stream although one was asked for"),
        (Reply::beats([Beat::Bytes(crlf.as_bytes().to_vec())]), "no [DONE], and other line ends"),
        (Reply::beats(letters), "a byte at a time"),
    ] {
        let provider = ModelDouble::start(move |_| odd.clone()).await;
        let task = talk(&provider).await;
        assert_eq!(task.result::<String>(), "one two three", "{what}");
        assert_eq!((count(&task, "step.retrying"), task.view.usage.calls), (0, 1), "{what}");
        assert!(task.view.usage.completion_tokens > 0, "{what}: counted by the provider or by us");
    }
}

/// Goal: calls that are split over pieces come out whole, streamed and not.
#[tokio::test]
async fn tool_calls_come_out_whole() {
    let calls = || Reply::calls([("look", json!({ "at": "sky" })), ("look", json!({ "at": "sea" }))]);
    let provider = ModelDouble::start(move |_| calls()).await;
    let settings = provider.settings();
    let task = FlowTest::new(whole_flow, "x").resource(model(settings)).run().await;
    let answer: Answer = task.result();
    let arguments: Vec<&str> = answer.calls.iter().map(|call| call.arguments.as_str()).collect();
    assert_eq!(arguments, [r#"{"at":"sky"}"#, r#"{"at":"sea"}"#]);
    assert!(provider.requests()[0].body.get("stream").is_none());
}

/// Goal: prices make cost, a budget in money is held, and one that cannot be held is refused before the call.
#[tokio::test]
async fn cost_is_counted_and_held() {
    let provider = ModelDouble::start(|_| Reply::text("one").usage(Some((1_000_000, 500_000)))).await;
    let prices: PriceTable = ["openai:double=0.5/2".parse().unwrap()].into_iter().collect();
    let settings = ModelSettings { prices, ..provider.settings() };
    assert_eq!(talk_with(settings).await.view.usage.cost, Some(1.5));
    let budget = caudal::task::Budget { max_cost: Some(1.0), max_tokens: None };
    let unpriced = FlowTest::new(talk_flow, "x").resource(model(provider.settings())).budget(budget).run().await;
    assert!(unpriced.error().unwrap().message.contains("CAUDAL_MODEL_PRICES"), "{:?}", unpriced.error());
    assert_eq!(provider.requests().len(), 1);
}

/// Vectors for two texts.
#[flow(needs = LanguageModel)]
async fn embed_flow(ctx: &mut FlowContext) -> FlowResult<Vec<Vec<f32>>> {
    let model = ctx.model()?;
    ctx.step("Embed", |step| {
        let model = model.clone();
        async move { model.embed(&step, &["sky".to_owned(), "sea".to_owned()]).await }
    })
    .await
}

/// Goal: vectors come in the order of the texts, whatever order they are sent in, and count.
#[tokio::test]
async fn embeddings() {
    let answer = json!({ "data": [{ "index": 1, "embedding": [0.5] }, { "index": 0, "embedding": [0.25, 1] }],
                         "usage": { "prompt_tokens": 3 } });
    let provider = ModelDouble::start(move |_| Reply::body(200, "application/json", answer.to_string())).await;
    let test = FlowTest::new(embed_flow, json!({})).resource(model(provider.settings()));
    let task = test.run().await;
    assert_eq!(task.result::<Vec<Vec<f32>>>(), [vec![0.25, 1.0], vec![0.5]]);
    let asked = &provider.requests()[0];
    assert_eq!((asked.path.as_str(), &asked.body["model"]), ("/v1/embeddings", &json!("text-embedding-3-small")));
    assert_eq!(task.view.usage.prompt_tokens, 3);
}

/// Goal: what was embedded counts also when its answer was cut off, or cannot be read; what was refused does not.
#[tokio::test]
async fn lost_embeddings_count() {
    let good = json!({ "data": [{ "embedding": [1] }, { "embedding": [2] }], "usage": { "prompt_tokens": 3 } });
    for (trouble, calls) in [
        (Reply::beats([Beat::Bytes(b"{\"data\":".to_vec()), Beat::Cut]), 2),
        (Reply::body(200, "application/json", "{}"), 2),
        (Reply::status(500, "oh no"), 1),
    ] {
        let good = good.to_string();
        let provider = ModelDouble::start(move |asked| match asked.number {
            1 => trouble.clone(),
            _ => Reply::body(200, "application/json", good.clone()),
        })
        .await;
        let task = FlowTest::new(embed_flow, json!({})).resource(model(provider.settings())).run().await;
        assert_eq!((task.state(), task.view.usage.calls), (WireState::Success, calls), "{:?}", task.view.usage);
    }
}

/// Goal: what a local model thinks within its answer is neither seen nor kept, and counts.
#[tokio::test]
async fn inline_thoughts_are_not_said() {
    let provider =
        ModelDouble::start(|_| Reply::text("<think>\nOne? Two? </think>\n\none two three").usage(None)).await;
    let task = talk(&provider).await;
    assert_eq!((task.result::<String>().as_str(), streamed(&task.events).as_str()), ("one two three", "one two three"));
    assert!(task.view.usage.completion_tokens > 4, "{:?}", task.view.usage);
}

/// Goal: a text in signs that are a token each is not taken for a quarter of what it is.
#[tokio::test]
async fn signs_are_tokens() {
    let provider = ModelDouble::start(|_| Reply::text("春眠不觉晓处处闻啼鸟").usage(None)).await;
    assert_eq!(talk(&provider).await.view.usage.completion_tokens, 10);
}

/// Goal: a flow of which the settings say so uses another model; a call can use another, too.
#[tokio::test]
async fn another_model_for_a_flow() {
    let provider = ModelDouble::start(|_| Reply::text("one")).await;
    let by_flow = [("talk_flow".to_owned(), "openai:other".to_owned())].into();
    talk_with(ModelSettings { by_flow, ..provider.settings() }).await;
    assert_eq!(provider.requests()[0].body["model"], "other");
    let wrong = ModelSettings { by_flow: [("x".to_owned(), "nobody:x".to_owned())].into(), ..provider.settings() };
    assert!(LanguageModel::of(wrong).is_err(), "said at the start, not in the middle of a task");
}
