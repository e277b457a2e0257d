//! `/task-status/<id>`: what a watcher of snapshots may rely on.

mod kit;

use std::time::Instant;

use caudal_engine::task::event::{Chunk, Recorded, SignalAwaited, Teller, ToolResult};
use caudal_engine::task::{Fact, NO_PLACE};
use kit::{Request, Server, log, progress, step_started};
use serde_json::json;

/// Goal: the bytes that existing clients parse stay as they are: `retry` first, the first message at once, `id` the
/// newest event, every state an object of details, the end last.
#[tokio::test]
async fn the_bytes() {
    let server = Server::start();
    let mut hand = server.run().await;
    let mut stream = server.stream(&format!("/task-status/{}/", hand.task)).await;
    stream.next().await.unwrap();
    let tool = ToolResult {
        step_name: "Search".into(),
        tool: "tavily".into(),
        data: json!([1, {}]).into(),
        teller: Teller::default(),
    };
    hand.tell([step_started("Search"), log("▶️ NUL \0 and \u{2028}"), tool.into(), progress(60, "Searching…")]).await;
    stream.next().await.unwrap();
    hand.succeed(json!("The rain").into()).await;
    assert!(stream.rest().await.len() == 1);
    insta::assert_snapshot!(String::from_utf8(stream.bytes).unwrap());
}

/// Goal: nothing on the way may keep, change, gather or compress what is streamed.
#[tokio::test]
async fn the_headers() {
    let server = Server::start();
    let task = server.start().await;
    for path in [format!("/task-status/{task}"), format!("/stream?task={task}")] {
        let request = Request::new("GET", &path).header("accept-encoding", "gzip, br");
        let mut stream = request.stream(server.running.address()).await;
        assert_eq!(stream.status, 200);
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-cache, no-transform"),
            ("x-accel-buffering", "no"),
            ("content-encoding", "identity"),
            ("transfer-encoding", "chunked"),
        ] {
            assert_eq!(stream.headers.get(name).map(String::as_str), Some(value), "{path}");
        }
        assert_eq!(stream.block().await.unwrap().text, "retry: 1000");
        assert!(stream.next().await.unwrap().data.is_some());
    }
}

/// Goal: many changes become few snapshots, at most 20 a second, of which the last is the end.
#[tokio::test]
async fn changes_are_coalesced() {
    let server = Server::start();
    let mut hand = server.run().await;
    let mut stream = server.stream(&format!("/task-status/{}", hand.task)).await;
    stream.next().await.unwrap();
    let began = Instant::now();
    for number in 0..3_000u32 {
        hand.progress(u8::try_from(number / 30).unwrap(), &number.to_string()).await;
    }
    hand.succeed(json!(null).into()).await;
    let messages = stream.rest().await;
    // However long the machine took for it.
    let most = began.elapsed().as_millis() / 50 + 2;
    assert!((messages.len() as u128) <= most, "{} snapshots, {most} at most", messages.len());
    assert!(messages.windows(2).all(|pair| pair[0].seq() < pair[1].seq()));
    assert_eq!(messages.last().unwrap().json()["state"], "SUCCESS");
}

/// Goal: what does not change the view sends nothing.
#[tokio::test]
async fn silence_when_nothing_changes() {
    let server = Server::start();
    let mut hand = server.run().await;
    let mut stream = server.stream(&format!("/task-status/{}", hand.task)).await;
    assert_eq!(stream.next().await.unwrap().seq(), 2);
    let unseen =
        |step: &str| Fact::from(Recorded { step: step.into(), ordinal: NO_PLACE, value: json!("unseen").into() });
    hand.tell([unseen("~a/1"), unseen("~b/1")]).await;
    hand.log("now").await;
    assert_eq!(stream.next().await.unwrap().seq(), 5);
}

/// Goal: a snapshot is bounded as it is sent: the newest results with how many are left out, and the end of a text that is
/// being written; of very many texts and waits, too.
#[tokio::test]
async fn snapshots_are_bounded() {
    let server = Server::start();
    let mut hand = server.run().await;
    hand.tell((0..600).map(|number| log(&format!("line {number}")))).await;
    hand.tell([step_started("Write"), chunk("Write", &"x".repeat(40_000)), chunk("Write", "the end")]).await;
    let path = format!("/task-status/{}", hand.task);
    let details = server.stream(&path).await.next().await.unwrap().json()["details"].clone();
    let results = details["step_results"].as_array().unwrap();
    assert_eq!((results.len(), &details["omitted"]), (500, &json!(100)));
    assert_eq!((&results[0]["message"], &results[499]["message"]), (&json!("line 100"), &json!("line 599")));
    let text = details["streams"]["Write"].as_str().unwrap();
    assert_eq!(text.len(), 16 * 1024);
    assert!(text.ends_with("xthe end"));
    assert!(details["streams_omitted"].is_null() && details["waiting_omitted"].is_null());

    for number in 0..100 {
        let step = format!("Write {number}");
        hand.tell([step_started(&step), chunk(&step, &"y".repeat(20_000))]).await;
    }
    let awaited = |number: u32| SignalAwaited {
        step: format!("wait {number}").into(),
        ordinal: number,
        name: "go".into(),
        question: None,
        schema: None,
        until: None,
    };
    hand.tell((0..300).map(|number| awaited(number).into())).await;
    // The first one may be what an earlier watcher was shown.
    let mut stream = server.stream(&path).await;
    let mut message = stream.next().await.unwrap();
    while message.seq() < hand.head {
        message = stream.next().await.unwrap();
    }
    let details = message.json()["details"].clone();
    assert!(message.text.len() < 600 * 1024, "{}", message.text.len());
    assert_eq!((&details["streams_omitted"], &details["waiting_omitted"]), (&json!(37), &json!(200)));
    let listed = server.get(&format!("/tasks/{}", hand.task)).await.json()["details"].clone();
    assert_eq!(listed["waiting"].as_array().unwrap().len(), 100);
}

