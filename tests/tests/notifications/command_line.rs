//! `caudal notifications …` against a server at work.

use std::process::Output;

use caudal_tests::{MailSink, Manners};

use crate::place::{Mode, Plan};

in_both_modes!(mails_are_seen_to_from_the_command_line);

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
