//! What keeps a loop from flooding people, and one request from flooding the outbox.

use caudal_tests::MailSink;
use serde_json::json;

use crate::place::{Mode, Plan};

in_both_modes!(an_address_gets_so_many_an_hour, a_thousand_recipients_are_refused);

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
    let ended = caudal_tests::until("all have ended", all_ended).await;
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
