//! The client against a raw socket, which says exactly what a test wants it to say.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::contract::gauge_in;
use super::{Connection, Target, View, WireState, start, watch_to_end};

const STARTED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"task_id\":\"abc\"}";
const STREAM: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
    d\r\nretry: 1000\n\n\r\n23\r\nid: 1\nevent: task.created\ndata: {}\n\r\n1\r\n\n\r\n\
    26\r\nid: 2\nevent: task.succeeded\ndata: {}\n\n\r\n0\r\n\r\n";

/// Reads one request, head and body.
async fn request(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    loop {
        stream.read_buf(&mut all).await.unwrap();
        let text = String::from_utf8(all.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.split("content-length: ").nth(1).map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
        if body.len() == length {
            return text;
        }
    }
}

async fn listen() -> (TcpListener, Target) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::from(listener.local_addr().unwrap());
    (listener, target)
}

/// Goal: start and stream go over one connection, however its answers are cut.
#[tokio::test]
async fn one_connection_for_all() {
    let (listener, target) = listen().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        for cut in 0..STREAM.len() {
            assert!(request(&mut stream).await.starts_with("POST /start-task HTTP/1.1\r\n"));
            stream.write_all(STARTED).await.unwrap();
            assert!(request(&mut stream).await.starts_with("GET /task-status/abc?view=events HTTP/1.1\r\n"));
            stream.write_all(&STREAM.as_bytes()[..cut]).await.unwrap();
            stream.flush().await.unwrap();
            tokio::task::yield_now().await;
            stream.write_all(&STREAM.as_bytes()[cut..]).await.unwrap();
        }
    });
    let mut connection = Connection::open(&target, None).await.unwrap();
    for _ in 0..STREAM.len() {
        let task = start(&mut connection, b"{\"flow\":\"bench_flow\"}").await.unwrap();
        let ended = watch_to_end(&mut connection, &task, View::Events).await.unwrap();
        assert_eq!((ended.state, ended.messages), (WireState::Succeeded, 2));
    }
    server.await.unwrap();
}

/// Goal: a server that closes after its answer is dialled again; what it refuses is told with its words.
#[tokio::test]
async fn dials_again_and_tells_refusals() {
    let (listener, target) = listen().await;
    let server = tokio::spawn(async move {
        for answer in [
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 400 Bad Request\r\n\r\nUnknown flow",
        ] {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let mut connection = Connection::open(&target, None).await.unwrap();
    assert_eq!(connection.get("/readyz").await.unwrap().status, 200);
    let refused = start(&mut connection, b"{}").await.unwrap_err();
    assert_eq!(refused.to_string(), "POST /start-task answered 400: Unknown flow");
    server.await.unwrap();
}

/// Goal: a stream that is cut off is an error, never the end of a task.
#[tokio::test]
async fn a_cut_stream_is_no_end() {
    let (listener, target) = listen().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        stream.write_all(&STREAM.as_bytes()[..STREAM.len() - 5]).await.unwrap();
    });
    let mut connection = Connection::open(&target, None).await.unwrap();
    let cut = watch_to_end(&mut connection, "abc", View::Events).await.unwrap_err();
    assert!(cut.to_string().contains("middle of an answer"), "{cut}");
    server.await.unwrap();
}

/// Goal: a gauge is read by its whole name, and one that nobody has set is not zero.
#[test]
fn gauges() {
    let told = "# TYPE waiting gauge\nwaiting_bytes 7\nwaiting 3\n";
    assert_eq!(gauge_in(told, "waiting"), Some(3.0));
    assert_eq!(gauge_in(told, "wait"), None);
}
