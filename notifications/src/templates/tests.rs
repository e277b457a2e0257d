//! What mails look like, and what is refused before anybody waits for one.

use std::fs;
use std::sync::Arc;

use caudal_engine::notification::{Channel, NotificationId, NotificationState};
use caudal_engine::task::Timestamp;
use serde_json::{Value as JsonValue, json};

use super::*;

struct AtHome;

impl Links for AtHome {
    fn task(&self, task: TaskId) -> Option<String> {
        Some(format!("https://flows.example.org/#/tasks/{task}"))
    }

    fn unsubscribe(&self, _: &Tenant, address: &str) -> Option<String> {
        Some(format!("https://flows.example.org/unsubscribe?token={address}.signed"))
    }
}

fn settings() -> TemplateSettings {
    let from = Mailbox { name: Some("Caudal".to_owned()), address: "caudal@example.org".to_owned() };
    TemplateSettings { folder: None, default_locale: "en".to_owned(), from, links: Arc::new(AtHome) }
}

fn templates() -> Templates {
    Templates::load(settings()).unwrap()
}

fn record(template: &str, locale: Option<&str>, context: &JsonValue) -> NotificationRecord {
    let at = Timestamp::from_millis(1_795_235_195_123);
    let to = Mailbox { name: Some("Ana Núñez".to_owned()), address: "ana@example.org".to_owned() };
    let content = MailContent {
        to,
        template: template.into(),
        locale: locale.map(str::to_owned),
        context: context.clone().into(),
    };
    NotificationRecord {
        id: NotificationId::first(at, 0, 1 << 40),
        tenant: Tenant::default(),
        task: Some(TaskId::from_parts(at, 0, 7)),
        channel: Channel::Mail,
        recipient: "ana@example.org".into(),
        state: NotificationState::Sending,
        attempts: 1,
        tries: 1,
        created_at: at,
        queued_at: at,
        due_at: None,
        ended_at: None,
        error: None,
        body: Json::of(&content).unwrap(),
    }
}

fn sample(mail: &str, place: usize) -> JsonValue {
    JsonValue::Object(templates().library.samples(mail)[place].clone())
}

/// Goal: each mail, in each language, is what we mean it to be.
#[test]
fn mails_look_as_they_should() {
    let templates = templates();
    for mail in templates.names() {
        for locale in ["en", "es"] {
            let record = record(&mail, Some(locale), &sample(&mail, 0));
            let rendered = templates.render(&record).unwrap();
            assert_eq!(templates.subject(&record).as_ref(), Some(&rendered.subject), "lists call it what it is called");
            insta::assert_snapshot!(
                format!("{mail}_{locale}_text"),
                format!("{}\n\n{}", rendered.subject, rendered.text)
            );
            insta::assert_snapshot!(format!("{mail}_{locale}_html"), rendered.html);
        }
    }
    let rendered = templates.render(&record("plain", None, &sample("plain", 0))).unwrap();
    insta::assert_snapshot!("the_whole_mail", String::from_utf8(rendered.raw).unwrap().replace('\r', ""));
}

/// Goal: every mail of ours is there in English and Spanish.
#[test]
fn mails_speak_english_and_spanish() {
    let templates = templates();
    for mail in templates.names() {
        assert_eq!(templates.library.locales(&mail).collect::<Vec<_>>(), ["en", "es"], "{mail}");
    }
}

/// Goal: who asks for a language gets it, a near one, or the default.
#[test]
fn languages_are_found() {
    let library = &templates().library;
    let locale = |wanted| library.locale("plain", wanted).to_owned();
    assert_eq!([locale(Some("es")), locale(Some("es-MX")), locale(Some("ES"))], ["es", "es", "es"]);
    assert_eq!([locale(Some("fr")), locale(None)], ["en", "en"]);
    let spanish = Templates::load(TemplateSettings { default_locale: "es".to_owned(), ..settings() }).unwrap();
    assert_eq!(spanish.library.locale("plain", Some("fr")), "es");
}

