//! Every way in which a notification comes to be, as real flows and programs use them.

use caudal_tests::{Hook, MailSink};
use serde_json::{Value, json};

use crate::place::{Mode, Plan, start_task};

in_both_modes!(
    ends_are_told_to_whom_asked,
    a_question_is_told,
    a_flow_tells_once,
    failures_are_told_by_default,
    other_programs_send,
    long_results_are_cut,
);

fn template_and_to(notification: &Value) -> (String, String) {
    let text = |name: &str| notification[name].as_str().unwrap_or_default().to_owned();
    (text("template"), text("to"))
}

fn sorted(mut pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    pairs.sort();
    pairs
}

/// Goal: who asked at the start hears of the end, and only of the ends that were asked for.
async fn ends_are_told_to_whom_asked(mode: Mode) {
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).start().await;
    let client = place.client();
    let wish = json!({ "notify": { "email": ["ana@example.org", "Ben <ben@example.org>"], "on": ["failure"] } });
    let fine = start_task(&client, "tell_flow", json!({ "text": "fine" }), wish.clone()).await;
    let failing = start_task(&client, "tell_flow", json!({ "failure": "no paper" }), wish).await;
    assert_eq!(client.ended(&fine).await["state"], "SUCCESS");
    let taken = sink.received(2).await;
    assert_eq!(client.ended(&failing).await["state"], "FAILURE");
    assert!(place.list(&format!("task={fine}")).await.is_empty(), "nobody asked for it");
    assert!(taken.iter().all(|mail| mail.subject == "Tell has failed"), "{taken:?}");
    let told = place.list(&format!("task={failing}")).await;
    let to = |name: &str| ("task_failed".to_owned(), format!("{name}@example.org"));
    assert_eq!(sorted(told.iter().map(template_and_to).collect()), [to("ana"), to("ben")]);
    let shown = place.notification(told[0]["notification_id"].as_str().unwrap()).await;
    assert!(shown["mail"]["text"].as_str().unwrap().contains("no paper"), "{shown}");
}

/// Goal: a question reaches those who can answer, with the question and the way to it; the answer ends the wait.
async fn a_question_is_told(mode: Mode) {
    let sink = MailSink::start().await;
    let hook = Hook::answering(&[]).await;
    let place = Plan::sending_to(mode, &sink).set("WEBHOOK_ALLOW_PRIVATE", true).start().await;
    let client = place.client();
    let wish = json!({ "notify": { "email": ["ana@example.org"], "webhook": hook.url(), "on": ["waiting"] } });
    let task = start_task(&client, "tell_flow", json!({ "question": "Send it?" }), wish).await;
    assert_eq!(sink.received(1).await[0].subject, "Tell waits for your answer");
    let call = hook.called(1).await.remove(0).json();
    assert_eq!((&call["type"], &call["data"]["event"]["question"]), (&json!("approval.asked"), &json!("Send it?")));
    let waiting = client.reached(&task, "WAITING").await;
    let question = waiting["details"]["waiting"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(client.signal(&task, &question, &json!({ "approved": true })).await.status, 200);
    assert_eq!(client.ended(&task).await["state"], "SUCCESS");
    let told = place.list(&format!("task={task}")).await;
    assert_eq!(told.len(), 2, "a flow that runs again from its top asks once: {told:?}");
    let mail = told.iter().find(|told| told["channel"] == "mail").unwrap();
    let shown = place.notification(mail["notification_id"].as_str().unwrap()).await;
    assert!(shown["mail"]["text"].as_str().unwrap().contains("Send it?"), "{shown}");
}

/// Goal: what a flow sends by its code is sent once, though it parks behind it and its function runs again.
async fn a_flow_tells_once(mode: Mode) {
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).start().await;
    let client = place.client();
    let to = ["ana@example.org", "Ana <ANA@example.org>", "ben@example.org"];
    let inputs = json!({ "to": to, "subject": "It rains", "text": "Take an umbrella.", "question": "Is it dry?" });
    let task = start_task(&client, "tell_flow", inputs, json!({})).await;
    sink.received(2).await;
    let waiting = client.reached(&task, "WAITING").await;
    let question = waiting["details"]["waiting"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(client.signal(&task, &question, &json!({ "approved": true })).await.status, 200);
    assert_eq!(client.ended(&task).await["state"], "SUCCESS");
    let told = place.list(&format!("task={task}")).await;
    assert_eq!(told.len(), 2, "each address once: {told:?}");
    for told in &told {
        place.becomes(told["notification_id"].as_str().unwrap(), "sent").await;
    }
    assert!(sink.taken().iter().all(|mail| mail.subject == "It rains") && sink.taken().len() == 2);
}

/// Goal: the settings' addresses hear of failures that nobody asked about, of the flows that they are for.
async fn failures_are_told_by_default(mode: Mode) {
    let sink = MailSink::start().await;
    let addresses = "ops@example.org, tell_flow=boss@example.org, wait_flow=nobody@example.org, *=all@example.org";
    let place = Plan::sending_to(mode, &sink).set("NOTIFY_ON_FAILURE", addresses).start().await;
    let task = place.client().start("tell_flow", json!({ "failure": "no paper" })).await;
    sink.received(3).await;
    let told = place.list(&format!("task={task}")).await;
    let to = |name: &str| ("task_failed".to_owned(), format!("{name}@example.org"));
    assert_eq!(sorted(told.iter().map(template_and_to).collect()), [to("all"), to("boss"), to("ops")]);
}

/// Goal: another program's mails are stored when it is answered, each address once; a repeat sends nothing more.
async fn other_programs_send(mode: Mode) {
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).start().await;
    let client = place.client();
    let asked = json!({
        "to": ["ana@example.org", "Ben <ben@example.org>"], "template": "plain", "locale": "es",
        "context": { "subject": "Llueve", "text": "Lleva un paraguas." },
    });
    let post = |body: Value| {
        let request = client.request("POST", "/notifications").header("Idempotency-Key", "rain-7");
        client.send(request.header("Content-Type", "application/json").body(body.to_string()))
    };
    let first = post(asked.clone()).await.ok();
    let repeated = post(asked.clone()).await.ok();
    assert_eq!(first, repeated);
    let mut other = asked;
    other["context"]["text"] = json!("Otra cosa.");
    assert_eq!(post(other).await.status, 409);
    for id in first["notification_ids"].as_array().unwrap() {
        place.becomes(id.as_str().unwrap(), "sent").await;
    }
    let mut to: Vec<_> = sink.taken().into_iter().map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(to, ["ana@example.org", "ben@example.org"]);
}

/// Goal: of a long result a mail has the beginning, says that there is more, and leads to it.
async fn long_results_are_cut(mode: Mode) {
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).start().await;
    let wish = json!({ "notify": { "email": ["ana@example.org"] } });
    let text = "0123456789".repeat(4_000);
    let task = start_task(&place.client(), "tell_flow", json!({ "text": text }), wish).await;
    sink.received(1).await;
    let told = place.list(&format!("task={task}")).await.remove(0);
    let shown = place.notification(told["notification_id"].as_str().unwrap()).await;
    let said = shown["mail"]["text"].as_str().unwrap();
    assert!(said.contains(&text[..16 * 1024]) && !said.contains(&text[..16 * 1024 + 1]), "cut at 16 KiB");
    assert!(said.contains("there is more") && said.contains(&format!("/#/tasks/{task}")));
}
