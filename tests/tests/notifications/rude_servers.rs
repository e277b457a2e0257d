//! Mail servers that are away, slow, rude, or hang up: nobody but the mails themselves notices, and those arrive.

use std::collections::BTreeSet;
use std::time::Duration;

use caudal_tests::{Client, MailSink, Manners, Patience};
use serde_json::json;

use crate::place::{Mode, Place, Plan};

in_both_modes!(
    a_server_that_is_down,
    a_server_that_says_nothing,
    a_slow_server,
    a_server_that_stays_slow,
    a_server_that_is_busy,
    a_server_that_hangs_up,
    a_server_that_refuses,
);

const TASKS: usize = 40;

/// Starts tasks that each tell of their end by mail, and waits until all have succeeded. Answers their recipients.
async fn tasks_that_tell(client: &Client) -> BTreeSet<String> {
    let recipients: BTreeSet<String> = (0..TASKS).map(|n| format!("reader{n}@example.org")).collect();
    let task = |to| json!({ "flow": "bench_flow", "inputs": { "steps": 2 }, "notify": { "email": [to] } });
    let tasks: Vec<_> = recipients.iter().map(task).collect();
    let started = client.post("/start-tasks", &json!({ "tasks": tasks })).await.ok();
    for item in started["items"].as_array().unwrap() {
        assert_eq!(client.ended(item["task_id"].as_str().unwrap()).await["state"], "SUCCESS");
    }
    recipients
}

/// Tasks run to their ends and the page answers, while no mail gets through.
async fn nobody_notices(place: &Place, sink: &MailSink) -> BTreeSet<String> {
    let client = place.client();
    let recipients = tasks_that_tell(&client).await;
    assert_eq!(client.get("/readyz").await.status, 200);
    assert_eq!(client.request("GET", "/").send().await.unwrap().status(), 200);
    let unsent = place.list("state=queued,sending,deferred").await;
    assert_eq!(unsent.len(), TASKS, "all mails wait");
    assert!(sink.taken().is_empty());
    recipients
}

/// Waits until each has its mail, and none has it twice.
async fn all_arrive(place: &Place, sink: &MailSink, recipients: &BTreeSet<String>) {
    sink.received(recipients.len()).await;
    caudal_tests::until("all are written down as sent", || async {
        (place.list("state=sent").await.len() == recipients.len()).then_some(())
    })
    .await;
    let taken = sink.taken();
    assert_eq!(taken.len(), recipients.len(), "each arrives once");
    assert_eq!(&taken.into_iter().map(|mail| mail.to).collect::<BTreeSet<_>>(), recipients);
}

/// Goal: while the server is down tasks and page go on; when it is back every mail arrives, once.
async fn a_server_that_is_down(mode: Mode) {
    let mut sink = MailSink::start().await;
    sink.go_down().await;
    let place = Plan::sending_to(mode, &sink).start().await;
    let recipients = nobody_notices(&place, &sink).await;
    sink.come_up().await;
    all_arrive(&place, &sink, &recipients).await;
}

/// Goal: a server that takes connections and says nothing holds up only the mails.
async fn a_server_that_says_nothing(mode: Mode) {
    let sink = MailSink::start().await;
    sink.behave(Manners::Silent);
    let place = Plan::sending_to(mode, &sink).set("SMTP_SECONDS", 1).start().await;
    let recipients = nobody_notices(&place, &sink).await;
    sink.behave(Manners::Good);
    all_arrive(&place, &sink, &recipients).await;
}

/// Goal: a server that takes half a minute for every reply holds up only the mails; slow is not broken: it gets each once.
async fn a_slow_server(mode: Mode) {
    let sink = MailSink::start().await;
    sink.behave(Manners::Slow(Duration::from_secs(30)));
    let place = Plan::sending_to(mode, &sink).set("SMTP_CONNECTIONS", 20).start().await;
    let recipients = nobody_notices(&place, &sink).await;
    // The same conversations go on, as slowly as a test can wait for.
    sink.behave(Manners::Slow(Duration::from_millis(300)));
    all_arrive(&place, &sink, &recipients).await;
}