/// Goal: a mail made again has the same bytes: it is the same mail.
#[test]
fn a_mail_made_again_is_the_same() {
    let templates = templates();
    let record = record("plain", None, &sample("plain", 0));
    let [one, other] = [templates.letter(&record).unwrap(), templates.letter(&record).unwrap()];
    assert_eq!(one.raw, other.raw);
    let id = format!("<{}@example.org>", record.id);
    assert!(one.headers.contains(&("Message-ID".to_owned(), id)), "{:?}", one.headers);
}

/// Goal: what a task says is text in a mail, never markup, wherever it stands.
#[test]
fn markup_is_escaped() {
    let templates = templates();
    let evil = "<script>alert(1)</script><img src=x onerror=y>";
    let mut failed = sample("task_failed", 0);
    failed["error"]["message"] = json!(evil);
    failed["error"]["step"] = json!(evil);
    failed["title"] = json!(evil);
    let mut finished = sample("task_finished", 0);
    finished["result"] = json!(evil);
    let mut asking = sample("approval_wanted", 0);
    asking["question"] = json!(evil);
    let plain = json!({ "subject": evil, "text": evil });
    for (mail, context) in
        [("task_failed", failed), ("task_finished", finished), ("approval_wanted", asking), ("plain", plain)]
    {
        let rendered = templates.render(&record(mail, None, &context)).unwrap();
        assert!(!rendered.html.contains("<script") && !rendered.html.contains("<img"), "{mail}: {}", rendered.html);
        assert!(rendered.html.contains("&lt;script&gt;"), "{mail}");
        assert!(rendered.text.contains(evil), "{mail}: text is not escaped");
    }
}

/// Goal: a request that would fail later is refused now, saying what is missing.
#[test]
fn requests_are_tried() {
    let templates = templates();
    let check = |name: &str, context: JsonValue| templates.check(name, None, &context.into());
    assert_eq!(check("plain", json!({ "subject": "a", "text": "b", "more": 1 })), Ok(()));
    let Err(TemplateError::Unfit { why, .. }) = check("plain", json!({ "subject": "a" })) else { panic!() };
    assert!(why.contains("undefined") && why.contains("body"), "{why}");
    let Err(TemplateError::Unknown { known, .. }) = check("plane", json!({})) else { panic!() };
    assert!(known.contains(&"plain".to_owned()));
    for subject in ["a\r\nBcc: all@example.org", "a\u{2028}b", "", "  "] {
        let refused = check("plain", json!({ "subject": subject, "text": "b" }));
        assert!(matches!(refused, Err(TemplateError::Unfit { .. })), "{subject:?}");
    }
    assert!(check("plain", json!([])).is_err() && check("plain", json!("text")).is_err());
}

/// Goal: no header begins inside another, even with what got past the checks.
#[test]
fn headers_cannot_be_injected() {
    let templates = templates();
    let context = json!({ "subject": "a\r\nBcc: all@example.org\r\n\r\nhello", "text": "b" });
    let letter = templates.letter(&record("plain", None, &context)).unwrap();
    assert!(letter.headers.iter().all(|(name, _)| name != "Bcc"), "{:?}", letter.headers);
    assert_eq!(letter.envelope.to().len(), 1);
}

