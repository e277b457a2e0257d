//! A sender that dies without a word, again and again, while mails flow.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use caudal_tests::{MailSink, Taken, now_ms, until};
use rand::Rng;
use serde_json::json;

use crate::place::{Mode, Place, Plan, list};

in_both_modes!(every_mail_survives_kills);

const TASKS: usize = 100;
const READERS_PER_TASK: usize = 5;
const CONNECTIONS: usize = 4;
/// What one sender has in hand at once, at most.
const IN_HAND: usize = CONNECTIONS * 4;

/// Goal: whenever the sender is killed, each of 500 mails arrives at least once. One that arrives twice does so across a
/// kill, with the same Message-ID: the sender died between the server's OK and its own record.
async fn every_mail_survives_kills(mode: Mode) {
    let sink = MailSink::start().await;
    let plan = Plan::sending_to(mode, &sink).set("SMTP_CONNECTIONS", CONNECTIONS).set("MAILS_PER_SECOND", 120);
    let mut place = plan.start().await;
    let client = place.client();
    let reader = |task, n| format!("reader{}@example.org", (task * READERS_PER_TASK + n) % 125);
    let task = |task| {
        let readers: Vec<_> = (0..READERS_PER_TASK).map(|n| reader(task, n)).collect();
        json!({ "flow": "bench_flow", "inputs": { "steps": 1 }, "notify": { "email": readers } })
    };
    let tasks: Vec<_> = (0..TASKS).map(task).collect();
    client.post("/start-tasks", &json!({ "tasks": tasks })).await.ok();
    let kills = kill_at_random(&mut place, &sink).await;

    let wanted = TASKS * READERS_PER_TASK;
    let client = place.client();
    let sent = until("all mails are written down as sent", || async {
        Some(list(&client, "state=sent").await).filter(|sent| sent.len() == wanted)
    })
    .await;
    let taken = sink.taken();
    let mut arrivals: BTreeMap<&str, Vec<&Taken>> = BTreeMap::new();
    for mail in &taken {
        arrivals.entry(&mail.message_id).or_default().push(mail);
    }
    let expected: BTreeSet<_> =
        sent.iter().map(|sent| (message_id(sent), sent["to"].as_str().unwrap().to_owned())).collect();
    let arrived: BTreeSet<_> = taken.iter().map(|mail| (mail.message_id.clone(), mail.to.clone())).collect();
    assert_eq!(arrived, expected, "each recipient has each mail, and nothing else");
    let doubled: Vec<_> = arrivals.values().filter(|arrivals| arrivals.len() > 1).collect();
    let extra = taken.len() - wanted;
    println!("{mode:?}: {wanted} mails, {} kills, {extra} arrived once more ({} mails)", kills.len(), doubled.len());
    assert!(kills.len() >= 5, "{kills:?}");
    assert!(extra <= kills.len() * IN_HAND, "no more than the senders had in hand when they died");
    for pair in doubled.iter().flat_map(|arrivals| arrivals.windows(2)) {
        let [first, again] = pair else { unreachable!() };
        let is_between = |kill: &&i64| (first.at_ms..=again.at_ms).contains(kill);
        assert!(kills.iter().any(|kill| is_between(&kill)), "a kill lies between: {first:?} {again:?} {kills:?}");
    }
    for sent in &sent {
        let times = arrivals[message_id(sent).as_str()].len();
        assert!(sent["attempts"].as_u64().unwrap() >= times as u64, "no attempt is uncounted: {sent}, {times} times");
    }
}

fn message_id(notification: &serde_json::Value) -> String {
    format!("<{}@example.org>", notification["notification_id"].as_str().unwrap())
}

/// Kills and starts the sender until most mails are through. Answers when.
async fn kill_at_random(place: &mut Place, sink: &MailSink) -> Vec<i64> {
    let mut kills = Vec::new();
    while sink.taken().len() < TASKS * READERS_PER_TASK * 9 / 10 {
        let before = sink.taken().len();
        // It lives until it has sent something, and then a little longer.
        sink.received(before + 1).await;
        let life = rand::rng().random_range(0..400);
        tokio::time::sleep(Duration::from_millis(life)).await;
        let sender = place.sender();
        sender.kill9();
        // What it had sent before it died may still lie in between.
        sink.left_alone().await;
        kills.push(now_ms());
        sender.restart().await;
    }
    kills
}
