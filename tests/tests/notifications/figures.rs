//! The figures by which an operator sees that mails go out, or do not.

use caudal_tests::{MailSink, Manners};

use crate::place::{Mode, Plan};

in_both_modes!(metrics_tell_how_sending_fares);

/// Goal: what is to be sent and what became of the rest, since when the oldest waits, how attempts end, and how long the mail
/// server takes: each under the name that dashboards and alarms ask for.
async fn metrics_tell_how_sending_fares(mode: Mode) {
    let sink = MailSink::start().await;
    let mut place = Plan::sending_to(mode, &sink).start().await;
    let sent = place.send("ana@example.org", "Fine", "Hola").await;
    place.becomes(&sent, "sent").await;
    sink.behave(Manners::Refuses("550 nobody"));
    let failed = place.send("ben@example.org", "Refused", "Hola").await;
    place.becomes(&failed, "failed").await;
    let of_all = place.client().get("/metrics").await.text;
    for line in [
        "caudal_notifications{state=\"queued\"} 0",
        "caudal_notifications{state=\"sent\"} 1",
        "caudal_notifications{state=\"failed\"} 1",
        "caudal_notifications_oldest_age_seconds 0",
    ] {
        assert!(of_all.lines().any(|told| told == line), "{line}: {of_all}");
    }
    let of_sender = place.sender().client().get("/metrics").await.text;
    for begin in [
        "caudal_notifications_total{channel=\"mail\",outcome=\"sent\"} 1",
        "caudal_notifications_total{channel=\"mail\",outcome=\"failed\"} 1",
        "caudal_notification_seconds",
        "caudal_smtp_seconds",
    ] {
        assert!(of_sender.lines().any(|told| told.starts_with(begin)), "{begin}: {of_sender}");
    }
}
