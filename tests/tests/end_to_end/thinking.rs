//! Flows that think, on the real binary, against a provider that counts what it is asked.

use caudal_models::testing::{Asked, Beat, ModelDouble, Reply};
use caudal_tests::{Server, Setup, assert_lawful, kind, setup, until};
use serde_json::{Value, json};

/// A server whose flows ask this provider.
async fn server_of(provider: &ModelDouble) -> Server {
    asking(setup!(), provider).start().await
}

fn asking(setup: Setup, provider: &ModelDouble) -> Setup {
    setup
        .environment("CAUDAL_MODEL", "openai:double")
        .environment("CAUDAL_MODEL_URL", provider.url())
        .environment("OPENAI_API_KEY", provider.key())
}

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

/// Goal: without a model, a flow that needs one is listed as not ready, and a start says what to set; the others run.
#[tokio::test]
async fn without_a_model() {
    let server = setup!().start().await;
    let client = server.client();
    let flow = client.get("/flows/poem_flow").await.ok();
    assert_eq!(flow["readiness"]["ready"], false);
    assert_eq!(flow["readiness"]["missing"][0]["what"], "a language model");
    assert_eq!(client.get("/flows/tour_flow").await.ok()["readiness"]["ready"], true);
    let refused = client.post("/start-task", &json!({ "flow": "poem_flow" })).await;
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("flow_not_configured")), "{refused:?}");
    let hint = refused.json()["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("CAUDAL_MODEL") && hint.contains("GEMINI_API_KEY") && hint.contains("rehearsal"), "{hint}");
    assert!(refused.headers.contains_key("retry-after"));
    let many =
        client.post("/start-tasks", &json!({ "tasks": [{ "flow": "poem_flow" }, { "flow": "tour_flow" }] })).await;
    let items = many.ok()["items"].clone();
    assert_eq!((&items[0]["code"], items[1]["task_id"].is_string()), (&json!("flow_not_configured"), true));
}

/// Goal: settings that name no model that can be used stop the start, with the variable and never the key.
#[tokio::test]
async fn wrong_settings_stop_the_start() {
    for (name, value, said) in [
        ("CAUDAL_MODEL", "gpt-5", "'gpt-5' is no model"),
        ("CAUDAL_MODEL", "openai", "openai needs a key in OPENAI_API_KEY"),
        ("CAUDAL_MODEL", "compatible:x", "CAUDAL_MODEL_URL"),
        ("OPENAI_API_KEY", "two words", "OPENAI_API_KEY must be a key"),
        ("CAUDAL_MODEL_PRICES", "gpt", "CAUDAL_MODEL_PRICES"),
    ] {
        let refusal = setup!().environment(name, value).refused().await;
        assert!(refusal.code.is_some_and(|code| code != 0) && refusal.said.contains(said), "{name}: {refusal:?}");
        assert!(!refusal.said.contains("two words"), "{refusal:?}");
    }
}

/// Goal: the pretend model runs the flows without a key and without a network, and marks what it says everywhere.
#[tokio::test]
async fn a_rehearsal_is_marked() {
    let server = setup!().environment("CAUDAL_MODEL", "rehearsal").start().await;
    let client = server.client();
    for (flow, inputs) in [
        ("poem_flow", json!({})),
        ("web_search_flow", json!({ "question": "Why?" })),
        ("extract_flow", json!({ "text": "It cost 7 euros.", "fields": ["price"] })),
    ] {
        let task = client.start(flow, inputs).await;
        let view = client.reached(&task, "SUCCESS").await;
        assert_eq!(view["details"]["usage"]["rehearsal"], true, "{view}");
        assert!(view["details"]["final_result"].to_string().contains("[rehearsal]"), "{view}");
        let usage = client.told(&task, "usage").await;
        assert_eq!((&usage["model"], &usage["rehearsal"]), (&json!("rehearsal"), &json!(true)));
    }
    assert!(server.log().contains("the language model is a rehearsal"));
    let metrics = client.get("/metrics").await.text;
    assert!(metrics.contains("caudal_model_tokens_total{"), "{metrics}");
}

