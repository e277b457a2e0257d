//! The commands, as the binary does them, against a server that says what the test wants to hear.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails by crashing")]

mod fake_server;

use std::process::{Command, Output, Stdio};

use fake_server::{FakeServer, Request, events, json};
use serde_json::{Value, json};

fn caudal(url: &str, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_caudal"))
        .args(args)
        .env("CAUDAL_URL", url)
        .env("NO_PROXY", "127.0.0.1")
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

const TASK: &str = "01978f00-0000-8000-8000-000000000001";

/// A flow with two inputs; starting it gives [`TASK`], whose log comes in these pieces, one per connection.
fn poems(pieces: Vec<Vec<Value>>) -> FakeServer {
    let connection = std::sync::atomic::AtomicUsize::new(0);
    FakeServer::start(move |request: &Request| match request.path.split('?').next().unwrap() {
        "/flows/poem_flow" => json(
            "200 OK",
            &json!({"name": "poem_flow", "input_schema": {"type": "object", "properties": {
                "theme": {"type": "string"}, "lines": {"type": "integer"}}}}),
        ),
        "/start-task" => json("200 OK", &json!({"task_id": TASK, "status_url": format!("/task-status/{TASK}/")})),
        path if path.starts_with("/task-status/") => {
            let number = connection.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            events(&pieces[number])
        }
        _ => json("404 Not Found", &json!({"detail": "there is no such path"})),
    })
}

fn succeeded(seq: u64) -> Value {
    json!({"seq": seq, "kind": "task.succeeded", "result": "The rain…"})
}

/// Goal: inputs are typed by the flow's schema, and the other options stand where the wire has them.
#[test]
fn start_sends_what_was_asked() {
    let server = poems(Vec::new());
    let started = caudal(
        &server.url,
        &[
            "start",
            "poem_flow",
            "-i",
            "theme=7",
            "-i",
            "lines=7",
            "--inputs",
            "{\"extra\": true}",
            "--tag",
            "nightly",
            "--priority",
            "high",
            "--delay-seconds",
            "1.5",
            "--idempotency-key",
            "k1",
            "--notify",
            "a@example.org",
            "--notify",
            "b@example.org",
            "--notify-on",
            "failure,waiting",
            "--locale",
            "es",
            "--max-cost",
            "0.5",
            "--max-tokens",
            "1000",
        ],
    );
    assert_eq!(started.status.code(), Some(0), "{}", err(&started));
    assert!(out(&started).starts_with(TASK));
    let request = server.requests().pop().unwrap();
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("idempotency-key"), Some("k1"));
    assert_eq!(
        request.body,
        json!({"flow": "poem_flow", "inputs": {"theme": "7", "lines": 7, "extra": true}, "tags": ["nightly"],
               "priority": "high", "delay_seconds": 1.5, "locale": "es", "max_cost": 0.5, "max_tokens": 1000,
               "notify": {"email": ["a@example.org", "b@example.org"], "on": ["failure", "waiting"]}})
    );
}

/// Goal: a follower sees each event once although the connection breaks, and gets the result and exit code 0.
#[test]
fn follow_survives_a_break() {
    let log = |seq: u64, message: &str| json!({"seq": seq, "kind": "log", "level": "info", "message": message});
    let chunk = |seq: u64, text: &str| json!({"seq": seq, "kind": "chunk", "step": "write", "text": text});
    let server = poems(vec![
        vec![log(1, "first"), json!({"seq": 2, "kind": "progress", "percent": 40, "message": "Writing"})],
        vec![log(1, "first"), log(3, "third"), chunk(4, "The "), chunk(5, "rain"), succeeded(6)],
    ]);
    let followed = caudal(&server.url, &["start", "poem_flow", "--follow"]);
    assert_eq!(followed.status.code(), Some(0), "{}", err(&followed));
    assert_eq!(out(&followed), "  first\n[ 40 %] Writing\n  third\nThe rain\nThe rain…\n");
    assert!(err(&followed).contains("the connection is lost"));
    let again = server.requests().pop().unwrap();
    assert_eq!(again.header("last-event-id"), Some("2"));
    assert_eq!(again.path, format!("/task-status/{TASK}?view=events"));
}

/// Goal: a failed task is exit code 1 and says which step it was; for programs each event is a line of JSON.
#[test]
fn failure_is_told() {
    let failed = || {
        json!({"seq": 1, "kind": "task.failed",
               "error": {"type": "failed", "message": "no rhyme", "step": "Write the poem", "attempt": 3}})
    };
    let server = poems(vec![vec![failed()], vec![failed()]]);
    let watched = caudal(&server.url, &["watch", TASK]);
    assert_eq!(watched.status.code(), Some(1));
    assert_eq!(err(&watched), "✗ failed in 'Write the poem': no rhyme\n");
    let watched = caudal(&server.url, &["watch", TASK, "--json"]);
    assert_eq!(watched.status.code(), Some(1));
    assert_eq!(serde_json::from_str::<Value>(&out(&watched)).unwrap(), failed());
}

