//! What the page asks for: all that is live over one connection, figures, mails.

mod kit;

use caudal_engine::task::TaskId;
use kit::{EventStream, Hand, Message, Server, log};
use serde_json::{Value, json};

/// What a connection carries, apart: the numbers of a log's events, snapshots, words that lists have changed.
#[derive(Default)]
struct Told {
    seqs: Vec<u64>,
    states: Vec<String>,
    changes: usize,
    cursor: String,
}

impl Told {
    #[expect(clippy::unwrap_used, reason = "a test may end with a crash")]
    fn take(&mut self, message: &Message) {
        if let Some(id) = &message.id {
            self.cursor.clone_from(id);
        }
        match message.event.as_deref() {
            Some("tasks.changed") => self.changes += 1,
            Some("beat") => {}
            Some(_) => self.seqs.push(message.json()["seq"].as_u64().unwrap()),
            None => self.states.push(message.json()["state"].as_str().unwrap().to_owned()),
        }
    }

    /// Reads until it is so.
    #[expect(clippy::unwrap_used, reason = "a test may end with a crash")]
    async fn read(&mut self, stream: &mut EventStream, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            let message = stream.next().await.unwrap();
            self.take(&message);
        }
    }
}

fn asked(hand: &Hand, after: u64) -> String {
    format!("/stream?changes=1&task={0}&log={0}@{after}", hand.task)
}

/// Goal: one connection carries snapshots, a log from a number on, and a word when lists have changed; it stays when the
/// task has ended, for the next one to be told.
#[tokio::test]
async fn everything_over_one_connection() {
    let server = Server::start();
    let mut hand = server.run().await;
    hand.tell([log("one"), log("two")]).await;
    let seen = hand.head - 1;
    let mut stream = server.stream(&asked(&hand, seen)).await;
    let mut told = Told::default();
    hand.tell([log("three")]).await;
    hand.succeed(json!("done").into()).await;
    let head = hand.head;
    let has_ended = |told: &Told| told.states.last().is_some_and(|state| state == "SUCCESS");
    told.read(&mut stream, |told| has_ended(told) && told.seqs.last() == Some(&head) && told.changes > 0).await;
    assert_eq!(told.seqs, (seen + 1..=head).collect::<Vec<_>>(), "gapless, from the number that was asked for");

    let changes = told.changes;
    server.start().await;
    told.read(&mut stream, |told| told.changes > changes).await;
    assert_eq!(told.seqs.last(), Some(&head), "nothing came twice");
}

/// Goal: cut again and again, each event of the log comes once: a browser asks with the same old number, and what it has
/// seen meanwhile stands in its cursor; a page that opens anew asks with the new number.
#[tokio::test]
async fn a_log_that_is_cut() {
    let server = Server::start();
    let mut hand = server.run().await;
    let mut told = Told::default();
    for cut in 0..30 {
        hand.tell((0..1 + cut % 3).map(|_| log("x"))).await;
        let mut stream = match cut % 2 {
            0 => server.stream_after(&asked(&hand, 0), &told.cursor).await,
            _ => {
                let after = told.seqs.last().copied().unwrap_or(0);
                server.stream(&format!("{}&after={}", asked(&hand, after), told.cursor)).await
            }
        };
        let wanted = told.seqs.len() + 1;
        told.read(&mut stream, |told| told.seqs.len() >= wanted).await;
    }
    hand.succeed(json!(null).into()).await;
    let mut stream = server.stream_after(&asked(&hand, 0), &told.cursor).await;
    let head = hand.head;
    told.read(&mut stream, |told| told.seqs.last() == Some(&head)).await;
    assert_eq!(told.seqs, (1..=head).collect::<Vec<_>>());
}

/// Goal: what cannot be followed is refused before a stream begins.
#[tokio::test]
async fn logs_that_are_refused() {
    let server = Server::start();
    let task = server.start().await;
    let many: String = (0..101).map(|_| format!("&log={task}")).collect();
    for (query, status) in [
        (format!("log={task}@x"), 400),
        (format!("log={task}@-1"), 400),
        ("log=nothing@1".to_owned(), 404),
        ("log=01989b3a-0000-8000-8000-000000000000".to_owned(), 404),
        (many, 400),
        ("changes=2".to_owned(), 400),
        ("changes=0".to_owned(), 400),
    ] {
        let answer = server.get(&format!("/stream?{query}")).await;
        assert_eq!(answer.status, status, "{query}: {}", String::from_utf8_lossy(&answer.body));
    }
}

/// Goal: the figures of the overview follow what happens: how many came and ended, how long they took, how a flow's
/// newest tasks went.
#[tokio::test]
async fn figures_of_the_overview() {
    let server = Server::start();
    let mut good = server.run().await;
    let mut bad = server.run().await;
    let ends: Vec<TaskId> = vec![good.task, bad.task];
    let path = format!("/stream?task={}&task={}", ends[0], ends[1]);
    let mut stream = server.stream(&path).await;
    good.succeed(json!(1).into()).await;
    bad.fail("x").await;
    stream.rest().await;
    let sum = |stats: &Value, name: &str| -> u64 {
        stats["rates"]["points"].as_array().into_iter().flatten().filter_map(|point| point[name].as_u64()).sum()
    };
    let mut stats = server.get("/stats").await.json();
    // The figures hear of an end as every watcher does, each in its own time.
    while stats["durations"][0]["failed"] != 1 || stats["durations"][0]["succeeded"] != 1 {
        tokio::task::yield_now().await;
        stats = server.get("/stats").await.json();
    }
    assert_eq!((sum(&stats, "created"), sum(&stats, "succeeded"), sum(&stats, "failed")), (2, 1, 1), "{stats}");
    let recent = &server.get("/flows/poem_flow").await.json()["recent"];
    assert_eq!((&recent["count"], &recent["succeeded"], &recent["failed"]), (&json!(2), &json!(1), &json!(1)));
    assert!(recent["p50_ms"].is_u64() && recent["p95_ms"].is_u64(), "{recent}");
}

/// Goal: a list of mails says what each is about; one of them has all that can be looked at.
#[tokio::test]
async fn mails_in_a_list() {
    let server = Server::start();
    let body = json!({ "to": "ada@example.org", "template": "plain", "context": { "subject": "Rain" } });
    let ids = server.post("/notifications", &body).await.json()["notification_ids"].clone();
    let list = server.get("/notifications?to=ada@example.org&channel=mail&state=queued").await.json();
    assert_eq!(list["items"][0]["notification_id"], ids[0]);
    assert_eq!(list["items"][0]["subject"], "plain", "the kit's mails are called as their template");
    assert_eq!(list["next"], json!(null));
    let one = server.get(&format!("/notifications/{}", ids[0].as_str().unwrap_or_default())).await.json();
    assert_eq!(
        (&one["subject"], &one["mail"]["subject"], &one["to"]),
        (&json!("plain"), &json!("plain"), &json!("ada@example.org"))
    );
    assert!(one["mail"]["text"].is_string() && one["mail"]["html"].is_string() && one["mail"]["headers"].is_array());
    for wrong in ["colour=red", "channel=mail&channel=webhook", "limit=1&limit=2"] {
        assert_eq!(server.get(&format!("/notifications?{wrong}")).await.status, 400, "{wrong}");
    }
}
