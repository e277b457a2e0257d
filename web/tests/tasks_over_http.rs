//! Starting, listing, reading and controlling tasks.

mod kit;

use std::sync::Arc;

use caudal_engine::ports::Then;
use caudal_engine::task::{Fact, PauseReason, event::TaskPaused};
use caudal_web::{Served, WebSettings};
use kit::{Platform, Request, Server, log};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};

#[expect(clippy::unwrap_used, reason = "a test may end with a crash")]
fn items(answer: &Value) -> &Vec<Value> {
    answer["items"].as_array().unwrap()
}

/// Goal: a start answers with where to look; with `wait`, when the task has ended, with its view.
#[tokio::test]
async fn start_and_wait() {
    let server = Server::start();
    let started = server.post("/start-task/", &json!({"flow": "poem_flow", "inputs": {"theme": "a\0b"}})).await.json();
    let id = started["task_id"].as_str().unwrap();
    assert_eq!(started["status_url"], format!("/task-status/{id}/"));
    assert_eq!(started["task_url"], format!("/tasks/{id}"));
    assert!(started["watch_url"].as_str().unwrap().starts_with(&format!("/task-status/{id}/?token=")));
    assert_eq!(server.stream(started["watch_url"].as_str().unwrap()).await.status, 200);
    assert_eq!(server.get(&format!("/tasks/{id}")).await.json()["input"]["theme"], "a\0b");
    let mut hand = server.claim().await;
    let body = json!({"flow": "poem_flow"});
    let waiting = server.post("/start-task?wait=0", &body);
    let view = waiting.await.json();
    assert_eq!((view["state"].as_str(), view["details"]["progress"].as_u64()), (Some("PENDING"), Some(0)));
    let path = format!("/tasks/{id}/result?wait=60");
    let (answer, ()) = tokio::join!(server.get(&path), hand.succeed(json!({"big": 1u64 << 60}).into()));
    assert_eq!((answer.status, &answer.json()["result"]["big"]), (200, &json!(1u64 << 60)));
}

/// Goal: many are started at once, each with its id or its own error, and a repeat starts none twice.
#[tokio::test]
async fn start_many() {
    let server = Server::start();
    let body = json!({"tasks": [{"flow": "poem_flow"}, {"flow": "nobody"}, {"flow": "verse_flow"}, {"x": 1}]});
    let key = "k".repeat(255);
    let send = async || {
        let request = Request::new("POST", "/start-tasks").header("idempotency-key", key.as_str()).json(&body);
        server.send(request).await.json()
    };
    let (first, again) = (send().await, send().await);
    let codes: Vec<_> = items(&first).iter().map(|item| item["code"].as_str()).collect();
    assert_eq!(codes, [None, Some("unknown_flow"), None, Some("missing_flow")]);
    assert_eq!(items(&first)[0]["task_id"], items(&again)[0]["task_id"]);
    assert_eq!(items(&server.get("/tasks").await.json()).len(), 2);
    let many = json!({"tasks": vec![json!({"flow": "poem_flow"}); 1_001]});
    assert_eq!(server.post("/start-tasks", &many).await.status, 400);
    assert_eq!(server.post("/start-tasks", &json!({"task": []})).await.json()["code"], "unknown_field");
}