/// Goal: `--wait` prints the result alone, of the task that went on in place of the first.
#[test]
fn wait_prints_the_result_alone() {
    let server = poems(vec![
        vec![json!({"seq": 1, "kind": "task.succeeded", "result": null, "continued_as": "b"})],
        vec![succeeded(1)],
    ]);
    let waited = caudal(&server.url, &["start", "poem_flow", "--wait"]);
    assert_eq!((waited.status.code(), out(&waited)), (Some(0), "The rain…\n".to_owned()));
    assert!(server.requests().pop().unwrap().path.starts_with("/task-status/b?"));
}

/// Goal: a question is shown with all that it is about and the command that answers it.
#[test]
fn questions_say_how_to_answer() {
    let asked = json!({"seq": 1, "kind": "approval.asked", "id": "approval-1", "question": "Publish it?"});
    let mut whole = asked.clone();
    whole["about"] = json!({"text": "All of it."});
    let server = poems(vec![vec![asked, succeeded(2)], vec![whole, succeeded(2)]]);
    let watched = out(&caudal(&server.url, &["watch", TASK]));
    assert!(watched.contains(&format!("? Publish it?\n  caudal signal {TASK} approval-1 --approve")), "{watched}");
    let watched = out(&caudal(&server.url, &["watch", TASK]));
    let shown = format!("? Publish it?\n{{\n  \"text\": \"All of it.\"\n}}\n  caudal signal {TASK} approval-1");
    assert!(watched.contains(&shown), "{watched}");
}

