//! Bodies that nobody should send. What can be told apart without a process is told apart in `web`; here the point is
//! that the process survives it, accepts nothing, and goes on.

use caudal_tests::{Answer, Server, setup};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let problem = answer.json();
    assert_eq!((&problem["code"], &problem["status"]), (&json!(code), &json!(status)), "{problem}");
    assert!(!problem["title"].as_str().unwrap().is_empty());
    assert_eq!(problem["error"], problem["detail"], "existing clients read 'error'");
    problem
}

async fn assert_nothing_was_started(server: &Server) {
    assert_eq!(server.client().get("/tasks").await.ok()["items"], json!([]));
    let task = server.client().start("count_words_flow", json!({ "text": "still here" })).await;
    server.client().reached(&task, "SUCCESS").await;
}

/// Goal: neither depth nor size nor broken text takes the process down or starts anything.
#[tokio::test]
async fn monstrous_bodies_are_refused() {
    let server = setup!().start().await;
    let client = server.client();
    let nested = |open: &str, close: &str| {
        let deep = open.repeat(20_000) + "1" + &close.repeat(20_000);
        format!(r#"{{"flow":"count_words_flow","inputs":{{"text":{deep}}}}}"#)
    };
    for body in [nested("[", "]"), nested("{\"a\":", "}")] {
        refused(&client.post_text("/start-task", body).await, 400, "invalid_json");
    }
    let long = json!({ "flow": "count_words_flow", "inputs": { "text": "a".repeat(10 << 20) } }).to_string();
    refused(&client.post_text("/start-task", long).await, 413, "too_large");
    let mut not_utf8 = br#"{"flow":"count_words_flow","inputs":{"text":""#.to_vec();
    not_utf8.extend_from_slice(&[0xff, 0xfe, 0xc3, 0x28]);
    not_utf8.extend_from_slice(br#""}}"#);
    refused(&client.post_text("/start-task", not_utf8).await, 400, "invalid_json");
    for body in ["", "{", "[]", "null", "\"text\"", "{\"flow\":\"count_words_flow\",\"flow\":\"tour_flow\"}", "{} {}"] {
        refused(&client.post_text("/start-task", body).await, 400, "invalid_json");
    }
    assert_nothing_was_started(&server).await;
}

/// Goal: a depth that our own answers could not show is not accepted through any door.
#[tokio::test]
async fn a_deep_signal_is_refused() {
    let server = setup!().start().await;
    let client = server.client();
    let task = client.start("wait_flow", json!({})).await;
    client.reached(&task, "WAITING").await;
    let deep = "[".repeat(20_000) + &"]".repeat(20_000);
    refused(&client.post_text(&format!("/tasks/{task}/signals/go"), deep).await, 400, "invalid_json");
    refused(&client.post_text(&format!("/tasks/{task}/signals/go"), "a".repeat(2 << 20)).await, 413, "too_large");
    assert_eq!(client.signal(&task, "go", &json!("now")).await.status, 200);
    client.reached(&task, "SUCCESS").await;
}

/// Goal: any Unicode is text, NUL too: it comes back as it was sent, through the store and the stream.
#[tokio::test]
async fn odd_text_is_kept_as_it_is() {
    let server = setup!().start().await;
    let client = server.client();
    let text = "nul \u{0} rtl \u{202e} astral 𝒳 newline \r\n ls \u{2028} bom \u{feff}";
    let task = client.start("wait_flow", json!({})).await;
    client.reached(&task, "WAITING").await;
    assert_eq!(client.signal(&task, "go", &json!(text)).await.status, 200);
    assert_eq!(client.reached(&task, "SUCCESS").await["details"]["final_result"], text);
}

/// Goal: connections that are not HTTP, or half of it, harm nobody.
#[tokio::test]
async fn broken_connections_harm_nobody() {
    let server = setup!().start().await;
    let half_body = "POST /start-task HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"flow\":";
    for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"GET /", b"\0\0\0\0\r\n\r\n", half_body.as_bytes()] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // Whether it is answered or hung up on is the server's affair.
        let _hung_up = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_nothing_was_started(&server).await;
}
