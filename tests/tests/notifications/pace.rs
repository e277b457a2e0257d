//! No more at once, and no more a second, than the mail server should be sent.

use caudal_tests::{MailSink, Manners, now_ms, until};
use serde_json::json;

use crate::place::{Mode, Place, Plan};

in_both_modes!(so_many_conversations_at_once, so_many_mails_a_second, so_many_mails_after_a_stall);

/// As many as one request may ask for.
const MAILS: usize = 20;

async fn ask_for_mails(place: &Place) {
    let to: Vec<String> = (0..MAILS).map(|n| format!("reader{n}@example.org")).collect();
    let context = json!({ "subject": "Hello", "text": "Hola" });
    let asked = json!({ "to": to, "template": "plain", "context": context });
    place.client().post("/notifications", &asked).await.ok();
}

/// Goal: with more mails than a process may have conversations it has as many as it may, and never more, whether they stand
/// still or flow.
async fn so_many_conversations_at_once(mode: Mode) {
    const CONNECTIONS: usize = 3;
    let sink = MailSink::start().await;
    sink.behave(Manners::Ponders);
    let place = Plan::sending_to(mode, &sink).set("SMTP_CONNECTIONS", CONNECTIONS).start().await;
    ask_for_mails(&place).await;
    // Nobody is told that one is taken: each of these is the first of its conversation. Others wait for their turn.
    sink.received(CONNECTIONS).await;
    let others_wait = || async { (place.list("state=sending").await.len() > CONNECTIONS).then_some(()) };
    until("more are in hand than are in conversation", others_wait).await;
    assert_eq!(sink.taken().len(), CONNECTIONS);
    sink.behave(Manners::Good);
    sink.received(MAILS).await;
    assert_eq!(sink.most_at_once(), CONNECTIONS);
}

/// Goal: at no moment has the server been sent more mails than the setting allows for the time since they were asked for. On
/// a machine under load they come later, and that is allowed.
async fn so_many_mails_a_second(mode: Mode) {
    const PER_SECOND: usize = 20;
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).set("MAILS_PER_SECOND", PER_SECOND).start().await;
    let asked_ms = now_ms();
    ask_for_mails(&place).await;
    for (count, mail) in (1..).zip(sink.received(MAILS).await) {
        let turns = (mail.at_ms - asked_ms) as usize / (1_000 / PER_SECOND);
        // The first goes at once, and the two clocks may differ by a little.
        assert!(count <= turns + 2, "{count} mails after {} ms", mail.at_ms - asked_ms);
    }
}

/// Goal: turns that came while all conversations stood still are no turns to be taken all at once.
async fn so_many_mails_after_a_stall(mode: Mode) {
    const PER_SECOND: usize = 50;
    const CONNECTIONS: usize = 2;
    let sink = MailSink::start().await;
    sink.behave(Manners::Ponders);
    let plan = Plan::sending_to(mode, &sink).set("MAILS_PER_SECOND", PER_SECOND).set("SMTP_CONNECTIONS", CONNECTIONS);
    let place = plan.start().await;
    ask_for_mails(&place).await;
    sink.received(CONNECTIONS).await;
    let stalled_ms = now_ms();
    let all_turns = (1_000 * MAILS / PER_SECOND) as i64;
    until("all would have had a turn", || async { (now_ms() > stalled_ms + all_turns).then_some(()) }).await;
    let over_ms = now_ms();
    sink.behave(Manners::Good);
    for (count, mail) in (1..).zip(sink.received(MAILS).await.into_iter().skip(CONNECTIONS)) {
        let turns = (mail.at_ms - over_ms).max(0) as usize / (1_000 / PER_SECOND);
        assert!(count <= turns + 2 * CONNECTIONS, "{count} mails {} ms after the stall", mail.at_ms - over_ms);
    }
}