/// Goal: what the server refuses is told with its hint and all it found; that is exit code 2.
#[test]
fn refusals_are_shown() {
    let server = FakeServer::start(|_| {
        json(
            "400 Bad Request",
            &json!({"detail": "the inputs do not fit", "hint": "Known flows: poem_flow", "status": 400,
                    "errors": [{"path": "/theme", "message": "is required"}]}),
        )
    });
    let refused = caudal(&server.url, &["start", "poem_flow"]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(err(&refused), "error: the inputs do not fit\n  /theme: is required\nKnown flows: poem_flow\n");
}

/// Goal: mistakes on the command line are exit code 2 and say what is right, before anything is sent.
#[test]
fn usage_errors() {
    let server = poems(Vec::new());
    for (args, words) in [
        (&["start"][..], "<FLOW>"),
        (&["start", "poem_flow", "--inputs", "[1]"], "must be a JSON object"),
        (&["start", "poem_flow", "--inputs", "{"], "are not JSON"),
        (&["start", "poem_flow", "--inputs", "@no/such/file"], "cannot read the inputs in no/such/file"),
        (&["start", "poem_flow", "-i", "lines=many"], "'many' is not a whole number"),
        (&["start", "poem_flow", "-i", "colour=red"], "known are: theme, lines"),
        (&["start", "verse_flow", "-i", "theme=rain"], "there is no such path"),
        (&["signal", TASK, "go", "--comment", "x"], "--approve"),
        (&["--listen", "127.0.0.1:1", "tasks"], "--listen belongs to `serve`"),
        (&["--url", "localhost", "tasks"], "is no address of a server"),
    ] {
        let refused = caudal(&server.url, args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {}", err(&refused));
        assert!(err(&refused).contains(words), "{args:?}: {}", err(&refused));
        assert_eq!(err(&refused).matches("error:").count(), 1, "{args:?}: {}", err(&refused));
    }
    assert!(server.requests().iter().all(|request| request.method == "GET"));
}

/// Goal: without a server the message says how to start one; that is exit code 1.
#[test]
fn no_server() {
    let refused = caudal("http://127.0.0.1:1", &["tasks"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("`caudal serve`"), "{}", err(&refused));
}

/// Goal: lists are tables for people and the server's own JSON for programs; filters stand in the query.
#[test]
fn lists() {
    let page = json!({"items": [{"task_id": TASK, "flow": "poem_flow", "state": "PROGRESS", "progress": 40,
        "status": "Running 'Write the poem'…", "created_at": "2026-11-21T04:26:35.123Z"}], "next": "c1"});
    let answer = page.clone();
    let server = FakeServer::start(move |_| json("200 OK", &answer));
    let table = out(&caudal(&server.url, &["tasks", "--state", "progress", "--state", "waiting", "--flow", "a b"]));
    assert!(table.contains(TASK) && table.contains("40 %") && table.contains("--cursor c1"), "{table}");
    assert_eq!(server.requests()[0].path, "/tasks?limit=20&flow=a+b&state=PROGRESS%2CWAITING");
    let printed = caudal(&server.url, &["tasks", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&out(&printed)).unwrap(), page);
}

/// Goal: controls and signals reach the task they name, whatever is in the name.
#[test]
fn controls_and_signals() {
    let server = FakeServer::start(|_| json("200 OK", &json!({"state": "PAUSED"})));
    assert_eq!(out(&caudal(&server.url, &["pause", TASK])), format!("{TASK} PAUSED\n"));
    caudal(&server.url, &["signal", TASK, "a/b ü", "{\"x\":1}"]);
    caudal(&server.url, &["signal", TASK, "word", "hello"]);
    caudal(&server.url, &["signal", TASK, "approval-1", "--approve", "--comment", "fine"]);
    let requests = server.requests();
    assert_eq!(requests[0].path, format!("/tasks/{TASK}/pause"));
    assert_eq!(requests[1].path, format!("/tasks/{TASK}/signals/a%2Fb%20%C3%BC"));
    assert_eq!(requests[1].body, json!({"x": 1}));
    assert_eq!(requests[2].body, json!("hello"));
    assert_eq!(requests[3].body, json!({"approved": true, "comment": "fine"}));
}

/// Goal: of several tasks each has its line, those that are refused too, and then the code says so.
#[test]
fn several_tasks() {
    let server = FakeServer::start(|request| match request.path.as_str() {
        "/tasks/a/cancel" => json("404 Not Found", &json!({"detail": "There is no such task."})),
        _ => json("200 OK", &json!({"task_id": "b", "state": "CANCELLED"})),
    });
    let told = caudal(&server.url, &["cancel", "a", "b"]);
    assert_eq!((told.status.code(), out(&told)), (Some(1), "b CANCELLED\n".to_owned()));
    assert_eq!(err(&told), "a: There is no such task.\n");
    let told = out(&caudal(&server.url, &["cancel", "a", "b", "--json"]));
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0], json!({"task_id": "a", "error": "There is no such task."}));
    assert_eq!(lines[1]["state"], "CANCELLED");
}

/// Goal: ended tasks can be forgotten from the command line too, and a refusal is told.
#[test]
fn deletes() {
    let server = FakeServer::start(|request| match request.path.as_str() {
        "/tasks/a" => "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_owned(),
        _ => json("409 Conflict", &json!({"detail": "The task has not ended."})),
    });
    let deleted = caudal(&server.url, &["delete", "a"]);
    assert_eq!((deleted.status.code(), out(&deleted)), (Some(0), "a delete: done\n".to_owned()));
    assert_eq!(server.requests()[0].method, "DELETE");
    let refused = caudal(&server.url, &["delete", "a", "b"]);
    assert_eq!((refused.status.code(), err(&refused)), (Some(1), "b: The task has not ended.\n".to_owned()));
}

/// Goal: a backup needs the data folder and nothing else of what a server is told.
#[test]
fn a_backup_needs_only_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    let backup = Command::new(env!("CARGO_BIN_EXE_caudal"))
        .args(["backup", file.to_str().unwrap(), "--data-folder", folder.path().to_str().unwrap()])
        // A server beyond loopback without keys, and one that lacks a sender, are refused.
        .envs([("CAUDAL_LISTEN", "0.0.0.0:8000"), ("CAUDAL_SMTP_URL", "smtp://mail.internal")])
        .output()
        .unwrap();
    assert!(err(&backup).contains("name the server's data folder"), "{}", err(&backup));
}

/// Goal: what people and their scripts read in the help changes only on purpose.
#[test]
fn help() {
    let mut text = out(&caudal("", &["--help"]));
    // Every command that it names.
    let listed = text.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap().to_owned();
    let words = listed.lines().filter_map(|line| line.trim().split(' ').next()).filter(|word| !word.is_empty());
    let commands: Vec<&str> = words.filter(|command| *command != "help").collect();
    assert!(commands.len() >= 20, "{commands:?}");
    let of_serve = out(&caudal("", &["serve", "-h"]));
    let settings = &of_serve[of_serve.find("\nServer:").unwrap()..];
    for command in commands {
        let mut help = out(&caudal("", &[command, "-h"]));
        if command != "serve" {
            help = help.replace(settings, "\nAnd all settings, as for serve\n");
        }
        text.push_str(&format!("\n--- {command}\n\n{help}"));
    }
    for command in ["list", "show", "retry", "test-mail"] {
        let help = out(&caudal("", &["notifications", command, "-h"]));
        text.push_str(&format!("\n--- notifications {command}\n\n{help}"));
    }
    insta::assert_snapshot!(text);
}
