//! Calls: signed so that receivers can check them, made again until they are heard, and never to where they must not go.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use caudal_engine::task::Timestamp;
use caudal_tests::{Call, Hook, MailSink, now_ms, python};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::place::{Mode, Place, Plan, start_task};

in_both_modes!(
    calls_are_signed,
    long_results_are_kept_once,
    receivers_can_check,
    calls_are_made_again,
    who_asks_for_patience_gets_it,
    who_never_hears_is_given_up,
    gone_is_gone,
    a_slow_receiver_holds_up_no_other,
    private_places_are_not_called,
);

const KEY: &[u8; 32] = b"a key that only these two know..";

fn plan_that_calls(mode: Mode, sink: &MailSink) -> Plan {
    let secret = format!("whsec_{}", STANDARD.encode(KEY));
    Plan::sending_to(mode, sink).set("WEBHOOK_SECRET", secret).set("WEBHOOK_ALLOW_PRIVATE", true)
}

async fn place_that_calls(mode: Mode, sink: &MailSink) -> Place {
    plan_that_calls(mode, sink).start().await
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

/// The key of whoever is called there, made of ours.
fn key_of(hook: &Hook) -> Vec<u8> {
    let url = hook.url();
    hmac(KEY, format!("webhook:{}", url.trim_end_matches("/hook")).as_bytes())
}

fn assert_signed(hook: &Hook, call: &Call) {
    let signed = format!("{}.{}.{}", call.header("webhook-id"), call.header("webhook-timestamp"), call.body);
    let signature = format!("v1,{}", STANDARD.encode(hmac(&key_of(hook), signed.as_bytes())));
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
    assert_signed(&hook, &call);
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

/// Goal: of a long result the outbox keeps the beginning and says so; the call brings the whole of it with the task.
async fn long_results_are_kept_once(mode: Mode) {
    let (sink, hook) = (MailSink::start().await, Hook::answering(&[]).await);
    let place = place_that_calls(mode, &sink).await;
    let wish = json!({ "notify": { "webhook": hook.url(), "on": ["success"] } });
    let text = "0123456789".repeat(30 * 1024);
    let task = start_task(&place.client(), "tell_flow", json!({ "text": text }), wish).await;
    let call = hook.called(1).await.remove(0);
    assert_signed(&hook, &call);
    let body = call.json();
    let kept = place.notification(id_of(&told(&place, &task).await)).await;
    for event in [&kept["event"], &body["data"]["event"]] {
        assert_eq!((&event["result"], &event["result_is_cut"]), (&json!(text[..16 * 1024]), &json!(true)));
    }
    assert_eq!(body["data"]["task"]["details"]["final_result"], text);
}

/// What `docs/webhooks.md` tells receivers to do, in Python: whether it says that the call is ours.
fn page_says(secret: &str, call: &Call) -> Option<bool> {
    let page = include_str!("../../../docs/webhooks.md");
    let code = page.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| (name, call.header(name)));
    let asked =
        json!({ "secret": secret, "headers": headers.into_iter().collect::<BTreeMap<_, _>>(), "body": call.body });
    let main = "import json, sys\nasked = json.load(sys.stdin)\n\
                print(is_ours(asked['secret'], asked['headers'], asked['body'].encode()))\n";
    let said = python(&format!("{code}\n{main}"), asked.to_string().as_bytes())?;
    Some(match said.trim() {
        "True" => true,
        "False" => false,
        other => panic!("{other}"),
    })
}

/// Goal: an administrator gets a receiver's secret from the command line, and with it, by what our page says, the receiver
/// knows our calls: also while the key is changed, whichever of the two it has; with that of another it does not.
async fn receivers_can_check(mode: Mode) {
    let (sink, hook) = (MailSink::start().await, Hook::answering(&[]).await);
    let [now, before] = [*KEY, [7; 32]].map(|key| format!("whsec_{}", STANDARD.encode(key)));
    let plan = Plan::sending_to(mode, &sink).set("WEBHOOK_SECRET", &now).set("WEBHOOK_SECRET_BEFORE", before);
    let place = plan.set("WEBHOOK_ALLOW_PRIVATE", true).start().await;
    let shown = |url: &str| {
        let shown = place.command_line(&["webhook-secret", url]);
        assert!(shown.status.success(), "{shown:?}");
        String::from_utf8(shown.stdout).unwrap()
    };
    let secrets = shown(&hook.url());
    let (current, earlier) = secrets.trim().split_once("\nbefore: ").unwrap();
    assert_eq!(current, format!("whsec_{}", STANDARD.encode(key_of(&hook))));
    assert_eq!(secrets, shown(&hook.url().replace("/hook", "/other")), "it is the receiver's, not the path's");
    task_that_calls(&place, &hook.url()).await;
    let call = hook.called(1).await.remove(0);
    let anothers = shown("https://another.example");
    let anothers = anothers.lines().next().unwrap();
    for (secret, is_ours) in [(current, true), (earlier, true), (anothers, false), (&*now, false)] {
        assert_eq!(page_says(secret, &call).unwrap_or(is_ours), is_ours, "{secret}");
    }
    assert_eq!(place.command_line(&["webhook-secret", "ftp://nowhere"]).status.code(), Some(2));
}

/// Goal: a receiver in trouble is called again, each time signed anew under the same id, until it says that it heard; one
/// that sends us elsewhere is no better: who is named there is never called.
async fn calls_are_made_again(mode: Mode) {
    let (sink, elsewhere) = (MailSink::start().await, Hook::answering(&[]).await);
    let [found, temporary] =
        ["302 Found", "307 Temporary Redirect"].map(|words| format!("{words}\r\nLocation: {}", elsewhere.url()));
    let hook = Hook::answering(&["503 Service Unavailable", &found, &temporary, "500 Oh No"]).await;
    let place = place_that_calls(mode, &sink).await;
    let task = task_that_calls(&place, &hook.url()).await;
    let told = told(&place, &task).await;
    let sent = place.becomes(id_of(&told), "sent").await;
    assert_eq!(sent["attempts"], 5);
    let calls = hook.calls();
    assert_eq!(calls.len(), 5);
    calls.iter().for_each(|call| assert_signed(&hook, call));
    assert!(calls.iter().all(|call| call.header("webhook-id") == id_of(&told)));
    assert!(elsewhere.calls().is_empty(), "{:?}", elsewhere.calls());
}

/// Goal: a receiver that says when it wants to be called again is not called before.
async fn who_asks_for_patience_gets_it(mode: Mode) {
    let sink = MailSink::start().await;
    let hook = Hook::answering(&["429 Too Many Requests\r\nRetry-After: 3600"]).await;
    let place = plan_that_calls(mode, &sink).set("NOTIFICATION_LONGEST_RETRY_SECONDS", 7_200).start().await;
    let asked_ms = now_ms();
    let task = task_that_calls(&place, &hook.url()).await;
    let deferred = place.becomes(id_of(&told(&place, &task).await), "deferred").await;
    assert_eq!((&deferred["error"], &deferred["attempts"]), (&json!("429 Too Many Requests"), &json!(1)), "{deferred}");
    let due: Timestamp = serde_json::from_value(deferred["due_at"].clone()).unwrap();
    assert!(due.as_millis() - asked_ms >= 3_600_000, "{deferred}");
    assert_eq!(hook.calls().len(), 1);
}

/// Goal: a receiver that never hears is given up in the end, and what it said is kept.
async fn who_never_hears_is_given_up(mode: Mode) {
    let (sink, hook) = (MailSink::start().await, Hook::answering(&["503 Service Unavailable"; 100]).await);
    let place = plan_that_calls(mode, &sink).set("NOTIFICATION_GIVE_UP_SECONDS", 3).start().await;
    let task = task_that_calls(&place, &hook.url()).await;
    let failed = place.becomes(id_of(&told(&place, &task).await), "failed").await;
    let words = failed["error"].as_str().unwrap();
    assert!(words.starts_with("given up after") && words.ends_with("503 Service Unavailable"), "{failed}");
    assert_eq!(failed["attempts"], hook.calls().len());
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

/// Goal: a receiver that takes its time has a quarter of the calls and no more: another is called at once, and each call that
/// had to wait is made once, uncounted until then.
async fn a_slow_receiver_holds_up_no_other(mode: Mode) {
    const CALLS: usize = 20;
    let (sink, slow, good) = (MailSink::start().await, Hook::holding().await, Hook::answering(&[]).await);
    let plan = Plan::sending_to(mode, &sink).set("WEBHOOK_ALLOW_PRIVATE", true).set("WEBHOOK_SECONDS", 600);
    let place = plan.set("WEBHOOK_CONCURRENCY", 8).start().await;
    for _ in 0..CALLS {
        task_that_calls(&place, &slow.url()).await;
    }
    slow.called(2).await;
    let task = task_that_calls(&place, &good.url_as("localhost")).await;
    good.called(1).await;
    place.becomes(id_of(&told(&place, &task).await), "sent").await;
    assert_eq!(slow.calls().len(), 2, "a quarter of eight");
    slow.answer();
    slow.called(CALLS).await;
    let all_sent = || async { Some(place.list("state=sent").await).filter(|sent| sent.len() == CALLS + 1) };
    let sent = caudal_tests::until("all are sent", all_sent).await;
    assert!(sent.iter().all(|sent| sent["attempts"] == 1), "{sent:?}");
    assert_eq!(slow.calls().len(), CALLS);
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
    // What pages are not fetched from is not called either: the guards are two, what they are tried with is one list.
    let listed = include_str!("../../../models/src/web_page/hostile_addresses.txt").lines();
    let urls: Vec<&str> = listed.filter(|line| !line.starts_with('#')).collect();
    let task = |url| json!({ "flow": "tell_flow", "notify": { "webhook": url, "on": ["success"] } });
    let tasks: Vec<_> = urls.iter().map(task).collect();
    let started = place.client().post("/start-tasks", &json!({ "tasks": tasks })).await.ok();
    for (url, item) in urls.iter().zip(started["items"].as_array().unwrap()) {
        // Some are no URL of a webhook at all.
        let Some(task) = item["task_id"].as_str() else { continue };
        let failed = place.becomes(id_of(&told(&place, task).await), "failed").await;
        assert!(failed["error"].as_str().unwrap().contains("not on the public internet"), "{url}: {failed}");
    }
    assert!(hook.calls().is_empty());
}