/// Goal: the same to the end, at half a minute a reply: three minutes, and only where all is tested.
async fn a_server_that_stays_slow(mode: Mode) {
    if std::env::var_os("CAUDAL_TEST_ALL").is_none() {
        return;
    }
    let sink = MailSink::start().await;
    sink.behave(Manners::Slow(Duration::from_secs(30)));
    let place = Plan::sending_to(mode, &sink).set("SMTP_CONNECTIONS", TASKS).start().await;
    let recipients = nobody_notices(&place, &sink).await;
    let patience = Patience::new("the slow server has all mails").of(Duration::from_secs(400));
    while sink.taken().len() < recipients.len() {
        patience.pause().await;
    }
    all_arrive(&place, &sink, &recipients).await;
}

/// Goal: "not now" is heard: the mail says so meanwhile, and arrives when the server takes it.
async fn a_server_that_is_busy(mode: Mode) {
    let sink = MailSink::start().await;
    sink.behave(Manners::Refuses("451 4.3.2 too busy, come back"));
    let place = Plan::sending_to(mode, &sink).start().await;
    let first = place.send("ana@example.org", "Patience", "Hola").await;
    let waiting = place.becomes(&first, "deferred").await;
    assert_eq!(waiting["error"], "451 4.3.2 too busy, come back");
    let mut recipients = nobody_notices_beside(&place, &sink, 1).await;
    recipients.insert("ana@example.org".to_owned());
    sink.behave(Manners::Good);
    all_arrive(&place, &sink, &recipients).await;
}

async fn nobody_notices_beside(place: &Place, sink: &MailSink, others: usize) -> BTreeSet<String> {
    let recipients = tasks_that_tell(&place.client()).await;
    assert_eq!(place.list("state=queued,sending,deferred").await.len(), TASKS + others);
    assert!(sink.taken().is_empty());
    recipients
}

/// Goal: a server that hangs up in the middle of mails has not taken them: they come again, until it takes them, once.
async fn a_server_that_hangs_up(mode: Mode) {
    let sink = MailSink::start().await;
    sink.behave(Manners::HangsUp);
    let place = Plan::sending_to(mode, &sink).start().await;
    let recipients = nobody_notices(&place, &sink).await;
    sink.behave(Manners::Good);
    all_arrive(&place, &sink, &recipients).await;
}

/// Goal: a refusal for good is final at once, with the server's words; by hand it is tried again.
async fn a_server_that_refuses(mode: Mode) {
    let sink = MailSink::start().await;
    sink.behave(Manners::Refuses("550 5.1.1 nobody of that name lives here"));
    let place = Plan::sending_to(mode, &sink).start().await;
    let recipients = tasks_that_tell(&place.client()).await;
    let refused = place.send("ana@example.org", "Nobody", "Hola").await;
    let failed = place.becomes(&refused, "failed").await;
    assert_eq!(failed["error"], "550 5.1.1 nobody of that name lives here");
    assert_eq!(failed["attempts"], 1);
    caudal_tests::until("all have failed", || async {
        (place.list("state=failed").await.len() == recipients.len() + 1).then_some(())
    })
    .await;
    sink.behave(Manners::Good);
    let client = place.client();
    let again = client.post(&format!("/notifications/{refused}/retry"), &json!({})).await.ok();
    assert_eq!(again["notification_id"], refused);
    place.becomes(&refused, "sent").await;
    assert_eq!(sink.taken().len(), 1, "what was refused for good is not tried again by itself");
    let twice = client.post(&format!("/notifications/{refused}/retry"), &json!({})).await;
    assert_eq!((twice.status, &twice.json()["code"]), (409, &json!("wrong_state")));
}
