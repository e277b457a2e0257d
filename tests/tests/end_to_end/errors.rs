//! Each row of the wire contract's table of errors that one machine without authentication can show. (401 and the role's
//! 403 are in `web/tests/access.rs`; `flow_not_configured` and `archive_behind` belong to parts that come later; 503 is in `disk.rs`.)

use caudal_tests::{Answer, Client, setup};
use serde_json::{Value, json};

const UNKNOWN: &str = "01a1fca7-c6c6-8000-a5da-8e1cb44e22c6";

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["code"], code, "{problem}");
    problem
}

/// Goal: what is wrong with a start is said by a code, and where by a path.
#[tokio::test]
async fn bad_starts() {
    let server = setup!().start().await;
    let client = server.client();
    let start = async |body: Value| client.post("/start-task", &body).await;
    refused(&start(json!({ "inputs": {} })).await, 400, "missing_flow");
    let unknown = refused(&start(json!({ "flow": "nobody_flow" })).await, 400, "unknown_flow");
    assert!(unknown["hint"].as_str().unwrap().contains("count_words_flow"), "{unknown}");
    let field = refused(&start(json!({ "flow": "bench_flow", "colour": "red" })).await, 400, "unknown_field");
    assert!(field["detail"].as_str().unwrap().contains("colour"), "{field}");
    let inputs =
        refused(&start(json!({ "flow": "slow_flow", "inputs": { "steps": "ten" } })).await, 400, "invalid_inputs");
    assert_eq!(inputs["errors"][0]["path"], "/steps", "{inputs}");
    let both = json!({ "flow": "slow_flow", "inputs": { "steps": -1, "step_ms": 1.5 } });
    assert_eq!(refused(&start(both).await, 400, "invalid_inputs")["errors"].as_array().unwrap().len(), 2);
    assert_eq!(client.get("/tasks").await.ok()["items"], json!([]));
}

/// Goal: one bad task among many is refused alone, at its place.
#[tokio::test]
async fn bad_starts_among_good_ones() {
    let server = setup!().start().await;
    let client = server.client();
    let good = json!({ "flow": "bench_flow" });
    let body = json!({ "tasks": [good, { "flow": "nobody_flow" }, good] });
    let items = client.post("/start-tasks", &body).await.ok()["items"].clone();
    assert_eq!(items[1]["code"], "unknown_flow");
    for place in [0, 2] {
        client.reached(items[place]["task_id"].as_str().unwrap(), "SUCCESS").await;
    }
    let too_many = json!({ "tasks": vec![good; 1_001] });
    refused(&client.post("/start-tasks", &too_many).await, 400, "invalid_inputs");
}

