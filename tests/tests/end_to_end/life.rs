//! From the start to the end of a process.

use std::time::Duration;

use caudal_tests::{Patience, Server, setup, until};
use serde_json::json;

/// Goal: a clean start says where the page is, where the data is and which flows there are.
#[tokio::test]
async fn a_start_says_what_is_there() {
    let server = setup!().start().await;
    let log = server.log();
    let folder = server.data_folder().to_str().unwrap();
    for said in [&format!("http://{}", server.address()), folder, "durability", "tour_flow", "slow_flow"] {
        assert!(log.contains(said), "'{said}' is missing in:\n{log}");
    }
    let page = server.client().get("/").await;
    assert!(page.status == 200 && page.text.contains("<html"), "{page:?}");
    let flows = server.client().get("/flows").await.ok();
    let names: Vec<&str> =
        flows["items"].as_array().unwrap().iter().map(|flow| flow["name"].as_str().unwrap()).collect();
    assert!(names.is_sorted() && names.contains(&"abort_flow"), "{names:?}");
}

/// Goal: what exists only for tests and measurements is not offered unless it is asked for.
#[tokio::test]
async fn diagnostics_are_off_by_default() {
    let server = setup!().environment("CAUDAL_DIAGNOSTICS", "false").start().await;
    let refused = server.client().post("/start-task", &json!({ "flow": "abort_flow" })).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("unknown_flow")));
    assert!(refused.json()["hint"].as_str().unwrap().contains("tour_flow"), "{refused:?}");
}

/// Goal: one process owns a data folder; the second is told which one, and the first does not notice.
#[tokio::test]
async fn a_second_process_is_refused_with_the_first_ones_id() {
    let server = setup!().start().await;
    let refusal = setup!().data_folder(server.data_folder()).refused().await;
    let owner = format!("process {}", server.process().0);
    assert!(refusal.code.is_some_and(|code| code != 0), "{refusal:?}");
    assert!(
        refusal.said.contains(&owner) && refusal.said.contains(server.data_folder().to_str().unwrap()),
        "{refusal:?}"
    );
    let task = server.client().start("count_words_flow", json!({ "text": "still here" })).await;
    server.client().reached(&task, "SUCCESS").await;
}

/// Goal: a copy made while tasks are written is a whole store: another server starts from it, knows every task that
/// had been accepted, and finishes them.
#[tokio::test]
async fn a_backup_while_running_is_a_usable_store() {
    let server = setup!().start().await;
    let tasks = server.client().start_many("slow_flow", json!({ "steps": 5, "step_ms": 50 }), 20).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("caudal.db");
    let mut command = server.setup().command("backup");
    let output = command.arg(&file).arg("--data-folder").arg(server.data_folder()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let other = setup!().data_folder(folder.path()).start().await;
    for task in &tasks {
        assert_eq!(other.client().ended(task).await["state"], "SUCCESS");
        assert_eq!(server.client().ended(task).await["state"], "SUCCESS", "the original goes on too");
    }
    let again = server.setup().command("backup").arg(&file).arg("--data-folder").arg(server.data_folder()).output();
    assert!(!again.unwrap().status.success(), "a file that is there is never written over");
}

/// Goal: SIGTERM lets the step in flight finish, hands the task back and ends well. Meanwhile the server is there:
/// tasks can be seen, and one that is started waits in line for the next process.
#[tokio::test]
async fn sigterm_drains() {
    let mut server = setup!().start().await;
    let client = server.client();
    let task = client.start("slow_flow", json!({ "steps": 2, "step_ms": 2500 })).await;
    client.told(&task, "step.started").await;
    server.sigterm();
    says_that_it_stops(&server).await;
    let late = client.start("bench_flow", json!({})).await;
    assert_eq!(client.view(&task).await["state"], "PROGRESS");
    assert_eq!(client.view(&late).await["state"], "PENDING");
    assert!(server.ended().await.success());

    server.restart().await;
    client.reached(&late, "SUCCESS").await;
    client.reached(&task, "SUCCESS").await;
    client.told(&task, "task.released").await;
    assert_eq!(server.step_log().starts().len(), 2, "neither step was run twice");
}

/// Goal: a stop is heard by the sender at the same moment as by the worker: while a step goes on no mail begins, and what
/// was accepted meanwhile is sent by the next process.
#[tokio::test]
async fn nothing_is_sent_while_the_worker_drains() {
    let mut server = setup!().start().await;
    let client = server.client();
    let outbox = server.data_folder().join("outbox");
    let mails = || std::fs::read_dir(&outbox).map_or(0, Iterator::count);
    let task = client.start("slow_flow", json!({ "steps": 1, "step_ms": 2500 })).await;
    client.told(&task, "step.started").await;
    server.sigterm();
    says(&server, "worker drains").await;
    let context = json!({ "subject": "late", "text": "late" });
    let asked = json!({ "to": ["a@example.org"], "template": "plain", "context": context });
    client.post("/notifications", &asked).await.ok();
    assert!(server.ended().await.success());
    assert_eq!(mails(), 0);

    server.restart().await;
    until("the mail is sent", || async { (mails() == 1).then_some(()) }).await;
}

async fn says_that_it_stops(server: &Server) {
    says(server, "stopping").await;
}

async fn says(server: &Server, words: &str) {
    let patience = Patience::new(format!("it says '{words}'"));
    while !server.log().contains(words) {
        patience.pause().await;
    }
}

/// Goal: past the grace time a step that does not end is left behind, and the next start runs it again.
#[tokio::test]
async fn the_grace_time_is_an_end() {
    let mut server = setup!().flag("grace-seconds", 0).start().await;
    let client = server.client();
    let task = client.start("slow_flow", json!({ "steps": 1, "step_ms": 5000 })).await;
    client.told(&task, "step.started").await;
    server.sigterm();
    assert!(server.ended().await.success());
    server.restart().await;
    client.reached(&task, "SUCCESS").await;
    assert_eq!(server.step_log().starts().len(), 2);
}

/// Goal: who presses Ctrl-C twice does not want to wait.
#[tokio::test]
async fn a_second_interrupt_ends_at_once() {
    let mut server = setup!().flag("grace-seconds", 3600).start().await;
    let client = server.client();
    let task = client.start("slow_flow", json!({ "steps": 1, "step_ms": 3_600_000 })).await;
    client.told(&task, "step.started").await;
    server.process().signal("INT");
    says_that_it_stops(&server).await;
    assert!(!server.is_ended(), "one Ctrl-C waits for the step");
    server.process().signal("INT");
    assert!(!server.ended().await.success());
}

/// Goal: a bad setting stops the start, naming the key, the form of its value and an example.
#[tokio::test]
async fn a_bad_setting_stops_the_start() {
    let refusal = setup!().flag("concurrency", "many").refused().await;
    assert_eq!(refusal.code, Some(2), "{refusal:?}");
    assert!(refusal.said.contains("concurrency") && refusal.said.contains("for example"), "{refusal:?}");
    let refusal = setup!().flag("public-url", "not a url").refused().await;
    assert!(refusal.said.contains("public_url") || refusal.said.contains("public-url"), "{refusal:?}");
}

/// Goal: an idle server is idle.
#[tokio::test]
async fn an_idle_server_costs_next_to_nothing() {
    let server = setup!().start().await;
    let task = server.client().start("count_words_flow", json!({ "text": "warm" })).await;
    server.client().reached(&task, "SUCCESS").await;
    let before = server.process().cpu_time();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let cost = server.process().cpu_time() - before;
    assert!(cost < Duration::from_millis(200), "two idle seconds cost {cost:?} of a core");
}