/// Goal: lists are newest first, filtered and paged by a cursor.
#[tokio::test]
async fn lists() {
    let server = Server::start();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, server.start().await.to_string());
    }
    let mut hand = server.claim().await;
    hand.succeed(json!(1).into()).await;
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/tasks?limit=2&cursor={cursor}")).await.json();
        paged.extend(items(&page).iter().map(|task| task["task_id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(paged, ids);
    let ended = server.get("/tasks/?state=success,FAILURE&flow=poem_flow").await.json();
    assert_eq!(items(&ended).len(), 1);
    assert_eq!(items(&ended)[0]["progress"], 100);
    assert!(items(&server.get("/tasks?after=2030-01-01T00:00:00Z").await.json()).is_empty());
}

/// Goal: one task shows its record, its view, its links; what is secret is masked.
#[tokio::test]
async fn one_task() {
    let server = Server::start();
    let body = json!({"flow": "poem_flow", "inputs": {"api_key": "hunter2", "theme": "rain"}, "tags": ["nightly"]});
    server.post("/start-task", &body).await;
    let mut hand = server.claim().await;
    hand.log("hello").await;
    let answer = server.get(&format!("/tasks/{}", hand.task)).await;
    assert!(!String::from_utf8_lossy(&answer.body).contains("hunter2"));
    let task = answer.json();
    assert_eq!(task["input"], json!({"api_key": "***", "theme": "rain"}));
    assert_eq!(task["details"]["step_results"][0]["message"], "hello");
    assert_eq!((&task["state"], &task["worker"]), (&json!("PROGRESS"), &json!("worker-1")));
    assert_eq!((&task["tags"], &task["children"]), (&json!(["nightly"]), &json!([])));
    assert_eq!(task["links"]["self"], format!("/tasks/{}", hand.task));
}

/// Goal: controls can be repeated; a retry is a new task that names the old one; an ended task can be forgotten.
#[tokio::test]
async fn controls() {
    let server = Server::start();
    let task = server.start().await;
    let post = async |verb: &str| server.post(&format!("/tasks/{task}/{verb}"), &json!({})).await;
    for (verb, state) in [("pause", "PAUSED"), ("pause", "PAUSED"), ("resume", "PENDING"), ("cancel", "CANCELLED")] {
        let answer = post(verb).await;
        assert_eq!((answer.status, answer.json()["state"].as_str()), (200, Some(state)), "{verb}");
    }
    let retried = post("retry").await.json();
    assert_eq!(post("retry").await.json()["task_id"], retried["task_id"], "a repeat is answered with the first");
    let new = server.get(retried["task_url"].as_str().unwrap()).await.json();
    assert_eq!(new["retry_of"], task.to_string());
    let forget = || Request::new("DELETE", "");
    let path = format!("/tasks/{task}");
    assert_eq!(server.send(Request { path: &path, ..forget() }).await.status, 204);
    assert_eq!(server.get(&path).await.status, 404);
    let mut hand = server.claim().await;
    let reason = PauseReason::CodeMismatch;
    let paused: Fact = TaskPaused { reason, detail: None }.into();
    hand.write([paused], Then::Pause { reason }).await;
    let path = format!("/tasks/{}/resume", hand.task);
    assert_eq!(server.send(Request::new("POST", &path)).await.json()["state"], "PROGRESS", "no body is needed");
}

/// Goal: many are controlled at once, by their ids or by a filter, each with its own answer.
#[tokio::test]
async fn bulk() {
    let server = Server::start();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(server.start().await.to_string());
    }
    let unknown = "01989b3a-0000-8000-8000-000000000000";
    let body = json!({"action": "cancel", "ids": [ids[0], unknown]});
    let answer = server.post("/tasks/bulk", &body).await.json();
    assert_eq!(items(&answer)[0]["state"], "CANCELLED");
    assert_eq!(items(&answer)[1]["error"]["code"], "not_found");
    let retry = async || {
        let body = json!({"action": "retry", "ids": [ids[0]]});
        let request = Request::new("POST", "/tasks/bulk").header("idempotency-key", "k").json(&body);
        items(&server.send(request).await.json())[0]["retried_as"].clone()
    };
    let retried = retry().await;
    assert_eq!(retried, retry().await, "a repeat retries nothing twice");
    let path = format!("/tasks/{}/cancel", retried.as_str().unwrap());
    assert_eq!(server.send(Request::new("POST", &path)).await.status, 200);
    let path = path.trim_end_matches("/cancel");
    assert_eq!(server.send(Request::new("DELETE", path)).await.status, 204);
    let body = json!({"action": "delete", "filter": {"state": ["CANCELLED"], "flow": "poem_flow"}});
    let answer = server.post("/tasks/bulk/", &body).await.json();
    assert_eq!((items(&answer).len(), &answer["more"]), (1, &json!(false)));
    assert_eq!(items(&server.get("/tasks").await.json()).len(), 2);
    for wrong in [
        json!({"action": "explode", "ids": []}),
        json!({"action": "cancel"}),
        json!({"action": "cancel", "filter": {"colour": "red"}}),
        json!({"action": "cancel", "filter": {"flow": "nobody", "limit": "1"}}),
        json!({"action": "cancel", "ids": vec!["x"; 1_001]}),
        json!({"action": "cancel", "ids": [], "all": true}),
    ] {
        assert_eq!(server.post("/tasks/bulk", &wrong).await.status, 400, "{wrong}");
    }
}

/// Goal: a filter that says nothing steers nothing: whoever means all tasks must say so, and is told how.
#[tokio::test]
async fn bulk_without_a_condition() {
    let server = Server::start();
    let task = server.start().await;
    for filter in [
        json!({}),
        json!({"state": []}),
        json!({"state": null}),
        json!({"state": [null]}),
        json!({"state": ""}),
        json!({"flow": null}),
        json!({"flow": ""}),
        json!({"q": ""}),
        json!({"tag": "", "flow": "poem_flow"}),
        json!({"flow": "poem_flow", "state": []}),
        json!({"cursor": "01989b3a-0000-8000-8000-000000000000"}),
        json!(null),
    ] {
        let body = json!({"action": "cancel", "filter": filter});
        assert_eq!(server.post("/tasks/bulk", &body).await.status, 400, "{body}");
    }
    let refused = server.post("/tasks/bulk", &json!({"action": "cancel", "filter": {}})).await.json();
    let hint = refused["hint"].as_str().unwrap();
    assert_eq!(server.get(&format!("/tasks/{task}")).await.json()["state"], "PENDING");
    let all: serde_json::Value = serde_json::from_str(&hint[hint.find('{').unwrap()..]).unwrap();
    let answer = server.post("/tasks/bulk", &json!({"action": "cancel", "filter": all})).await.json();
    assert_eq!(items(&answer)[0]["state"], "CANCELLED");
}

/// Goal: what is secret in an input is not found by a search, of a retry neither.
#[tokio::test]
async fn searches_find_no_secret() {
    let server = Server::start();
    let inputs = json!({"theme": "rain", "api_key": "swordfish"});
    let task = server.post("/start-task", &json!({"flow": "poem_flow", "inputs": inputs})).await.json();
    let path = format!("/tasks/{}", task["task_id"].as_str().unwrap());
    server.post(&format!("{path}/cancel"), &json!({})).await;
    let retried = server.post(&format!("{path}/retry"), &json!({})).await;
    assert_eq!(retried.status, 200);
    for (text, found) in [("rain", 2), ("api_key", 2), ("swordfish", 0), ("sword", 0)] {
        assert_eq!(items(&server.get(&format!("/tasks?q={text}")).await.json()).len(), found, "{text}");
    }
}

/// Goal: a signal sent twice with its own id counts once.
#[tokio::test]
async fn signals() {
    let server = Server::start();
    let task = server.start().await;
    let path = format!("/tasks/{task}/signals/go%20on");
    let send =
        async || server.send(Request::new("POST", &path).header("idempotency-key", "s1").json(&json!([1]))).await;
    let (first, again) = (send().await.json(), send().await.json());
    assert_eq!(first["seq"], again["seq"]);
    let events = server.get(&format!("/tasks/{task}/events")).await.json();
    assert_eq!(items(&events).len(), 2);
    assert_eq!((&items(&events)[1]["name"], &items(&events)[1]["value"]), (&json!("go on"), &json!([1])));
}

/// Goal: flows tell what a page and a command line need to know.
#[tokio::test]
async fn flows() {
    let server = Server::start();
    let flow = server.get("/flows/poem_flow").await.json();
    assert_eq!(items(&server.get("/flows").await.json())[0], flow);
    assert_eq!(server.get("/flows/verse_flow").await.json()["name"], "poem_flow", "also by an earlier name");
    assert_eq!(flow["options"]["timeout_seconds"], 1.5);
    assert_eq!(flow["input_schema"]["properties"]["api_key"]["writeOnly"], true);
    assert_eq!(flow["diagnostics"], false);
    let fields: Vec<_> = flow["input_schema"]["properties"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["theme", "api_key", "lines"], "as the type has them");
    assert_eq!(server.get("/flows/nobody").await.status, 404);
    let mut short = flow;
    for schema in ["input_schema", "output_schema"] {
        assert!(short.as_object_mut().unwrap().remove(schema).is_some());
    }
    assert_eq!(items(&server.get("/flows?schemas=false").await.json())[0], short, "a list needs no schemas");
    assert_eq!(server.get("/flows?schemas=no").await.status, 400);
}

/// Goal: more tasks than one bulk request takes are reached by the cursor that it answers with, each once.
#[tokio::test]
async fn bulk_goes_on() {
    let server = Server::start();
    let many = json!({"tasks": vec![json!({"flow": "poem_flow"}); 1_000]});
    server.post("/start-tasks", &many).await;
    server.start().await;
    let mut body = json!({"action": "cancel", "filter": {"flow": "poem_flow"}});
    let first = server.post("/tasks/bulk", &body).await.json();
    assert_eq!((items(&first).len(), &first["more"]), (1_000, &json!(true)));
    body["filter"]["cursor"] = first["next"].clone();
    let second = server.post("/tasks/bulk", &body).await.json();
    assert_eq!((items(&second).len(), &second["more"], &second["next"]), (1, &json!(false), &json!(null)));
}

/// Goal: figures, readiness and workers say what is.
#[tokio::test]
async fn figures() {
    let server = Server::start();
    let mut hand = server.run().await;
    server.start().await;
    // What ends the stream has been announced to everyone.
    let mut stream = server.stream(&format!("/task-status/{}", hand.task)).await;
    hand.tell([log("x")]).await;
    hand.succeed(json!(1).into()).await;
    stream.rest().await;
    let stats = server.get("/stats").await.json();
    assert_eq!(stats["due"], 1);
    assert!(stats["tasks"].as_array().unwrap().contains(&json!({"flow": "poem_flow", "state": "queued", "count": 1})));
    let ready = server.get("/readyz").await.json();
    assert_eq!(
        (&ready["ready"], &ready["missing_workers"], &ready["unknown_flows"]),
        (&json!(true), &json!(true), &json!([]))
    );
    assert_eq!(ready["may_lose_seconds"], 0);
    assert_eq!(server.get("/workers").await.json(), json!({"items": [], "next": null}));
    assert_eq!(server.get("/metrics").await.status, 404, "nothing was wired in");
}

/// Goal: Prometheus is told what is now, and how long each route took.
#[tokio::test]
async fn metrics() {
    let recorder = PrometheusBuilder::new().install_recorder().unwrap();
    let render_metrics = Some(Arc::new(move || recorder.render()) as caudal_web::RenderMetrics);
    let settings = WebSettings { render_metrics, ..WebSettings::default() };
    let server = Server::with(Platform::default(), settings.clone());
    let probed = Server::with(server.platform.clone(), WebSettings { served: Served::Health, ..settings });
    let task = server.start().await;
    let mut stream = server.stream(&format!("/task-status/{task}/")).await;
    stream.next().await.unwrap();
    let answer = server.get("/metrics").await;
    let text = String::from_utf8(answer.body).unwrap();
    for line in [
        "caudal_tasks{flow=\"poem_flow\",state=\"queued\"} 1",
        "caudal_queue_depth 1",
        "caudal_watchers 1",
        "caudal_store_up 1",
        "route=\"/task-status/{id}\",status=\"200\"",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let seen_by_probes = String::from_utf8(probed.get("/metrics").await.body).unwrap();
    assert!(seen_by_probes.contains("caudal_watchers 1"), "whoever watches on the other address: {seen_by_probes}");
    server
        .platform
        .engine
        .store
        .control(&Default::default(), task, caudal_engine::ports::Control::Cancel)
        .await
        .unwrap();
    let text = String::from_utf8(server.get("/metrics").await.body).unwrap();
    assert!(text.contains("caudal_tasks{flow=\"poem_flow\",state=\"queued\"} 0"), "a count that fell is shown: {text}");
}
