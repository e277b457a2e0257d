//! Who wants no more mail gets none, by one click, and nobody else can do it for them.

use caudal_tests::{Answer, Client, MailSink, Manners, until};
use serde_json::{Value, json};

use crate::place::{Mode, PAGE, Place, Plan};

in_both_modes!(
    one_click_is_enough,
    no_retry_reaches_who_has_left,
    forged_links_are_refused,
    links_outlive_a_changed_secret
);

/// The link of this mail, without the address of the page.
async fn link_of(place: &Place, id: &str) -> String {
    let shown = place.notification(id).await;
    let headers = shown["mail"]["headers"].as_array().unwrap().clone();
    let header = headers.iter().find(|header| header[0] == "List-Unsubscribe").unwrap();
    let link = header[1].as_str().unwrap().trim_matches(['<', '>']);
    assert!(shown["mail"]["text"].as_str().unwrap().contains(link), "people see it too: {shown}");
    link.strip_prefix(PAGE).unwrap().to_owned()
}

/// As mail programs do it (RFC 8058): they say nothing of who they are.
async fn click(client: &Client, link: &str) -> Answer {
    let form = "application/x-www-form-urlencoded";
    let request = client.request("POST", link).header("Content-Type", form).body("List-Unsubscribe=One-Click");
    client.send(request).await
}

/// Goal: looking at the link changes nothing, one POST takes the address off, and it can be put on again.
async fn one_click_is_enough(mode: Mode) {
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).start().await;
    let client = place.client();
    let first = place.send("Ana <ana@example.org>", "One", "Hola").await;
    place.becomes(&first, "sent").await;
    let link = link_of(&place, &first).await;
    let looked = client.get(&link).await;
    assert!(looked.status == 200 && looked.text.contains("ana@example.org"), "{looked:?}");
    let second = place.send("ana@example.org", "Two", "Hola").await;
    place.becomes(&second, "sent").await;
    assert_eq!(click(&client, &link).await.status, 200);
    assert_eq!(click(&client, &link).await.status, 200, "a second click is as good");
    let third = place.send("ANA@example.org", "Three", "Hola").await;
    let suppressed = place.becomes(&third, "suppressed").await;
    assert!(suppressed["error"].as_str().unwrap().contains("unsubscribed"), "{suppressed}");
    let others = place.send("ben@example.org", "Three", "Hola").await;
    place.becomes(&others, "sent").await;
    let listed: Value = client.get("/suppressions").await.ok();
    assert_eq!(listed["items"][0]["address"], "ana@example.org", "{listed}");
    assert_eq!(client.send(client.request("DELETE", "/suppressions/ana@example.org")).await.status, 200);
    assert_eq!(client.post(&format!("/notifications/{third}/retry"), &json!({})).await.status, 200);
    place.becomes(&third, "sent").await;
    assert_eq!(sink.taken().len(), 4);
}

/// Goal: a mail that waits to be tried again is not sent to who was taken off meanwhile, by a click or by an administrator;
/// beside them, who still wants it has it.
async fn no_retry_reaches_who_has_left(mode: Mode) {
    let sink = MailSink::start().await;
    sink.behave(Manners::Refuses("451 4.3.2 too busy, come back"));
    let place = Plan::sending_to(mode, &sink).start().await;
    let client = place.client();
    let [clicks, listed, stays] = [
        place.send("ana@example.org", "Patience", "Hola").await,
        place.send("ben@example.org", "Patience", "Hola").await,
        place.send("eva@example.org", "Patience", "Hola").await,
    ];
    for id in [&clicks, &listed, &stays] {
        place.becomes(id, "deferred").await;
    }
    assert_eq!(click(&client, &link_of(&place, &clicks).await).await.status, 200);
    client.post("/suppressions", &json!({ "address": "Ben <BEN@example.org>" })).await.ok();
    let odd = client.post("/suppressions", &json!({ "address": "eve@example.org", "reason": 7 })).await;
    assert_eq!(odd.status, 400, "{odd:?}");
    // A try that had begun before is over then: it was refused, as all were.
    for id in [&clicks, &listed] {
        until("no try is on its way", || async {
            let told = place.notification(id).await;
            ["deferred", "suppressed"].iter().any(|state| told["state"] == *state).then_some(())
        })
        .await;
    }
    sink.behave(Manners::Good);
    let all_ended = || async { (place.list("state=sent,failed,suppressed").await.len() == 3).then_some(()) };
    until("all have ended", all_ended).await;
    for id in [&clicks, &listed] {
        let suppressed = place.notification(id).await;
        assert_eq!(suppressed["state"], "suppressed", "{suppressed}");
        assert!(suppressed["error"].as_str().unwrap().contains("unsubscribed"), "{suppressed}");
        assert!(suppressed["attempts"].as_u64().unwrap() >= 2, "it was tried before: {suppressed}");
    }
    assert_eq!(place.notification(&stays).await["state"], "sent");
    let to: Vec<_> = sink.taken().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, ["eva@example.org"]);
}

/// Goal: a link that we did not make, or that was changed, is 403 and changes nothing.
async fn forged_links_are_refused(mode: Mode) {
    let sink = MailSink::start().await;
    let place = Plan::sending_to(mode, &sink).start().await;
    let client = place.client();
    let [anas, bens] =
        [place.send("ana@example.org", "One", "Hola").await, place.send("ben@example.org", "One", "Hola").await];
    let [anas, bens] = [link_of(&place, &anas).await, link_of(&place, &bens).await];
    let (who, signature) = anas.rsplit_once('.').unwrap();
    let another = bens.rsplit_once('.').unwrap().1;
    let last = if signature.ends_with('A') { "E" } else { "A" };
    let changed = format!("{who}.{}{last}", &signature[..signature.len() - 1]);
    let stranger = format!("/unsubscribe?token={}.{signature}", "ZGVmYXVsdApjZW9AZXhhbXBsZS5vcmc");
    let forged = [
        format!("{who}.{another}"),
        changed,
        stranger,
        who.to_owned(),
        "/unsubscribe?token=".into(),
        "/unsubscribe".into(),
    ];
    for link in forged {
        for answer in [client.get(&link).await, click(&client, &link).await] {
            assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("forbidden")), "{link}: {answer:?}");
        }
    }
    assert_eq!(client.get("/suppressions").await.ok()["items"], json!([]));
}

/// Goal: a mail that is years old takes its address off although the secret was changed since, while the one of before is
/// known; without it, the link is anybody's.
async fn links_outlive_a_changed_secret(mode: Mode) {
    let sink = MailSink::start().await;
    let [old, new] = ["an old secret that nobody will guess", "a new secret that nobody will guess."];
    let before = Plan::sending_to(mode, &sink).set("SECRET", old).start().await;
    let mail = before.send("ana@example.org", "One", "Hola").await;
    let link = link_of(&before, &mail).await;
    let changed = Plan::sending_to(mode, &sink).set("SECRET", new).start().await;
    assert_eq!(click(&changed.client(), &link).await.status, 403);
    let knows = Plan::sending_to(mode, &sink).set("SECRET", new).set("SECRET_BEFORE", old).start().await;
    let client = knows.client();
    assert_eq!(client.get(&link).await.status, 200);
    assert_eq!(click(&client, &link).await.status, 200);
    assert_eq!(client.get("/suppressions").await.ok()["items"][0]["address"], "ana@example.org");
    let mail = knows.send("ben@example.org", "Two", "Hola").await;
    assert_eq!(
        click(&before.client(), &link_of(&knows, &mail).await).await.status,
        403,
        "new links are the new secret's"
    );
}
