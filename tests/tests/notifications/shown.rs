//! A mail as its recipient has it, and what of it others are shown.

use std::path::PathBuf;

use caudal_tests::{python, setup, until};
use serde_json::{Value, json};

use crate::place::{Mode, PAGE, Place, Plan};

in_both_modes!(a_mail_becomes_a_file, readers_get_no_signed_link);

/// Where the sender puts mails without a mail server.
fn folder(place: &mut Place) -> PathBuf {
    place.sender().data_folder().join("outbox")
}

/// Waits until the mail is there, whole.
async fn file_of(place: &mut Place, id: &str) -> String {
    let path = folder(place).join(format!("{id}.eml"));
    until("the mail is a file", || async { std::fs::read_to_string(&path).ok() }).await
}

/// What Python's strictest policy reads in a mail.
fn read_by_python(mail: &str) -> Option<Value> {
    let program = "import email, email.policy, json, sys\n\
                   mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.strict)\n\
                   to = [[a.display_name, a.addr_spec] for a in mail['To'].addresses]\n\
                   text = mail.get_body(('plain',)).get_content()\n\
                   print(json.dumps({'to': to, 'subject': str(mail['Subject']), 'text': text}))\n";
    python(program, mail.as_bytes()).map(|said| serde_json::from_str(&said).unwrap())
}

/// Goal: without a mail server a mail becomes one file, of exactly the bytes that the page gives, and a strict reader finds in
/// it who it is for and what was said.
async fn a_mail_becomes_a_file(mode: Mode) {
    let mut place = Plan::of(mode).start().await;
    let id = place.send("\"Núñez, Ana\" <ana@example.org>", "Größe: 大きさ", "El ñandú corre.\n.\nFrom aquí").await;
    place.becomes(&id, "sent").await;
    let file = file_of(&mut place, &id).await;
    let served = place.client().get(&format!("/notifications/{id}/eml")).await;
    assert_eq!((served.status, &served.headers["content-type"]), (200, &"message/rfc822".parse().unwrap()));
    assert_eq!(served.text, file);
    let names = std::fs::read_dir(folder(&mut place)).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), [&*format!("{id}.eml")]);
    let Some(read) = read_by_python(&file) else { return };
    assert_eq!(read["to"], json!([["Núñez, Ana", "ana@example.org"]]), "{read}");
    assert_eq!(read["subject"], "Größe: 大きさ", "{read}");
    let text = read["text"].as_str().unwrap().replace("\r\n", "\n");
    assert!(text.contains("El ñandú corre.\n.\nFrom aquí"), "{read}");
}

/// Without the line ends and escapes that a long link has in a mail.
fn flat(text: &str) -> String {
    text.replace("=\r\n", "").replace("=3D", "=")
}

/// Goal: the link that takes an address off is for its recipient and for who may do so anyway: others see the same mail, in
/// each of its forms, and in place of that link one that is good for nothing.
async fn readers_get_no_signed_link(mode: Mode) {
    let [(root, roots), (ci, cis), (eve, eves)] =
        [("root", "admin"), ("ci", "start"), ("eve", "read")].map(|(name, role)| setup!().new_key(name, role));
    let mut place = Plan::of(mode).set("API_KEYS", [roots, cis, eves].join(",")).start().await;
    let client = place.client();
    let context = json!({ "subject": "It rains", "text": "Take an umbrella." });
    let asked = json!({ "to": "ana@example.org", "template": "plain", "context": context });
    let queued = client.send(client.request("POST", "/notifications").bearer_auth(&ci).json(&asked)).await.ok();
    let id = queued["notification_ids"][0].as_str().unwrap();

    let mail = file_of(&mut place, id).await;
    let signed = mail.split(&format!("<{PAGE}/unsubscribe")).nth(1).unwrap().split('>').next().unwrap();
    let signature = signed.rsplit_once('.').unwrap().1;
    assert!(signed.starts_with("?token=") && signature.len() > 20, "{signed}");
    let seen_by = async |key: &str, path: &str| {
        let answer = client.send(client.request("GET", path).bearer_auth(key)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        flat(&answer.text)
    };
    let settled = || async {
        let told: Value = seen_by(&root, &format!("/notifications/{id}")).await.parse().unwrap();
        (told["state"] == "sent").then_some(())
    };
    until("it is written down as sent", settled).await;
    for (form, times) in [("", 3), ("/html", 1), ("/eml", 3)] {
        let path = format!("/notifications/{id}{form}");
        let whole = seen_by(&root, &path).await;
        assert_eq!(whole.matches(signed).count(), times, "{path}: {whole}");
        for other in [&ci, &eve] {
            let seen = seen_by(other, &path).await;
            assert!(!seen.contains(signature) && !seen.contains("token="), "{path}: {seen}");
            assert_eq!(seen, whole.replace(signed, ""), "{path}");
        }
    }
    let list = seen_by(&eve, "/notifications").await;
    assert!(list.contains(id) && !list.contains(signature), "{list}");
}
