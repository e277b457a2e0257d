//! What keeps a loop from flooding people, and one request from flooding the outbox.

use caudal_tests::{MailSink, until};
use serde_json::json;

use crate::place::{Mode, Plan, start_task};

in_both_modes!(
    an_address_gets_so_many_an_hour,
    sent_again_by_hand_it_counts,
    a_thousand_recipients_are_refused,
    a_full_outbox_takes_nothing_more,
);

/// Goal: beyond its limit an address gets no more mails this hour, however it is written; others still do.
async fn an_address_gets_so_many_an_hour(mode: Mode) {
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).set("MAILS_PER_HOUR_PER_ADDRESS", 3).start().await;
    // The count is of the clock's hours: a test that runs across one may see another.
    let mut ids = Vec::new();
    for n in 0..5 {
        let to = if n % 2 == 0 { "ana@example.org" } else { "Ana <ANA@example.org>" };
        ids.push(place.send(to, "Again", "Hola").await);
    }
    let all_ended = || async { Some(place.list("state=sent,suppressed").await).filter(|ended| ended.len() == 5) };
    let ended = until("all have ended", all_ended).await;
    let suppressed: Vec<_> = ended.iter().filter(|told| told["state"] == "suppressed").collect();
    assert_eq!(suppressed.len(), 2, "{ended:?}");
    assert!(suppressed.iter().all(|told| told["error"].as_str().unwrap().contains("gets no more")), "{suppressed:?}");
    let other = place.send("ben@example.org", "Hello", "Hola").await;
    place.becomes(&other, "sent").await;
    assert_eq!(sink.taken().len(), 4);
}

/// Goal: too many recipients are refused as a whole, saying how many are allowed; nothing is stored.
async fn a_thousand_recipients_are_refused(mode: Mode) {
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).start().await;
    let client = place.client();
    let to: Vec<String> = (0..1_000).map(|n| format!("reader{n}@example.org")).collect();
    let context = json!({ "subject": "Hello", "text": "Hola" });
    let refused = client.post("/notifications", &json!({ "to": to, "template": "plain", "context": context })).await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["detail"].as_str().unwrap().contains("1000 addresses; 1 to 20 are allowed"), "{refused:?}");
    let start = json!({ "flow": "tell_flow", "inputs": {}, "notify": { "email": to } });
    let refused = client.post("/start-task", &start).await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["detail"].as_str().unwrap().contains("1000 addresses; at most 20"), "{refused:?}");
    assert!(place.list("").await.is_empty() && client.list("").await.is_empty());
}

/// Goal: a retry by hand is no way around the limit: a mail that was one too many is so again, and a test that sends it over
/// and over floods nobody.
async fn sent_again_by_hand_it_counts(mode: Mode) {
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).set("MAILS_PER_HOUR_PER_ADDRESS", 2).start().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(place.send("ana@example.org", "Again", "Hola").await);
    }
    let suppressed = until("one is suppressed", || async { place.list("state=suppressed").await.pop() }).await;
    let id = suppressed["notification_id"].as_str().unwrap();
    for attempts in 2..4 {
        place.client().post(&format!("/notifications/{id}/retry"), &json!({})).await.ok();
        let tried =
            || async { Some(place.becomes(id, "suppressed").await).filter(|told| told["attempts"] == attempts) };
        until("it is suppressed again", tried).await;
    }
    assert_eq!(sink.taken().len(), 2);
}

/// Goal: while nothing gets through a tenant can ask for so much and no more; tasks that ask for nothing start, and what
/// those tell that had started is not lost.
async fn a_full_outbox_takes_nothing_more(mode: Mode) {
    let mut sink = MailSink::start().await;
    sink.go_down().await;
    let place = Plan::sending_to(mode, &sink).set("OUTBOX_PER_TENANT", 3).start().await;
    let client = place.client();
    let wish = json!({ "notify": { "email": ["ben@example.org"] } });
    let task = start_task(&client, "tell_flow", json!({ "question": "Go on?" }), wish).await;
    let waiting = client.reached(&task, "WAITING").await;
    let question = waiting["details"]["waiting"][0]["id"].as_str().unwrap();
    for subject in ["One", "Two"] {
        place.send("ana@example.org", subject, "Hola").await;
    }
    let context = json!({ "subject": "Three", "text": "Hola" });
    let asked = json!({ "to": "ana@example.org", "template": "plain", "context": context });
    let start = json!({ "flow": "tell_flow", "inputs": {}, "notify": { "email": ["ana@example.org"] } });
    for (path, body) in [("/notifications", &asked), ("/start-task", &start)] {
        let refused = client.post(path, body).await;
        assert_eq!((refused.status, &refused.json()["code"]), (429, &json!("line_full")), "{path}: {refused:?}");
        assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    }
    start_task(&client, "tell_flow", json!({}), json!({})).await;
    assert_eq!(client.signal(&task, question, &json!({ "approved": true })).await.status, 200);
    assert_eq!(client.ended(&task).await["state"], "SUCCESS");
    assert_eq!(place.list("").await.len(), 4, "its end is told");
    sink.come_up().await;
    until("all are sent", || async { (place.list("state=sent").await.len() == 4).then_some(()) }).await;
    place.send("ana@example.org", "There is room again", "Hola").await;
}
