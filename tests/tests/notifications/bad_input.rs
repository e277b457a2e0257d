//! What must not get in, and what must not get out as anything but text.

use std::fs;

use caudal_tests::MailSink;
use serde_json::{Value, json};

use crate::place::{Mode, Place, Plan, start_task};

in_both_modes!(bad_addresses_are_named, bad_wishes_are_refused, templates_are_tried_first, markup_stays_text);

/// Addresses that are none, or would be more than one thing.
const NO_ADDRESSES: &[(&str, &str)] = &[
    ("ana@example.org\r\nBcc: all@example.org", "ana@example.org\\r\\nBcc: all@example.org"),
    ("Ana\nBcc: all@example.org <ana@example.org>", "Ana\\nBcc"),
    ("ana@example.org>\r\nRCPT TO:<all@example.org", "\\r\\nRCPT TO"),
    ("Ana\u{2028}B <ana@example.org>", "Ana\\u{2028}B"),
    ("nobody", "'nobody'"),
    ("a@example.org, b@example.org", "a@example.org, b@example.org"),
    ("ana@exam ple.org", "ana@exam ple.org"),
    ("", "''"),
];

async fn nothing_is_stored(place: &Place) {
    assert_eq!(place.list("").await, Vec::<Value>::new());
    assert_eq!(place.client().list("").await, Vec::<Value>::new());
}

fn plain(to: &Value) -> Value {
    json!({ "to": to, "template": "plain", "context": { "subject": "Hello", "text": "Hola" } })
}

/// Goal: one bad address among good ones is 400, says which it is and why, and stores nothing; a flow that makes one fails.
async fn bad_addresses_are_named(mode: Mode) {
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).start().await;
    let client = place.client();
    for (address, named) in NO_ADDRESSES {
        let to = json!(["good@example.org", address]);
        let start = json!({ "flow": "tell_flow", "inputs": {}, "notify": { "email": to } });
        for (path, body) in [("/notifications", plain(&to)), ("/start-task", start)] {
            let refused = client.post(path, &body).await;
            let detail = refused.json()["detail"].as_str().unwrap_or_default().to_owned();
            assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("invalid_inputs")), "{refused:?}");
            assert!(detail.contains(named) && !detail.contains("good@"), "{path} {address:?}: {detail}");
        }
    }
    nothing_is_stored(&place).await;
    let inputs = json!({ "to": ["ana@example.org\nBcc: all@example.org"], "subject": "Hello", "text": "Hola" });
    let task = client.start("tell_flow", inputs).await;
    let failed = client.ended(&task).await;
    assert!(failed["details"]["error"]["message"].as_str().unwrap().contains("\\nBcc"), "{failed}");
    assert_eq!(place.list("").await, Vec::<Value>::new());
}

/// Goal: whatever else is wrong with a wish is refused, naming the place, before anything is stored.
async fn bad_wishes_are_refused(mode: Mode) {
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).start().await;
    let client = place.client();
    let with = |context: Value| json!({ "to": "ana@example.org", "template": "plain", "context": context });
    let mut tongue = plain(&json!("ana@example.org"));
    tongue["locale"] = json!("es\r\nBcc: all@example.org");
    for (body, path) in [
        (with(json!({ "subject": "a\r\nBcc: all@example.org", "text": "b" })), "/context"),
        (with(json!({ "subject": "a\u{2028}b", "text": "b" })), "/context"),
        (with(json!({ "subject": "a", "txet": "b" })), "/context"),
        (with(json!(["a"])), "/context"),
        (with(json!({ "subject": "a", "text": "b".repeat(70_000) })), ""),
        (json!({ "to": "ana@example.org", "template": "../plain" }), "/template"),
        (json!({ "to": [], "template": "plain" }), "/to"),
        (json!({ "to": [1], "template": "plain" }), "/to"),
        (json!({ "to": "ana@example.org", "template": "plain", "cc": "b@example.org" }), "/cc"),
        (tongue, "/locale"),
    ] {
        let refused = client.post("/notifications", &body).await;
        assert!(matches!(refused.status, 400 | 413), "{refused:?}");
        assert_eq!(refused.json()["errors"][0]["path"].as_str().unwrap_or_default(), path, "{refused:?}");
    }
    for wish in [
        json!({ "webhook": "ftp://example.org" }),
        json!({ "webhook": "https://user:password@example.org" }),
        json!({ "webhook": "https://example.org/\r\nX-Evil: 1" }),
        json!({ "webhook": "file:///etc/passwd" }),
        json!({ "email": ["ana@example.org"], "on": ["someday"] }),
        json!({ "mail": ["ana@example.org"] }),
    ] {
        let start = json!({ "flow": "tell_flow", "inputs": {}, "notify": wish });
        let refused = client.post("/start-task", &start).await;
        assert_eq!(refused.status, 400, "{wish}: {refused:?}");
        assert!(refused.json()["errors"][0]["path"].as_str().unwrap().starts_with("/notify"), "{refused:?}");
    }
    nothing_is_stored(&place).await;
}