/// Goal: the frame of a request: method, content type, host, path.
#[tokio::test]
async fn bad_frames() {
    let server = setup!().start().await;
    let client = server.client();
    let method = client.send(client.request("DELETE", "/start-task")).await;
    refused(&method, 405, "method_not_allowed");
    assert!(method.headers["allow"].to_str().unwrap().contains("POST"));
    let form =
        client.request("POST", "/start-task").header("Content-Type", "text/plain").body(r#"{"flow":"bench_flow"}"#);
    refused(&client.send(form).await, 415, "unsupported_media_type");
    let elsewhere = client.request("GET", "/tasks").header("Host", "evil.example.org");
    refused(&client.send(elsewhere).await, 421, "unknown_host");
    refused(&client.get("/nothing/here").await, 404, "not_found");
    for path in ["/start-task", "/start-task/"] {
        client.post(path, &json!({ "flow": "bench_flow" })).await.ok();
    }
}

/// Goal: a task that is not there is 404 behind each path, whether its id could be one or not.
#[tokio::test]
async fn unknown_ids() {
    let server = setup!().start().await;
    let client = server.client();
    for id in [UNKNOWN, "1", "not-an-id", "%00", "..%2F..%2Fetc%2Fpasswd", &"a".repeat(2_000)] {
        for path in [format!("/task-status/{id}/"), format!("/tasks/{id}"), format!("/tasks/{id}/events")] {
            assert_eq!(client.get(&path).await.status, 404, "{path}");
        }
        for path in [format!("/tasks/{id}/cancel"), format!("/tasks/{id}/signals/go")] {
            assert_eq!(client.post(&path, &json!({})).await.status, 404, "{path}");
        }
    }
}

/// Goal: a browser's request that changes something needs the token; curl's does not.
#[tokio::test]
async fn requests_of_browsers_need_a_token() {
    let server = setup!().start().await;
    let client = server.client();
    let origin = format!("http://{}", server.address());
    let start = |client: &Client| {
        let request = client.request("POST", "/start-task").header("Content-Type", "application/json");
        request.header("Origin", origin.clone()).body(r#"{"flow":"bench_flow"}"#)
    };
    refused(&client.send(start(&client)).await, 403, "csrf");
    let given = client.get("/csrf").await;
    let cookie = given.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let token = cookie.strip_prefix("csrftoken=").unwrap().to_owned();
    client.send(start(&client).header("Cookie", &cookie).header("X-CSRFToken", &token)).await.ok();
    let forged = start(&client).header("Cookie", "csrftoken=made-up").header("X-CSRFToken", "made-up");
    refused(&client.send(forged).await, 403, "csrf");
}

/// Goal: an idempotency key starts one task whatever happens, and refuses another body; also after a crash.
#[tokio::test]
async fn idempotency_keys_outlive_a_crash() {
    let mut server = setup!().start().await;
    let client = server.client();
    let start = async |client: &Client, body: Value| {
        let request = client.request("POST", "/start-task").header("Content-Type", "application/json");
        client.send(request.header("Idempotency-Key", "report-7").body(body.to_string())).await
    };
    let body = json!({ "flow": "slow_flow", "inputs": { "steps": 1, "step_ms": 10 } });
    let first = start(&client, body.clone()).await.ok();
    assert_eq!(start(&client, body.clone()).await.ok()["task_id"], first["task_id"]);
    server.kill9();
    server.restart().await;
    assert_eq!(start(&client, body).await.ok()["task_id"], first["task_id"]);
    refused(&start(&client, json!({ "flow": "bench_flow" })).await, 409, "idempotency_conflict");
    assert_eq!(client.get("/tasks").await.ok()["items"].as_array().unwrap().len(), 1);
}

/// Goal: a control that the state does not allow is 409 and says why; a second answer is told apart.
#[tokio::test]
async fn wrong_states() {
    let server = setup!().start().await;
    let client = server.client();
    let ended = client.start("bench_flow", json!({})).await;
    client.reached(&ended, "SUCCESS").await;
    for control in ["cancel", "pause", "resume"] {
        let answer = client.post(&format!("/tasks/{ended}/{control}"), &json!({})).await;
        refused(&answer, 409, "wrong_state");
    }
    refused(&client.signal(&ended, "go", &json!("late")).await, 409, "wrong_state");
    let waiting = client.start("wait_flow", json!({})).await;
    client.reached(&waiting, "WAITING").await;
    let running = client.send(client.request("DELETE", &format!("/tasks/{waiting}"))).await;
    refused(&running, 409, "wrong_state");
    client.post(&format!("/tasks/{waiting}/cancel"), &json!({})).await.ok();
    client.post(&format!("/tasks/{waiting}/cancel"), &json!({})).await.ok();
    assert_eq!(client.ended(&waiting).await["state"], "CANCELLED");
}

/// Goal: limits answer 429, start nothing, and say when to come again. Parked tasks take no place in the line.
#[tokio::test]
async fn limits_say_when_to_come_again() {
    let server = setup!().flag("line-per-tenant", 2).flag("pending-signals-per-name", 2).start().await;
    let client = server.client();
    let parked = client.start("wait_flow", json!({ "sleep_seconds": 3600 })).await;
    client.reached(&parked, "WAITING").await;
    let later = json!({ "flow": "bench_flow", "delay_seconds": 3600 });
    for _ in 0..2 {
        client.post("/start-task", &later).await.ok();
    }
    let full = client.post("/start-task", &later).await;
    refused(&full, 429, "line_full");
    assert!(full.headers.contains_key("retry-after"));
    assert_eq!(client.get("/tasks").await.ok()["items"].as_array().unwrap().len(), 3);

    for _ in 0..2 {
        assert_eq!(client.signal(&parked, "go", &json!("x")).await.status, 200);
    }
    let too_many = client.signal(&parked, "go", &json!("x")).await;
    assert!(too_many.status == 429 && too_many.headers.contains_key("retry-after"), "{too_many:?}");
}
