//! `caudal notifications …` against a server at work.

use std::process::Output;

use caudal_tests::{MailSink, Manners};

use crate::place::{Mode, Plan};

in_both_modes!(mails_are_seen_to_from_the_command_line, all_that_failed_is_sent_again);

#[track_caller]
fn said(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Goal: an operator can send a test mail, sees the server's words when it is refused, finds it, and sends it again.
async fn mails_are_seen_to_from_the_command_line(mode: Mode) {
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).start().await;
    let fine = said(&place.command_line(&["test-mail", "ana@example.org"]), 0);
    assert!(fine.contains(" sent"), "{fine}");
    assert_eq!(sink.taken()[0].subject, "A mail from Caudal");
    sink.behave(Manners::Refuses("550 5.7.1 not from you"));
    let refused = said(&place.command_line(&["test-mail", "ben@example.org", "--locale=es"]), 1);
    assert!(refused.contains("failed: 550 5.7.1 not from you"), "{refused}");
    let id = refused.split_whitespace().next().unwrap();
    let listed = said(&place.command_line(&["list", "--state=failed"]), 0);
    assert!(listed.contains(id) && listed.contains("ben@example.org") && listed.contains("550 5.7.1"), "{listed}");
    let shown = said(&place.command_line(&["show", id]), 0);
    assert!(shown.contains("List-Unsubscribe") && shown.contains("whoever reads it"), "{shown}");
    sink.behave(Manners::Good);
    said(&place.command_line(&["retry", id]), 0);
    place.becomes(id, "sent").await;
    said(&place.command_line(&["retry", id]), 1);
}

/// Goal: after a mail server's bad day one command sends again all that failed, also more than a page has, and nothing else.
async fn all_that_failed_is_sent_again(mode: Mode) {
    const FAILED: usize = 205;
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).set("MAILS_PER_HOUR_PER_ADDRESS", 1_000).start().await;
    let fine = place.send("ana@example.org", "Fine", "Hola").await;
    place.becomes(&fine, "sent").await;
    sink.behave(Manners::Refuses("550 5.7.1 not from you"));
    for number in 0..FAILED {
        let to = if number == 0 { "ben@example.org" } else { "ana@example.org" };
        place.send(to, "Refused", "Hola").await;
    }
    let failed = async |count: usize| {
        let are = || async { (place.list("state=failed").await.len() == count).then_some(()) };
        caudal_tests::until("they have failed", are).await;
    };
    failed(FAILED).await;
    sink.behave(Manners::Good);
    said(&place.command_line(&["retry", "--state=failed", "--to=ben@example.org"]), 0);
    failed(FAILED - 1).await;
    let all = said(&place.command_line(&["retry", "--state=failed"]), 0);
    assert_eq!(all.lines().count(), FAILED - 1, "{all}");
    let sent = || async { (place.list("state=sent").await.len() == FAILED + 1).then_some(()) };
    caudal_tests::until("all are sent", sent).await;
    assert_eq!(sink.taken().len(), FAILED + 1);
    said(&place.command_line(&["retry"]), 2);
}
