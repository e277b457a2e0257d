//! Flows that think, over several processes: a worker that dies in the middle of an answer, and what an answer leaves.

use caudal_models::testing::{Asked, Beat, ModelDouble, Reply};
use caudal_tests::{assert_lawful, installation, kind, process_of, until};
use serde_json::{Value, json};

const REPORT: &str = "The sky is blue because of [1] scattering, and that is the whole report.";

/// The text that a reader of the log has in the end.
fn streamed(events: &[Value]) -> String {
    events.iter().fold(String::new(), |text, event| match kind(event) {
        "chunk" => text + event["text"].as_str().unwrap(),
        "chunk.reset" => String::new(),
        _ => text,
    })
}

fn lines(asked: &Asked) -> usize {
    asked.body["messages"].as_array().unwrap().len()
}

/// Goal: a worker that is killed in the middle of a streamed answer is replaced by another one, which asks for no finished
/// turn or tool again; no word is doubled or lost.
#[tokio::test]
async fn another_worker_goes_on_in_mid_stream() {
    let provider = ModelDouble::start(|asked| match (lines(asked), asked.number) {
        (2, _) => Reply::calls([("calculator", json!({ "expression": "6 * 7" })), ("now", json!({}))]),
        // The answer hangs the first time it is asked for.
        (_, 2) => Reply::text(REPORT).hanging_after(6),
        _ => Reply::text(REPORT),
    })
    .await;
    let mut installation = installation!()
        .workers(2)
        .environment("CAUDAL_MODEL", "openai:double")
        .environment("CAUDAL_MODEL_URL", provider.url())
        .environment("OPENAI_API_KEY", provider.key())
        .start()
        .await;
    let client = installation.client();
    let task = client.start("research_flow", json!({ "question": "Why is the sky blue?" })).await;
    until("six words are stored", || async {
        streamed(&client.events(&task).await).starts_with("The sky is blue because of").then_some(())
    })
    .await;
    let dead = installation.holder_of(&task).await;
    installation.workers.iter_mut().find(|worker| worker.process() == dead).unwrap().kill9();
    let view = client.reached(&task, "SUCCESS").await;
    assert_eq!(view["details"]["final_result"]["report"], REPORT);
    assert_eq!(view["details"]["streams"]["Think, turn 2"], REPORT);
    let log = client.events(&task).await;
    assert_lawful(&log);
    assert_eq!(streamed(&log), REPORT);
    let claimed: Vec<_> = log.iter().filter(|event| kind(event) == "task.claimed").map(process_of).collect();
    assert!(claimed.len() == 2 && claimed[0] == dead && claimed[1] != dead, "{claimed:?}");
    let asked: Vec<usize> = provider.requests().iter().map(lines).collect();
    assert_eq!(asked, [2, 5, 5], "the first turn once, the second again because it had not finished");
    let started =
        |name: &str| log.iter().filter(|event| kind(event) == "step.started" && event["name"] == name).count();
    assert_eq!((started("Calculate"), started("Look at the clock"), started("Think, turn 1")), (1, 1, 1));
}

/// Goal: an answer of 4,000 tokens leaves no more than a dozen rows in Redis, too.
#[tokio::test]
async fn a_long_answer_leaves_few_rows() {
    const TOKENS: usize = 4_000;
    const ROWS: &str = "local rows = 0; for _, key in ipairs(redis.call('KEYS', '*:' .. ARGV[1])) do \
                        local list = redis.call('TYPE', key).ok == 'list'; \
                        rows = rows + (list and redis.call('LLEN', key) or 1) end; return rows";
    let word =
        |number| Beat::event(&json!({ "choices": [{ "delta": { "content": format!("w{number} ") } }] }).to_string());
    let provider = ModelDouble::start(move |_| {
        let beats = (0..TOKENS).flat_map(|number| {
            let pause = (number % 40 == 0).then_some(Beat::PauseMs(5));
            [Some(word(number)), pause].into_iter().flatten()
        });
        Reply::beats(beats.chain([Beat::event("[DONE]")]))
    })
    .await;
    let installation = installation!()
        .without_postgres()
        .environment("CAUDAL_MODEL", "openai:double")
        .environment("CAUDAL_MODEL_URL", provider.url())
        .environment("OPENAI_API_KEY", provider.key())
        .start()
        .await;
    let client = installation.client();
    let task = client.start("poem_flow", json!({ "theme": "length" })).await;
    let view = client.reached(&task, "SUCCESS").await;
    assert_eq!(view["details"]["final_result"].as_str().unwrap().split(' ').count(), TOKENS);
    assert_eq!(streamed(&client.events(&task).await).trim(), view["details"]["final_result"]);
    let rows = installation.redis.ask(&["EVAL", ROWS, "0", &task]);
    let count: usize = rows.trim_start_matches(':').parse().unwrap();
    assert!((2..=12).contains(&count), "{rows} rows");
}
