//! A flow that thinks, whose worker dies in the middle of an answer.

use caudal_models::testing::{Asked, ModelDouble, Reply};
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
