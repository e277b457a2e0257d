//! Each row of the error table, and everything odd that a client can send.

mod kit;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use caudal_engine::flow::{FlowDefinition, Missing, Need, Registry};
use caudal_engine::task::Limits;
use caudal_web::WebSettings;
use kit::platform::POEM_FLOW;
use kit::{Answer, Platform, Request, Server};
use serde_json::{Value, json};

/// A problem document as the contract wants it.
fn assert_problem(answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["code"], code);
    assert_eq!(problem["status"], status);
    assert_eq!(problem["error"], problem["detail"], "existing clients read 'error'");
    for text in ["type", "title", "detail"] {
        assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{text}");
    }
    problem
}

/// Goal: every way in which a start can be malformed has its status, its code and a word that helps.
#[tokio::test]
async fn malformed_starts() {
    let server = Server::start();
    let deep = format!(r#"{{"flow":"poem_flow","inputs":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    for (body, code, path) in [
        ("", "invalid_json", ""),
        ("{", "invalid_json", ""),
        ("[]", "invalid_json", ""),
        ("null", "invalid_json", ""),
        (r#"{"flow":"poem_flow"} x"#, "invalid_json", ""),
        (r#"{"flow":"poem_flow","flow":"poem_flow"}"#, "invalid_json", ""),
        (r#"{"flow":"poem_flow","inputs":{"theme":"a","theme":"b"}}"#, "invalid_json", ""),
        (r#"{"flow":"poem_flow","inputs":{"theme":"\ud800"}}"#, "invalid_json", ""),
        (&deep, "invalid_json", ""),
        ("{}", "missing_flow", "/flow"),
        (r#"{"flow":null}"#, "missing_flow", "/flow"),
        (r#"{"flow":7}"#, "missing_flow", "/flow"),
        (r#"{"flow":"nobody"}"#, "unknown_flow", "/flow"),
        (r#"{"flow":"poem_flow","color":1}"#, "unknown_field", "/color"),
        (r#"{"flow":"poem_flow","notify":{"sms":1}}"#, "unknown_field", "/notify"),
        (r#"{"flow":"poem_flow","inputs":{"lines":"many"}}"#, "invalid_inputs", "/lines"),
        (r#"{"flow":"poem_flow","inputs":[]}"#, "invalid_inputs", ""),
        (r#"{"flow":"poem_flow","delay_seconds":"soon"}"#, "invalid_inputs", "/delay_seconds"),
        (r#"{"flow":"poem_flow","delay_seconds":-1}"#, "invalid_inputs", "/delay_seconds"),
        (r#"{"flow":"poem_flow","priority":"urgent"}"#, "invalid_inputs", "/priority"),
        (r#"{"flow":"poem_flow","tags":[""]}"#, "invalid_inputs", "/tags"),
    ] {
        let problem = assert_problem(&server.send(Request::new("POST", "/start-task").text(body)).await, 400, code);
        if !path.is_empty() {
            assert_eq!(problem["errors"][0]["path"], path, "{body}");
        }
    }
    let answer = server.post("/start-task", &json!({"flow": "nobody"})).await;
    assert_eq!(answer.json()["hint"], "Known flows: poem_flow");
    let answer = server.send(Request::new("POST", "/start-task").text(b"{\"flow\":\"\xff\"}".to_vec())).await;
    assert!(assert_problem(&answer, 400, "invalid_json")["detail"].as_str().unwrap().contains("UTF-8"));
    assert!(server.get("/tasks").await.json()["items"].as_array().unwrap().is_empty(), "nothing was started");
}

/// Goal: a secret's value does not come back in a refusal.
#[tokio::test]
async fn refusals_keep_secrets() {
    let server = Server::start();
    let answer = server.post("/start-task", &json!({"flow": "poem_flow", "inputs": {"api_key": 4711471147u64}})).await;
    assert_problem(&answer, 400, "invalid_inputs");
    assert!(!String::from_utf8_lossy(&answer.body).contains("4711471147"));
}

/// Goal: methods, sizes and types of content that are not taken.
#[tokio::test]
async fn not_taken() {
    let server = Server::start();
    let answer = server.get("/start-task/").await;
    assert_problem(&answer, 405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "POST");
    let task = server.start().await;
    let answer = server.send(Request::new("PUT", &format!("/tasks/{task}"))).await;
    assert_problem(&answer, 405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET, HEAD, DELETE");
    for megabytes in [1, 10] {
        let body = format!(r#"{{"flow":"poem_flow","inputs":{{"theme":"{}"}}}}"#, "x".repeat(megabytes << 20));
        assert_problem(&server.send(Request::new("POST", "/start-task").text(body)).await, 413, "too_large");
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        let request = Request { body: b"{\"flow\":\"poem_flow\"}".to_vec(), ..Request::new("POST", "/start-task") };
        let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
        assert_problem(&server.send(request).await, 415, "unsupported_media_type");
    }
    let request = Request {
        body: b"{\"flow\":\"poem_flow\"}".to_vec(),
        ..Request::new("POST", "/start-task").header("content-type", "Application/JSON; charset=utf-8")
    };
    assert_eq!(server.send(request).await.status, 200);
    assert_problem(&server.get("/nowhere").await, 404, "not_found");
    assert_problem(&server.get("/tasks/%ff").await, 404, "not_found");
    assert_problem(&server.get("/tasks/7").await, 404, "not_found");
    assert_problem(&server.get("/tasks?colour=red").await, 400, "unknown_field");
    assert_problem(&server.get("/tasks?limit=201").await, 400, "invalid_query");
    assert_problem(&server.get(&format!("/tasks/{task}/result?wait=61")).await, 400, "invalid_query");
    for empty in ["/tasks?limit=&flow=&q=".to_owned(), format!("/tasks/{task}/events?after=&limit=")] {
        assert_eq!(server.get(&empty).await.status, 200, "{empty}: a form sends what was left empty");
    }
    let packed = Request::new("POST", "/start-task").text(vec![31, 139]).header("content-encoding", "gzip");
    assert_problem(&server.send(packed).await, 415, "unsupported_media_type");
}

/// Goal: what a client sent is named in the refusal by a proper pointer, and not sent back whole.
#[tokio::test]
async fn refusals_are_short() {
    let server = Server::start();
    let problem = server.post("/start-task", &json!({"flow": "poem_flow", "a/b~c": 1})).await.json();
    assert_eq!(problem["errors"][0]["path"], "/a~1b~0c");
    let long = "ü".repeat(100_000);
    let mut unknown = json!({"flow": "poem_flow"});
    unknown[&long] = json!(1);
    for body in [json!({"flow": long}), unknown, json!({"flow": "poem_flow", "tags": [long]})] {
        let answer = server.post("/start-task", &body).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.len() < 10_000, "{} bytes", answer.body.len());
    }
}

/// Goal: the same key with the same request is the same task, however it is written; with another it is a conflict.
#[tokio::test]
async fn idempotency() {
    let server = Server::start();
    let send = async |key: &str, body: &str| {
        let request = Request::new("POST", "/start-task").header("idempotency-key", key).text(body);
        server.send(request).await
    };
    let first = send("k", r#"{"flow":"poem_flow","inputs":{"theme":"a","lines":2}}"#).await.json();
    let again = send("k", r#"{ "inputs":{"lines":2, "theme":"\u0061"}, "flow":"poem_flow" }"#).await.json();
    assert_eq!(first["task_id"], again["task_id"]);
    let other = send("k", r#"{"flow":"poem_flow","inputs":{"theme":"b"}}"#).await;
    assert_problem(&other, 409, "idempotency_conflict");
    let empty = send("", r#"{"flow":"poem_flow"}"#).await;
    assert_problem(&empty, 400, "invalid_inputs");
    assert_problem(&send(&"x".repeat(256), r#"{"flow":"poem_flow"}"#).await, 400, "invalid_inputs");
    let task = first["task_id"].as_str().unwrap();
    for path in ["/start-tasks", &format!("/tasks/{task}/signals/go"), &format!("/tasks/{task}/retry"), "/tasks/bulk"] {
        let body = r#"{"tasks":[]}"#;
        let body = if path.ends_with("bulk") { r#"{"action":"cancel","ids":[]}"# } else { body };
        let body = if path.ends_with("retry") { "{}" } else { body };
        let request = Request::new("POST", path).header("idempotency-key", "x".repeat(256)).text(body);
        assert_problem(&server.send(request).await, 400, "invalid_inputs");
    }
    assert_eq!(server.get("/tasks").await.json()["items"].as_array().unwrap().len(), 1);
}

/// Goal: a full line says when to come back.
#[tokio::test]
async fn full_line() {
    let server = Server::on(Platform::with_limits(Limits { line_per_tenant: 1, ..Limits::default() }));
    server.start().await;
    let answer = server.post("/start-task", &json!({"flow": "poem_flow"})).await;
    assert_problem(&answer, 429, "line_full");
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
}

/// Goal: when what has ended waits for the archive, a start says so and when to come back; no body of it is kept.
#[tokio::test]
async fn archive_behind() {
    let mut platform = Platform::default();
    platform.engine.store = Arc::new(kit::no_store::NoStore::ArchiveBehind);
    let answer = Server::on(platform).post("/start-task", &json!({"flow": "poem_flow"})).await;
    assert_problem(&answer, 503, "archive_behind");
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
}

static IS_READY: AtomicBool = AtomicBool::new(true);
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// Needs something that is there or not, as the test says.
static NEEDY_FLOW: FlowDefinition = FlowDefinition {
    name: "needy_flow",
    formerly: &[],
    needs: &[Need {
        missing: Missing { what: "a muse", hint: "Set MUSE." },
        is_met: |_| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            IS_READY.load(Ordering::SeqCst)
        },
    }],
    ..POEM_FLOW
};

/// Goal: a flow that lacks something is refused with what it lacks and when to come back, each flow of a request being
/// asked about once; but what was started before is answered to whoever repeats it, a retry too.
#[tokio::test]
async fn flow_not_configured() {
    let mut platform = Platform::default();
    platform.engine.registry = Arc::new(Registry::of([&POEM_FLOW, &NEEDY_FLOW]).unwrap());
    let server = Server::on(platform);
    let keyed = async |path: &str, key: &'static str, body: &Value| {
        server.send(Request::new("POST", path).header("idempotency-key", key).json(body)).await
    };
    let (start, many) = (json!({"flow": "needy_flow"}), json!({"tasks": vec![json!({"flow": "needy_flow"}); 50]}));
    let first = keyed("/start-task", "one", &start).await.json();
    let path = format!("/tasks/{}", first["task_id"].as_str().unwrap());
    server.post(&format!("{path}/cancel"), &json!({})).await;
    let retry = format!("{path}/retry");
    let retried = keyed(&retry, "two", &json!({})).await.json();
    let all = keyed("/start-tasks", "three", &many).await.json();

    IS_READY.store(false, Ordering::SeqCst);
    let answer = keyed("/start-task", "another", &start).await;
    let problem = assert_problem(&answer, 503, "flow_not_configured");
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
    assert!(problem["hint"].as_str().unwrap().contains("MUSE"), "{problem}");
    assert_eq!(keyed("/start-task", "one", &start).await.json()["task_id"], first["task_id"]);
    assert_eq!(keyed(&retry, "two", &json!({})).await.json()["task_id"], retried["task_id"]);
    let before = ASKED.swap(0, Ordering::SeqCst);
    let again = keyed("/start-tasks", "three", &many).await.json();
    assert_eq!((before > 0, ASKED.load(Ordering::SeqCst)), (true, 1));
    let ids = |answer: &Value| -> Vec<Value> {
        answer["items"].as_array().unwrap().iter().map(|item| item["task_id"].clone()).collect()
    };
    assert_eq!(ids(&again), ids(&all));
    server.send(Request::new("DELETE", &path)).await;
    assert_eq!(keyed(&retry, "two", &json!({})).await.json()["task_id"], retried["task_id"], "though it is forgotten");
}

/// Goal: while a task with a unique key is open, a start with that key answers it; the keys that are made here are
/// nobody's, and shown to nobody.
#[tokio::test]
async fn unique_keys() {
    let server = Server::start();
    let start = async |key: &str| server.post("/start-task", &json!({"flow": "poem_flow", "unique_key": key})).await;
    let first = start("report-7").await.json()["task_id"].clone();
    assert_eq!(start("report-7").await.json()["task_id"], first);
    assert_ne!(start("report-8").await.json()["task_id"], first);
    let path = format!("/tasks/{}", first.as_str().unwrap());
    assert_eq!(server.get(&path).await.json()["unique_key"], "report-7");
    server.post(&format!("{path}/cancel"), &json!({})).await;
    assert_ne!(start("report-7").await.json()["task_id"], first, "it has ended");
    assert_problem(&start("caudal:retry:x").await, 400, "invalid_inputs");
    let plain = server.start().await;
    server.post(&format!("/tasks/{plain}/cancel"), &json!({})).await;
    let retried = server.post(&format!("/tasks/{plain}/retry"), &json!({})).await.json();
    assert!(server.get(retried["task_url"].as_str().unwrap()).await.json()["unique_key"].is_null());
}

/// Goal: what says all by its path takes no fields: one that nobody would hear is refused, and nothing is done.
#[tokio::test]
async fn controls_take_no_fields() {
    let server = Server::start();
    let task = server.start().await;
    for verb in ["cancel", "pause", "resume", "retry"] {
        let path = format!("/tasks/{task}/{verb}");
        let problem = assert_problem(&server.post(&path, &json!({"reason": "x"})).await, 400, "unknown_field");
        assert_eq!(problem["errors"][0]["path"], "/reason", "{verb}");
        assert_problem(&server.post(&path, &json!(["x"])).await, 400, "invalid_json");
        let request = Request::new("POST", &path).header("content-type", "text/plain").text("reason=x");
        assert_problem(&server.send(request).await, 415, "unsupported_media_type");
    }
    assert_eq!(server.get(&format!("/tasks/{task}")).await.json()["state"], "PENDING");
    for path in ["/logout", "/notifications/x/retry", "/workers/x/stop"] {
        assert_problem(&server.post(path, &json!({"x": 1})).await, 400, "unknown_field");
    }
}

/// Goal: two values of one filter, which could mean both or either, are refused; several states are one of them.
#[tokio::test]
async fn filters_given_twice() {
    let server = Server::start();
    for query in ["tag=a&tag=b", "flow=a&flow=b", "q=a&q=a", "limit=1&limit=2"] {
        assert_problem(&server.get(&format!("/tasks?{query}")).await, 400, "invalid_query");
    }
    for query in ["tag=a&tag=", "state=PENDING&state=SUCCESS,FAILURE"] {
        assert_eq!(server.get(&format!("/tasks?{query}")).await.status, 200, "{query}");
    }
}

/// Goal: a route that panics answers as any mistake of ours, tells nothing of itself, and the next request is answered by
/// the same thread.
#[tokio::test]
async fn a_panic_is_a_500() {
    let render_metrics = Some(Arc::new(|| -> String { panic!("swordfish") }) as caudal_web::RenderMetrics);
    let server = Server::with(Platform::default(), WebSettings { render_metrics, ..WebSettings::default() });
    for _ in 0..2 {
        let answer = server.get("/metrics").await;
        assert_problem(&answer, 500, "internal");
        assert!(!String::from_utf8_lossy(&answer.body).contains("swordfish"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(server.get("/healthz").await.status, 200);
    }
}

/// Goal: a control that the state does not allow says which states do.
#[tokio::test]
async fn wrong_states() {
    let server = Server::start();
    let mut hand = server.run().await;
    let task = hand.task;
    let path = |verb: &str| format!("/tasks/{task}/{verb}");
    let nothing = json!({});
    assert_problem(&server.post(&path("retry"), &nothing).await, 409, "wrong_state");
    assert_problem(&server.send(Request::new("DELETE", &format!("/tasks/{}", hand.task))).await, 409, "wrong_state");
    let (resume, cancel, signal) = (path("resume"), path("cancel"), path("signals/x"));
    hand.succeed(json!(1).into()).await;
    for control in [cancel, path("pause"), resume] {
        let problem = assert_problem(&server.post(&control, &nothing).await, 409, "wrong_state");
        assert!(problem["hint"].as_str().unwrap().contains("PAUSED"), "{control} says which states do");
    }
    assert_problem(&server.post(&signal, &nothing).await, 409, "wrong_state");
    let unknown = "/tasks/01989b3a-0000-8000-8000-000000000000";
    assert_problem(&server.post(&format!("{unknown}/cancel"), &nothing).await, 404, "not_found");
    assert_problem(&server.send(Request::new("DELETE", unknown)).await, 404, "not_found");
}

/// Goal: signals are bounded, and an approval is answered once.
#[tokio::test]
async fn signals() {
    let server = Server::on(Platform::with_limits(Limits { pending_signals_per_name: 2, ..Limits::default() }));
    let hand = server.run().await;
    let path = format!("/tasks/{}/signals/go", hand.task);
    for _ in 0..2 {
        assert_eq!(server.post(&path, &json!("any value")).await.status, 200);
    }
    let answer = server.post(&path, &json!(1)).await;
    assert_problem(&answer, 429, "rate_limited");
    assert!(!answer.header("retry-after").is_empty());
    let approval = format!("/tasks/{}/signals/approval-1", hand.task);
    assert_problem(&server.post(&approval, &json!("yes")).await, 400, "invalid_inputs");
    assert_eq!(server.post(&approval, &json!({"approved": true})).await.status, 200);
    assert_problem(&server.post(&approval, &json!({"approved": true})).await, 409, "already_answered");
}

/// Goal: a store that cannot be reached is no fault of the client, says what to do, and tells nothing of itself.
#[tokio::test]
async fn store_unavailable() {
    let mut platform = Platform::default();
    platform.engine.store = Arc::new(kit::no_store::NoStore::default());
    let server = Server::on(platform);
    for (method, path) in [("GET", "/tasks"), ("GET", "/readyz"), ("GET", "/stats"), ("POST", "/start-task")] {
        let request = Request::new(method, path);
        let request = if method == "POST" { request.json(&json!({"flow": "poem_flow"})) } else { request };
        let answer = server.send(request).await;
        let problem = assert_problem(&answer, 503, "store_unavailable");
        assert!(answer.header("retry-after").parse::<u32>().is_ok());
        assert!(problem["detail"].as_str().unwrap().contains("may or may not"));
        assert!(problem["hint"].as_str().unwrap().contains("Idempotency-Key"));
        assert!(!problem.to_string().contains("10.0.0.9"), "causes are for the log");
    }
    assert_eq!(server.get("/healthz").await.status, 200);
}

/// Goal: a task that was stored is answered with its id, also when it cannot be waited for: else it is started again.
#[tokio::test]
async fn a_stored_start_is_answered() {
    let mut platform = Platform::default();
    platform.engine.store = Arc::new(kit::no_store::NoStore::Takes(platform.store.clone()));
    let server = Server::on(platform);
    let answer = server.post("/start-task?wait=1", &json!({"flow": "poem_flow"})).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json()["task_id"].is_string() && answer.json()["state"].is_null());
}
