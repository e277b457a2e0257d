//! The real binary, serving: how it starts, what it refuses, how it ends.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails by crashing")]

mod own_project;
mod server;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use server::{Server, caudal, err, program};

/// A follower of a slow task, with its lines as they come.
struct Follower {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Follower {
    fn of_slow_flow(server: &Server, steps: u32, step_ms: u32) -> Self {
        let inputs = format!("{{\"steps\":{steps},\"step_ms\":{step_ms}}}");
        let mut process = caudal(&["start", "slow_flow", "--follow", "--inputs", &inputs, "--url", &server.url])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    fn until(&mut self, words: &str) {
        assert!(self.lines.any(|line| line.unwrap().contains(words)), "'{words}' did not come");
    }

    fn end(mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }
}

/// Goal: a server that is stopped hands its tasks back, and its successor ends them; whoever follows one sees it
/// through on the same connection of his own.
#[test]
fn a_restart_is_survived() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(program(), data.path(), &["--diagnostics"]);
    let address = first.url.strip_prefix("http://").unwrap().to_owned();
    let mut follower = Follower::of_slow_flow(&first, 6, 200);
    follower.until("✓ step 2");
    first.ask("TERM");
    assert_eq!(first.end(), Some(0));
    let second = Server::start(program(), data.path(), &["--diagnostics", "--listen", &address]);
    follower.until("✓ step 6");
    assert_eq!(follower.end(), Some(0));
    second.ask("INT");
    assert_eq!(second.end(), Some(0));
}

/// Goal: a step in flight has its grace time, and a second Ctrl-C ends it at once.
#[test]
fn second_ctrl_c_ends_at_once() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(program(), data.path(), &["--diagnostics", "--grace-seconds", "3600"]);
    let mut follower = Follower::of_slow_flow(&server, 1, 3_600_000);
    follower.until("▶ step 1");
    server.ask("INT");
    // The second one must not come together with the first, or they are one: wait until it is heard.
    loop {
        if workers(&server).contains("\"draining\":true") {
            break;
        }
    }
    server.ask("INT");
    assert_eq!(server.end(), Some(130));
    follower.process.kill().unwrap();
    follower.end();
}

/// Goal: who stops a process that still waits for its Redis does not wait with it.
#[test]
fn a_stop_during_the_start_is_heard() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let redis = format!("redis://{}", silent.local_addr().unwrap());
    let data = tempfile::tempdir().unwrap();
    let args =
        ["web", "--listen", "127.0.0.1:0", "--redis-url", &redis, "--data-folder", data.path().to_str().unwrap()];
    let mut process = caudal(&args).stdout(Stdio::null()).spawn().unwrap();
    // It has come so far; and it gets no answer.
    let _connection = silent.accept().unwrap();
    let asked = std::process::Command::new("kill").args(["-INT", &process.id().to_string()]).status();
    assert!(asked.unwrap().success());
    assert_eq!(process.wait().unwrap().code(), Some(0), "it is ended by the stop and not by its patience");
}

fn workers(server: &Server) -> String {
    use std::io::{Read, Write};
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET /workers HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Goal: what cannot be started is told in one sentence with the way out, and nothing is left behind.
#[test]
fn refusals() {
    let data = tempfile::tempdir().unwrap();
    let used = data.path().join("used");
    let other = data.path().join("other");
    let server = Server::start(program(), &used, &[]);
    let address = server.url.strip_prefix("http://").unwrap();
    let refused = |args: &[&str], code: i32| {
        let output = caudal(args).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", err(&output));
        err(&output)
    };
    let (used, other) = (used.to_str().unwrap(), other.to_str().unwrap());
    let message = refused(&["--data-folder", used, "--listen", "127.0.0.1:0"], 1);
    assert!(message.contains("is in use by process"), "{message}");
    let message = refused(&["--data-folder", other, "--listen", address], 1);
    assert!(message.contains("choose another address with --listen"), "{message}");
    let message = refused(&["serve", "--concurrency", "many"], 2);
    assert!(message.contains("--concurrency is 'many', but must be a whole number"), "{message}");
    let message = refused(&["--listen", "0.0.0.0:0"], 2);
    assert!(message.contains("--allow-unauthenticated"), "{message}");
    let message = refused(&["--data-folder", other, "--listen", "127.0.0.1:0", "--log-filter", "a=b=c"], 2);
    assert!(message.contains("log_filter is 'a=b=c'"), "{message}");
}

/// Goal: a key made on the command line opens a server beyond loopback, and the command line shows it by flag or
/// environment.
#[test]
fn a_key_opens_the_network() {
    let data = tempfile::tempdir().unwrap();
    let made = caudal(&["new-key", "ci", "--role", "read", "--json"]).output().unwrap();
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let (key, line) = (made["key"].as_str().unwrap(), made["line"].as_str().unwrap());
    let server = Server::start(program(), data.path(), &["--listen", "0.0.0.0:0", "--api-keys", line]);
    let tasks = |more: &[&str]| {
        let args = [&["tasks", "--url", &server.url], more].concat();
        caudal(&args)
    };
    let refused = tasks(&[]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("--key or CAUDAL_API_KEY"), "{}", err(&refused));
    assert_eq!(tasks(&["--key", key]).status().unwrap().code(), Some(0));
    assert_eq!(tasks(&[]).env("CAUDAL_API_KEY", key).status().unwrap().code(), Some(0));
    let refused = caudal(&["cancel", "x", "--key", key, "--url", &server.url]).output().unwrap();
    assert!(err(&refused).contains("needs the role 'start'; yours is 'read'"), "{}", err(&refused));
    assert_eq!(tasks(&["--key", "ü\n"]).status().unwrap().code(), Some(2));
}
