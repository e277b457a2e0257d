//! Calls: signed so that receivers can check them, made again until they are heard, and never to where they must not go.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use caudal_tests::{Call, Hook, MailSink, now_ms};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::place::{Mode, Place, Plan, start_task};

in_both_modes!(calls_are_signed, calls_are_made_again, gone_is_gone, private_places_are_not_called);

const KEY: &[u8; 32] = b"a key that only these two know..";

async fn place_that_calls(mode: Mode, sink: &MailSink) -> Place {
    let secret = format!("whsec_{}", STANDARD.encode(KEY));
    let plan = Plan::sending_to(mode, sink).set("WEBHOOK_SECRET", secret).set("WEBHOOK_ALLOW_PRIVATE", true);
    plan.start().await
}

async fn task_that_calls(place: &Place, url: &str) -> String {
    let wish = json!({ "notify": { "webhook": url, "on": ["success"] } });
    start_task(&place.client(), "tell_flow", json!({ "text": "fine" }), wish).await
}

/// HMAC as RFC 2104 writes it down, of nothing that the product uses but the hash.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let padded = |with: u8| (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ with).collect::<Vec<u8>>();
    let inner = Sha256::digest([padded(0x36), text.to_vec()].concat());
    Sha256::digest([padded(0x5c), inner.to_vec()].concat()).to_vec()
}

fn assert_signed(call: &Call) {
    let signed = format!("{}.{}.{}", call.header("webhook-id"), call.header("webhook-timestamp"), call.body);
    let signature = format!("v1,{}", STANDARD.encode(hmac(KEY, signed.as_bytes())));
    assert_eq!(call.header("webhook-signature"), signature);
    let age = now_ms() / 1_000 - call.header("webhook-timestamp").parse::<i64>().unwrap();
    assert!((0..300).contains(&age), "receivers refuse what is older than five minutes: {age} s");
}

/// The one notification of a task.
async fn told(place: &Place, task: &str) -> Value {
    caudal_tests::until("it is told", || async { place.list(&format!("task={task}")).await.pop() }).await
}

fn id_of(told: &Value) -> &str {
    told["notification_id"].as_str().unwrap()
}

/// Goal: the call says what happened and how the task stands, and its signature is what Standard Webhooks says.
async fn calls_are_signed(mode: Mode) {
    let (sink, hook) = (MailSink::start().await, Hook::answering(&[]).await);
    let place = place_that_calls(mode, &sink).await;
    let task = task_that_calls(&place, &hook.url()).await;
    let call = hook.called(1).await.remove(0);
    assert_signed(&call);
    assert_eq!(call.header("content-type"), "application/json");
    let body = call.json();
    assert_eq!((&body["type"], &body["data"]["task_id"]), (&json!("task.succeeded"), &json!(task)), "{body}");
    assert_eq!(body["data"]["flow"], "tell_flow");
    assert_eq!(body["data"]["event"]["kind"], "task.succeeded");
    assert_eq!(body["data"]["task"]["state"], "SUCCESS", "{body}");
    assert_eq!(body["data"]["task"]["details"]["final_result"], "fine", "{body}");
    let sent = place.becomes(id_of(&told(&place, &task).await), "sent").await;
    assert_eq!(sent["notification_id"], call.header("webhook-id"));
}

/// Goal: a receiver in trouble is called again, each time signed anew under the same id, until it says that it heard.
async fn calls_are_made_again(mode: Mode) {
    let answers = ["503 Service Unavailable", "302 Found\r\nLocation: http://127.0.0.1:1/", "500 Oh No"];
    let (sink, hook) = (MailSink::start().await, Hook::answering(&answers).await);
    let place = place_that_calls(mode, &sink).await;
    let task = task_that_calls(&place, &hook.url()).await;
    let told = told(&place, &task).await;
    let sent = place.becomes(id_of(&told), "sent").await;
    assert_eq!(sent["attempts"], 4);
    let calls = hook.calls();
    assert_eq!(calls.len(), 4);
    calls.iter().for_each(assert_signed);
    assert!(calls.iter().all(|call| call.header("webhook-id") == id_of(&told)));
}

/// Goal: a receiver that says it is gone is not called again; its words are kept.
async fn gone_is_gone(mode: Mode) {
    let (sink, hook) = (MailSink::start().await, Hook::answering(&["410 Gone"]).await);
    let place = place_that_calls(mode, &sink).await;
    let task = task_that_calls(&place, &hook.url()).await;
    let failed = place.becomes(id_of(&told(&place, &task).await), "failed").await;
    assert_eq!((&failed["error"], &failed["attempts"]), (&json!("410 Gone"), &json!(1)), "{failed}");
    assert_eq!(hook.calls().len(), 1);
}

/// Goal: a stranger's URL cannot make us call what only this machine or its network can reach, however it is written.
async fn private_places_are_not_called(mode: Mode) {
    let (sink, hook) = (MailSink::start().await, Hook::answering(&[]).await);
    let place = Plan::sending_to(mode, &sink).start().await;
    let port = hook.url().trim_end_matches("/hook").rsplit_once(':').unwrap().1.to_owned();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "2130706433",
        "0x7f.1",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.1.1",
        "[fd00::1]",
    ] {
        let task = task_that_calls(&place, &format!("http://{host}:{port}/hook")).await;
        let failed = place.becomes(id_of(&told(&place, &task).await), "failed").await;
        assert!(failed["error"].as_str().unwrap().contains("not on the public internet"), "{host}: {failed}");
        assert_eq!(failed["attempts"], 1);
    }
    assert!(hook.calls().is_empty());
}
