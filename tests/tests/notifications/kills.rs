//! A sender that dies without a word, or is asked to end, again and again, while mails flow.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use caudal_tests::{MailSink, Manners, Taken, now_ms, until};
use rand::Rng;
use serde_json::{Value, json};

use crate::place::{Mode, Place, Plan, list};

in_both_modes!(every_mail_survives_kills, every_mail_survives_stops_once, a_stop_in_the_middle_of_an_answer);

const TASKS: usize = 100;
const READERS_PER_TASK: usize = 5;
const MAILS: usize = TASKS * READERS_PER_TASK;
const CONNECTIONS: usize = 4;
/// What one sender has in hand at once, at most.
const IN_HAND: usize = CONNECTIONS * 4;

/// Goal: whenever the sender is killed, each of 500 mails arrives at least once. One that arrives twice does so across a
/// kill, with the same Message-ID: the sender died between the server's OK and its own record.
async fn every_mail_survives_kills(mode: Mode) {
    let sink = MailSink::start().await;
    let mut place = mails_flow(mode, &sink).await;
    let kills = end_at_random(&mut place, &sink, Ending::Kill).await;
    let sent = all_sent(&place).await;
    let taken = sink.taken();
    let mut arrivals: BTreeMap<&str, Vec<&Taken>> = BTreeMap::new();
    for mail in &taken {
        arrivals.entry(&mail.message_id).or_default().push(mail);
    }
    assert_each_arrived(&sent, &taken);
    let doubled: Vec<_> = arrivals.values().filter(|arrivals| arrivals.len() > 1).collect();
    let extra = taken.len() - MAILS;
    println!("{mode:?}: {MAILS} mails, {} kills, {extra} arrived once more ({} mails)", kills.len(), doubled.len());
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

/// Goal: a sender that is asked to end and started again, as at a deploy, loses no mail and sends none twice.
async fn every_mail_survives_stops_once(mode: Mode) {
    let sink = MailSink::start().await;
    let mut place = mails_flow(mode, &sink).await;
    let stops = end_at_random(&mut place, &sink, Ending::Stop).await;
    let sent = all_sent(&place).await;
    assert_each_arrived(&sent, &sink.taken());
    assert!(stops.len() >= 5, "{stops:?}");
    assert_eq!(sink.taken().len(), MAILS, "each once");
}

/// Goal: a server that takes longer to say OK than a stop waits for it gets the mail once more, as the same mail; one that
/// says it in time does not.
async fn a_stop_in_the_middle_of_an_answer(mode: Mode) {
    let sink = MailSink::start().await;
    sink.behave(Manners::Ponders);
    let mut place = Plan::sending_to(mode, &sink).set("GRACE_SECONDS", 1).start().await;
    let mail = place.send("ana@example.org", "Once or twice", "Hola").await;
    sink.received(1).await;
    place.sender().sigterm();
    place.sender().ended().await;
    sink.behave(Manners::Good);
    sink.left_alone().await;
    place.sender().restart().await;
    place.becomes(&mail, "sent").await;
    let taken = sink.taken();
    assert_eq!(taken.len(), 2, "{taken:?}");
    assert!(taken.iter().all(|taken| taken.message_id == format!("<{mail}@example.org>")), "{taken:?}");
}

/// Goal: a mail that the server thinks about while Redis is away for longer than a claim lives is sent once.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_redis_doubles_nothing() {
    const MAILS: usize = 3;
    let sink = MailSink::start().await;
    sink.behave(Manners::Ponders);
    let mut place = Plan::sending_to(Mode::Apart, &sink).start().await;
    for n in 0..MAILS {
        place.send(&format!("reader{n}@example.org"), "Once", "Hola").await;
    }
    sink.received(MAILS).await;
    let Place::Apart(installation) = &mut place else { unreachable!() };
    installation.redis.kill();
    let sender = &installation.senders[0];
    let is_over = || async { sender.log().contains("the server has it already").then_some(()) };
    until("the claims are over", is_over).await;
    installation.redis.restart();
    sink.behave(Manners::Good);
    let client = place.client();
    let all_sent = || async {
        // It may still be away for the web server.
        let answer = client.get("/notifications?state=sent").await;
        (answer.status == 200 && answer.json()["items"].as_array().unwrap().len() == MAILS).then_some(())
    };
    until("they are written down as sent", all_sent).await;
    assert_eq!(sink.taken().len(), MAILS, "{:?}", sink.taken());
}

/// Starts tasks that each tell several readers of their end.
async fn mails_flow(mode: Mode, sink: &MailSink) -> Place {
    let plan = Plan::sending_to(mode, sink).set("SMTP_CONNECTIONS", CONNECTIONS).set("MAILS_PER_SECOND", 120);
    let place = plan.start().await;
    let reader = |task, n| format!("reader{}@example.org", (task * READERS_PER_TASK + n) % 125);
    let task = |task| {
        let readers: Vec<_> = (0..READERS_PER_TASK).map(|n| reader(task, n)).collect();
        json!({ "flow": "bench_flow", "inputs": { "steps": 1 }, "notify": { "email": readers } })
    };
    let tasks: Vec<_> = (0..TASKS).map(task).collect();
    place.client().post("/start-tasks", &json!({ "tasks": tasks })).await.ok();
    place
}

/// Waits until all are written down as sent, and answers them.
async fn all_sent(place: &Place) -> Vec<Value> {
    let client = place.client();
    until("all mails are written down as sent", || async {
        Some(list(&client, "state=sent").await).filter(|sent| sent.len() == MAILS)
    })
    .await
}

fn assert_each_arrived(sent: &[Value], taken: &[Taken]) {
    let expected: BTreeSet<_> =
        sent.iter().map(|sent| (message_id(sent), sent["to"].as_str().unwrap().to_owned())).collect();
    let arrived: BTreeSet<_> = taken.iter().map(|mail| (mail.message_id.clone(), mail.to.clone())).collect();
    assert_eq!(arrived, expected, "each recipient has each mail, and nothing else");
}
fn message_id(notification: &Value) -> String {
    format!("<{}@example.org>", notification["notification_id"].as_str().unwrap())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Kill,
    Stop,
}

/// Ends and starts the sender until most mails are through. Answers when.
async fn end_at_random(place: &mut Place, sink: &MailSink, ending: Ending) -> Vec<i64> {
    let mut ends = Vec::new();
    while sink.taken().len() < MAILS * 9 / 10 {
        let before = sink.taken().len();
        // It lives until it has sent something, and then a little longer.
        sink.received(before + 1).await;
        let life = rand::rng().random_range(0..400);
        tokio::time::sleep(Duration::from_millis(life)).await;
        let sender = place.sender();
        match ending {
            Ending::Kill => sender.kill9(),
            Ending::Stop => {
                sender.sigterm();
                sender.ended().await;
            }
        }
        // What it had sent before it died may still lie in between.
        sink.left_alone().await;
        ends.push(now_ms());
        sender.restart().await;
    }
    ends
}