/// Goal: a template that speaks of what will never be there stops the start, naming its file; so do other bad settings of
/// mail.
async fn templates_are_tried_first(mode: Mode) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("plain/en")).unwrap();
    fs::write(folder.path().join("plain/en/subject.txt"), "{{ sbject }}").unwrap();
    for (name, value, wanted) in [
        ("MAIL_TEMPLATES", folder.path().to_str().unwrap(), "plain/en"),
        ("MAIL_FROM", "Ana\nBcc: all@example.org <ana@example.org>", "mail_from"),
        ("SMTP_URL", "http://mail.example.org", "smtp_url"),
        ("NOTIFY_ON_FAILURE", "nobody", "notify_on_failure"),
        ("DEFAULT_LOCALE", "es\r\nX: y", "default_locale"),
    ] {
        let refused = Plan::of(mode).set(name, value).setup().refused().await;
        assert_eq!(refused.code, Some(2), "{name}: {refused:?}");
        assert!(refused.said.contains(wanted), "{name}: {refused:?}");
    }
    fs::write(folder.path().join("plain/en/subject.txt"), "[own] {{ subject }}").unwrap();
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).set("MAIL_TEMPLATES", folder.path().display()).start().await;
    place.send("ana@example.org", "Hello", "Hola").await;
    assert_eq!(sink.received(1).await[0].subject, "[own] Hello");
}

/// Goal: markup in what a task says is text in its mail, and whoever looks at the mail through the API gets a page in which
/// nothing runs.
async fn markup_stays_text(mode: Mode) {
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).start().await;
    let client = place.client();
    let evil = "<script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}{% raw %}";
    let wish = json!({ "notify": { "email": ["\"<b>\" <ana@example.org>"] } });
    let refused =
        client.post("/start-task", &json!({ "flow": "tell_flow", "inputs": {}, "notify": wish["notify"] })).await;
    assert_eq!(refused.status, 400, "markup is no name: {refused:?}");
    let wish = json!({ "notify": { "email": ["ana@example.org"] } });
    for inputs in [json!({ "text": evil }), json!({ "failure": evil }), json!({ "question": evil })] {
        let task = start_task(&client, "tell_flow", inputs, wish.clone()).await;
        let told =
            caudal_tests::until("it is told", || async { place.list(&format!("task={task}")).await.pop() }).await;
        let id = told["notification_id"].as_str().unwrap();
        place.becomes(id, "sent").await;
        let shown = client.get(&format!("/notifications/{id}/html")).await;
        assert!(!shown.text.contains("<script") && !shown.text.contains("<img"), "{}", shown.text);
        assert!(shown.text.contains("&lt;script&gt;"), "{}", shown.text);
        assert!(shown.text.contains("{{ 7 * 7 }}{% raw %}"), "nothing in it is a template: {}", shown.text);
        let policy = shown.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
    }
}