/// Goal: killed in the middle of a streamed answer of a research, the server goes on where it was: finished turns and
/// tools are not paid for again, and the page's text has no word twice and none too few.
#[tokio::test]
async fn killed_in_mid_stream() {
    const REPORT: &str = "The sky is blue because of [1] scattering, and that is the whole report.";
    let provider = ModelDouble::start(|asked| {
        let sums = || {
            Reply::calls([
                ("calculator", json!({ "expression": "6 * 7" })),
                ("calculator", json!({ "expression": "2 ^ 10" })),
                ("now", json!({})),
            ])
        };
        match (lines(asked), asked.number) {
            (2, _) => sums(),
            // The answer hangs the first time it is asked for.
            (_, 2) => Reply::text(REPORT).hanging_after(6),
            _ => Reply::text(REPORT),
        }
    })
    .await;
    let mut server = server_of(&provider).await;
    let client = server.client();
    let task = client.start("research_flow", json!({ "question": "Why is the sky blue?" })).await;
    until("six words are stored", || async {
        streamed(&client.events(&task).await).starts_with("The sky is blue because of").then_some(())
    })
    .await;
    server.kill9();
    server.restart().await;
    let view = client.reached(&task, "SUCCESS").await;
    assert_eq!(view["details"]["final_result"]["report"], REPORT);
    assert_eq!(view["details"]["streams"]["Think, turn 2"], REPORT);
    let log = client.events(&task).await;
    assert_lawful(&log);
    assert_eq!(streamed(&log), REPORT);
    assert!(log.iter().any(|event| kind(event) == "chunk.reset"));
    let took: Vec<bool> =
        log.iter().filter(|event| kind(event) == "usage").map(|event| event["estimated"] == true).collect();
    assert_eq!(took, [false, true, false], "the call that was cut off was paid for, and counts as an estimate");
    let asked: Vec<usize> = provider.requests().iter().map(lines).collect();
    assert_eq!(asked, [2, 6, 6], "the first turn once, the second again because it had not finished");
    let started =
        |name: &str| log.iter().filter(|event| kind(event) == "step.started" && event["name"] == name).count();
    assert_eq!((started("Calculate"), started("Look at the clock"), started("Think, turn 1")), (2, 1, 1));
}

/// Goal: a cancel ends an agent in the middle of an answer, and nothing more is asked.
#[tokio::test]
async fn a_cancel_is_heard_within_one_call() {
    let provider = ModelDouble::start(|_| Reply::text("one two three four").hanging_after(2)).await;
    let server = server_of(&provider).await;
    let client = server.client();
    let task = client.start("research_flow", json!({ "question": "Why?" })).await;
    client.told(&task, "chunk").await;
    client.post(&format!("/tasks/{task}/cancel"), &json!({})).await.ok();
    assert_eq!(client.ended(&task).await["state"], "CANCELLED");
    let log = client.events(&task).await;
    assert_lawful(&log);
    assert_eq!(provider.requests().len(), 1);
    let usage = log.iter().find(|event| kind(event) == "usage");
    assert_eq!(usage.unwrap()["estimated"], true, "what was dropped was paid for all the same");
}

/// Goal: the budget of a start is held, asked about on the page, raised by its answer, and the task goes on.
#[tokio::test]
async fn a_budget_is_raised_over_http() {
    let provider = ModelDouble::start(|_| Reply::text("Rain on the roof.").usage(Some((900, 200)))).await;
    let server = server_of(&provider).await;
    let client = server.client();
    let start = json!({ "flow": "poem_flow", "max_tokens": 1_000 });
    let task = client.post("/start-task", &start).await.ok()["task_id"].as_str().unwrap().to_owned();
    let waiting = client.reached(&task, "WAITING").await;
    let wait = &waiting["details"]["waiting"][0];
    assert_eq!((&wait["kind"], &wait["name"]), (&json!("signal"), &json!("budget")), "{waiting}");
    assert!(wait["question"].as_str().unwrap().contains("1100 of at most 1000 tokens"), "{wait}");
    assert!(wait["schema"]["properties"]["max_tokens"].is_object());
    assert_eq!(client.signal(&task, "budget", &json!({ "max_tokens": "many" })).await.status, 400);
    assert_eq!(provider.requests().len(), 1);
    assert_eq!(client.signal(&task, "budget", &json!({ "approved": true, "max_tokens": 5_000 })).await.status, 200);
    client.reached(&task, "SUCCESS").await;
    assert_eq!(provider.requests().len(), 2);
}