fn chunk(step: &str, text: &str) -> Fact {
    Chunk { step: step.into(), attempt: 1, text: text.into() }.into()
}

/// Goal: a late watcher sees everything at once, of a running task and of an ended one.
#[tokio::test]
async fn late_joiners_see_everything() {
    let server = Server::start();
    let mut hand = server.run().await;
    hand.log("early").await;
    let path = format!("/task-status/{}", hand.task);
    let mut first = server.stream(&path).await;
    assert_eq!(first.next().await.unwrap().json()["details"]["step_results"][0]["message"], "early");
    hand.log("later").await;
    let mut second = server.stream(&path).await;
    while second.next().await.unwrap().seq() < hand.head {}
    hand.fail("no rain").await;
    for mut stream in [first, second, server.stream(&path).await] {
        let last = stream.rest().await.pop().unwrap().json();
        assert_eq!(last["state"], "FAILURE");
        assert_eq!(last["details"]["error"]["message"], "no rain");
        assert_eq!(last["details"]["step_results"].as_array().unwrap().len(), 2);
    }
}

/// Goal: a reconnect gets nothing older; who saw the end gets 204; `Last-Event-ID` beats `?after=`; a number beyond
/// the log gets the newest.
#[tokio::test]
async fn reconnects() {
    let server = Server::start();
    let mut hand = server.run().await;
    hand.log("one").await;
    let path = format!("/task-status/{}", hand.task);
    let mut stream = server.stream_after(&path, 3).await;
    hand.log("two").await;
    assert_eq!(stream.next().await.unwrap().seq(), 4, "the view of 3 is not sent again");
    assert_eq!(server.stream_after(&path, 2).await.next().await.unwrap().seq(), 4);
    assert_eq!(server.stream_after(&path, 999).await.next().await.unwrap().seq(), 4);
    assert_eq!(server.stream_after(&path, "nonsense").await.next().await.unwrap().seq(), 4);
    hand.succeed(json!(1).into()).await;
    assert_eq!(server.stream_after(&path, 5).await.status, 204);
    assert_eq!(server.stream(&format!("{path}?after=5")).await.status, 204);
    assert_eq!(server.stream_after(&format!("{path}?after=5"), 4).await.status, 200);
    assert_eq!(server.stream_after(&format!("{path}?after=4"), 5).await.status, 204);
    assert_eq!(server.stream_after(&path, 999).await.rest().await.len(), 1);
}

/// Goal: who wants JSON gets the newest snapshot once; HEAD gets the headers; an unknown id is a problem.
#[tokio::test]
async fn not_only_streams() {
    let server = Server::start();
    let mut hand = server.run().await;
    hand.log("one").await;
    let path = format!("/task-status/{}/", hand.task);
    let answer = server.send(Request::new("GET", &path).header("accept", "application/json")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.json()["state"], "PROGRESS");
    let answer = server.send(Request::new("HEAD", &path)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/event-stream"));
    for unknown in ["/task-status/0198-x/", "/task-status/01989b3a-0000-8000-8000-000000000000"] {
        let answer = server.get(unknown).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("not_found")));
    }
}

/// Goal: a stop ends the streams of tasks that go on, and does not wait for them.
#[tokio::test]
async fn a_stop_ends_streams() {
    let server = Server::start();
    let hand = server.run().await;
    let paths = [
        format!("/task-status/{}", hand.task),
        format!("/task-status/{}?view=events", hand.task),
        format!("/stream?task={}", hand.task),
        "/stream?tasks=".to_owned(),
    ];
    let mut streams = Vec::new();
    for path in &paths {
        let mut stream = server.stream(path).await;
        stream.next().await.unwrap();
        streams.push(stream);
    }
    let stopping = async {
        for stream in &mut streams {
            stream.rest().await;
        }
    };
    let (stopped, ()) = tokio::join!(server.running.stop(), stopping);
    stopped.unwrap();
}
