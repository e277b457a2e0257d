//! A mail server that we did not write, and what a strict reader finds in its letter-box.

use caudal_tests::{MailLogin, MailServer};
use serde_json::{Value, json};

use crate::place::{Mode, PAGE, Plan, start_task};

in_both_modes!(
    a_mail_arrives_whole,
    no_control_character_arrives,
    starttls_and_login,
    tls_from_the_first_byte,
    own_certificates_are_not_believed
);

fn header<'a>(mail: &'a Value, name: &str) -> &'a str {
    let headers = mail["headers"].as_array().unwrap();
    let found: Vec<_> = headers.iter().filter(|header| header[0] == name).collect();
    assert_eq!(found.len(), 1, "{name} stands in the mail once: {headers:?}");
    found[0][1].as_str().unwrap()
}

/// Goal: a mail about a task arrives once, reads cleanly in Python's strictest policy, and has all that a mail should have:
/// names and subject in any script, both parts, every header.
async fn a_mail_arrives_whole(mode: Mode) {
    let Some(server) = MailServer::start(MailLogin::Open).await else { return };
    let place = Plan::of(mode).set("SMTP_URL", server.url()).start().await;
    let text = "El ñandú corre.\n\n.un punto solo\n.\nFrom aquí 🐦 — «fin»";
    let inputs = json!({ "text": text });
    let wish = json!({ "notify": { "email": ["\"Núñez, Ana 安娜\" <ana@example.org>"] }, "locale": "es" });
    let task = start_task(&place.client(), "tell_flow", inputs, wish).await;
    let mail = server.received(1).await.remove(0);
    assert_eq!(mail["unreadable"], Value::Null, "{mail}");
    assert_eq!(mail["defects"], json!([]), "{mail}");
    assert_eq!(mail["envelope"], json!({ "from": "caudal@example.org", "to": ["ana@example.org"] }));
    assert_eq!(mail["from"], json!([["Caudal Ñandú", "caudal@example.org"]]));
    assert_eq!(mail["to"], json!([["Núñez, Ana 安娜", "ana@example.org"]]));
    assert_eq!(mail["subject"], "Tell ha terminado");
    assert_eq!(mail["kinds"], json!(["multipart/alternative", "text/plain", "text/html"]));
    let page = format!("{PAGE}/#/tasks/{task}");
    for part in ["text", "html"] {
        let said = mail[part].as_str().unwrap().replace("\r\n", "\n");
        assert!(said.contains(text), "{part}: {said}");
        assert!(said.contains(&page) || said.contains(&page.replace('/', "&#x2f;")), "{part}: {said}");
    }
    assert_eq!(mail["bare_line_ends"], 0);
    assert!(mail["longest_line"].as_u64().unwrap() <= 998, "{mail}");

    let notification = place.list(&format!("task={task}")).await.remove(0);
    let id = notification["notification_id"].as_str().unwrap();
    assert_eq!(header(&mail, "Message-ID"), format!("<{id}@example.org>"));
    assert_eq!(header(&mail, "X-Caudal-Task"), task);
    assert_eq!(header(&mail, "Content-Language"), "es");
    assert_eq!(header(&mail, "Auto-Submitted"), "auto-generated");
    assert_eq!(header(&mail, "MIME-Version"), "1.0");
    assert_eq!(header(&mail, "List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    assert!(header(&mail, "List-Unsubscribe").starts_with(&format!("<{PAGE}/unsubscribe?token=")));
    assert_eq!(mail["date"].as_str().unwrap()[..10], notification["created_at"].as_str().unwrap()[..10]);

    // A long subject in several scripts is folded by us and put together by the reader.
    let subject = "Größe, 大きさ, размер and мера: 🐟 ".repeat(8).trim().to_owned();
    let sent = place.send("ana@example.org", &subject, "Hola").await;
    let second = server.received(2).await.remove(1);
    assert_eq!((second["subject"].as_str().unwrap(), &second["defects"]), (&*subject, &json!([])), "{second}");
    place.becomes(&sent, "sent").await;
    place.becomes(id, "sent").await;
    assert_eq!(server.mails().len(), 2, "each arrives once");
}

/// Goal: whatever a task says, a server gets a mail that it can take: no line end but its own, no NUL, also where nothing
/// else (a long link) has the text encoded.
async fn no_control_character_arrives(mode: Mode) {
    let Some(server) = MailServer::start(MailLogin::Open).await else { return };
    let place = Plan::of(mode).unset("PUBLIC_URL").set("SMTP_URL", server.url()).start().await;
    let told = [
        ("one\rtwo\r\nthree\r.\r\r", "one\ntwo\nthree\n."),
        ("four\0\u{8}\tfive\r\n.\n", "four\u{fffd}\u{fffd}\tfive\n."),
    ];
    for (number, (text, read)) in told.into_iter().enumerate() {
        let sent = place.send("ana@example.org", "Odd", text).await;
        let mail = server.received(number + 1).await.remove(number);
        assert_eq!((&mail["unreadable"], &mail["defects"]), (&Value::Null, &json!([])), "{mail}");
        assert_eq!((&mail["bare_line_ends"], &mail["controls"]), (&json!(0), &json!(0)), "{mail}");
        for part in ["text", "html"] {
            let said = mail[part].as_str().unwrap().replace("\r\n", "\n");
            assert!(said.contains(read), "{part}: {said:?}");
        }
        place.becomes(&sent, "sent").await;
    }
}

async fn arrives_over(login: MailLogin, mode: Mode) {
    let Some(server) = MailServer::start(login).await else { return };
    let plan = Plan::of(mode).set("SMTP_URL", server.url()).set("SMTP_CA_FILE", server.authority().display());
    let place = plan.start().await;
    let sent = place.send("ana@example.org", "Encrypted", "Hola").await;
    let mail = server.received(1).await.remove(0);
    assert_eq!((&mail["tls"], &mail["user"]), (&json!(true), &json!("caudal@example.org")), "{mail}");
    assert_eq!((&mail["subject"], &mail["defects"]), (&json!("Encrypted"), &json!([])), "{mail}");
    place.becomes(&sent, "sent").await;
    let log = place_log(place);
    assert!(!log.contains("wörd") && !log.contains("w%C3%B6rd"), "a password is never logged");
}

fn place_log(mut place: crate::place::Place) -> String {
    place.sender().log()
}

/// Goal: with STARTTLS and a login, signed by an authority of the operator's own, mail goes out encrypted.
async fn starttls_and_login(mode: Mode) {
    arrives_over(MailLogin::StartTls, mode).await;
}

/// Goal: the same over `smtps://`.
async fn tls_from_the_first_byte(mode: Mode) {
    arrives_over(MailLogin::Wrapped, mode).await;
}

/// Goal: a server that shows a certificate of nobody we know gets neither password nor mail; the mail waits, and says why.
async fn own_certificates_are_not_believed(mode: Mode) {
    let Some(server) = MailServer::start(MailLogin::StartTls).await else { return };
    let place = Plan::of(mode).set("SMTP_URL", server.url()).start().await;
    let sent = place.send("ana@example.org", "Encrypted", "Hola").await;
    let waiting = place.becomes(&sent, "deferred").await;
    assert!(waiting["error"].as_str().unwrap().contains("certificate"), "{waiting}");
    assert!(server.mails().is_empty());
}