/// Goal: an answer of 4,000 tokens leaves no more than a dozen rows.
#[tokio::test]
async fn a_long_answer_leaves_few_rows() {
    const TOKENS: usize = 4_000;
    let provider = ModelDouble::start(|_| {
        let word = |number| {
            Beat::event(&json!({ "choices": [{ "delta": { "content": format!("w{number} ") } }] }).to_string())
        };
        let beats = (0..TOKENS).flat_map(|number| {
            let pause = (number % 40 == 0).then_some(Beat::PauseMs(5));
            [Some(word(number)), pause].into_iter().flatten()
        });
        Reply::beats(beats.chain([Beat::event("[DONE]")]))
    })
    .await;
    let mut server = server_of(&provider).await;
    let client = server.client();
    let task = client.start("poem_flow", json!({ "theme": "length" })).await;
    let view = client.reached(&task, "SUCCESS").await;
    assert_eq!(view["details"]["final_result"].as_str().unwrap().split(' ').count(), TOKENS);
    let log = client.events(&task).await;
    assert_eq!(streamed(&log).trim(), view["details"]["final_result"]);
    server.kill9();
    let store = rusqlite::Connection::open(server.data_folder().join("caudal.db")).unwrap();
    let rows: i64 = ["tasks", "task_details", "task_tags", "log_pages", "signals", "idempotency_keys"]
        .into_iter()
        .map(|table| store.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap())
        .sum();
    assert!(rows <= 12, "{rows} rows");
}

/// Goal: a search shows as the wire contract says, and the answer comes with its sources.
#[tokio::test]
async fn a_search_shows_what_it_found() {
    let provider = ModelDouble::start(|asked| {
        let found = json!({ "url": "https://example.org/", "title": "Sky", "content": "Blue.", "score": 1 });
        match asked.path.as_str() {
            "/v1/search" => Reply::body(200, "application/json", json!({ "results": [found] }).to_string()),
            _ => Reply::text("It is blue [1]."),
        }
    })
    .await;
    let setup = asking(setup!(), &provider)
        .environment("TAVILY_API_KEY", "tvly-hidden")
        .environment("CAUDAL_TAVILY_URL", provider.url());
    let server = setup.start().await;
    let client = server.client();
    let task = client.start("web_search_flow", json!({ "question": "Which colour has the sky?" })).await;
    let view = client.reached(&task, "SUCCESS").await;
    let page = json!({ "url": "https://example.org/", "content": "Blue.", "title": "Sky" });
    let shown = json!({ "type": "tool_result", "step_name": "Search the web", "tool": "tavily", "data": [page] });
    assert!(view["details"]["step_results"].as_array().unwrap().contains(&shown), "{view}");
    let result = json!({ "answer": "It is blue [1].", "sources": [{ "url": "https://example.org/", "title": "Sky" }] });
    assert_eq!(view["details"]["final_result"], result);
    let requests = provider.requests();
    assert_eq!(requests[0].authorization, "Bearer tvly-hidden");
    assert!(requests[1].body.to_string().contains("[1] Sky (https://example.org/)"));
}

/// Goal: a wrong key fails the task with its variable's name; the key is in no log, no event, no answer.
#[tokio::test]
async fn a_wrong_key_is_named_and_not_shown() {
    let provider = ModelDouble::start(|asked| Reply::status(401, &format!("bad key: {}", asked.authorization))).await;
    let server = asking(setup!(), &provider).environment("CAUDAL_LOG_FILTER", "debug").start().await;
    let client = server.client();
    let task = client.start("poem_flow", json!({})).await;
    let view = client.ended(&task).await;
    assert_eq!(view["details"]["error"]["message"], "openai refuses the key in OPENAI_API_KEY (401)");
    assert_eq!(provider.requests()[0].authorization, format!("Bearer {}", provider.key()));
    for text in [server.log(), view.to_string(), json!(client.events(&task).await).to_string()] {
        assert!(!text.contains(provider.key()));
    }
}

/// Goal: inputs that cannot come to anything are refused before they cost anything.
#[tokio::test]
async fn bad_inputs_are_refused_at_the_door() {
    let server = setup!().environment("CAUDAL_MODEL", "rehearsal").start().await;
    for (flow, inputs) in [
        ("web_search_flow", json!({})),
        ("web_search_flow", json!({ "question": "" })),
        ("web_search_flow", json!({ "question": "  \n " })),
        ("research_flow", json!({ "question": "" })),
        ("research_flow", json!({ "question": "x", "most_turns": 1 })),
        ("extract_flow", json!({ "text": "x", "fields": [] })),
        ("extract_flow", json!({ "text": " ", "fields": ["a"] })),
        ("poem_flow", json!({ "theme": 7 })),
    ] {
        let refused = server.client().post("/start-task", &json!({ "flow": flow, "inputs": inputs })).await;
        assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("invalid_inputs")), "{flow} {inputs}");
    }
}