/// Goal: a folder's templates take the place of ours; what is wrong in it stops the start, naming the file.
#[test]
fn a_folder_overrides() {
    let load = |files: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Templates::load(TemplateSettings { folder: Some(folder.path().to_owned()), ..settings() })
    };
    let own = load(&[("plain/en/subject.txt", "[ours] {{ subject }}")]).unwrap();
    let rendered = own.render(&record("plain", None, &sample("plain", 0))).unwrap();
    assert_eq!(rendered.subject, "[ours] It rains");
    let whole = [
        ("welcome/sample.json", "[{\"name\": \"Ana\"}]"),
        ("welcome/en/subject.txt", "Welcome {{ name }}"),
        ("welcome/en/body.txt", "Welcome, {{ name }}."),
        ("welcome/en/body.html", "{% extends \"layout/en/body.html\" %}{% block content %}{{ name }}{% endblock %}"),
    ];
    assert!(load(&whole).unwrap().names().contains(&"welcome".to_owned()));
    let named =
        load(&[("plain/en/body.txt", "{% if recipient.name %}{{ recipient.name }}: {% endif %}{{ text }}")]).unwrap();
    let mut nameless = record("plain", None, &sample("plain", 0));
    assert!(named.render(&nameless).unwrap().text.starts_with("Ana Núñez: "));
    let content = MailContent { to: Mailbox::parse("ben@example.org").unwrap(), ..nameless.mail().unwrap() };
    nameless.body = Json::of(&content).unwrap();
    assert!(!named.render(&nameless).unwrap().text.contains(": "));
    let unlinked = "{% if task_url %}{{ task_url }}{% else %}{{ more }}{% endif %}{{ text }}";
    let samples = "[{\"subject\": \"a\", \"text\": \"b\", \"more\": \"c\"}]";
    let asking = load(&[("plain/sample.json", samples), ("plain/en/body.txt", unlinked)]).unwrap();
    let context = json!({ "subject": "a", "text": "b" });
    assert!(asking.check("plain", None, &context.into()).is_err(), "a mail of no task says more");
    let refused = |files: &[(&str, &str)]| load(files).map(drop).unwrap_err().to_string();
    let misspelt = refused(&[("plain/en/body.txt", "{{ txet }}")]);
    assert!(misspelt.contains("plain/en") && misspelt.contains("txet"), "{misspelt}");
    let hidden = refused(&[("task_finished/en/subject.txt", "{% if title == 'x' %}{{ oops }}{% endif %}{{ title }}")]);
    assert!(hidden.contains("task_finished/en/subject.txt") && hidden.contains("oops"), "{hidden}");
    let nested =
        refused(&[("task_failed/es/subject.txt", "{% if title == 'x' %}{{ error.text }}{% endif %}{{ title }}")]);
    assert!(nested.contains("error.text"), "{nested}");
    let broken = refused(&[("plain/en/body.html", "{% if %}")]);
    assert!(broken.contains("plain/en/body.html"), "{broken}");
    let partial = refused(&whole[..3]);
    assert!(partial.contains("welcome/en/body.html"), "{partial}");
    let untried = refused(&whole[1..]);
    assert!(untried.contains("welcome/sample.json"), "{untried}");
    let stray = refused(&[("plain/en/body.md", "x")]);
    assert!(stray.contains("plain/en/body.md"), "{stray}");
}

/// Goal: who may only look at a mail cannot take its recipient's address off with what is shown, in whichever part.
#[test]
fn others_do_not_see_the_signed_link() {
    let (templates, record) = (templates(), record("plain", None, &sample("plain", 0)));
    let signed = |mail: &RenderedMail| {
        let headers = mail.headers.iter().any(|(_, value)| value.contains(".signed"));
        headers || mail.text.contains(".signed") || mail.html.contains(".signed")
    };
    assert!(signed(&templates.render(&record).unwrap()));
    let shown = templates.render_for_others(&record).unwrap();
    assert!(!signed(&shown), "{shown:?}");
    assert!(shown.text.contains("https://flows.example.org/unsubscribe\n"), "{}", shown.text);
}

/// Goal: no control character but a tab and our own line ends gets into a mail, whoever wrote the text.
#[test]
fn control_characters_are_shown_to_be_such() {
    let context = serde_json::json!({ "subject": "Odd", "text": "one\rtwo\r\nthree\0four\tfive\u{8}\u{85}\r\r\r." });
    let mail = templates().render(&record("plain", None, &context)).unwrap();
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("one\ntwo\nthree\u{fffd}four\tfive\u{fffd}\u{fffd}\n"), "{part:?}");
        assert!(part.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t')), "{part:?}");
    }
}
