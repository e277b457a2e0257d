//! Disks that are full, cannot be written, or hold something else than they should.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use caudal_tests::{Answer, Refusal, Server, Tmpfs, assert_lawful, setup, until};
use serde_json::json;

/// Goal: with no space left, starts are refused with 503 and nothing is half there; what runs waits without spinning;
/// with space again all goes on and nothing that was accepted is lost.
#[tokio::test]
async fn a_full_disk_is_waited_out() {
    let Some(disk) = Tmpfs::mount(16) else { return };
    let server = setup!().data_folder(&disk.path().join("data")).start().await;
    let client = server.client();
    let running = client.start("slow_flow", json!({ "steps": 20, "step_ms": 200 })).await;
    client.told(&running, "step.succeeded").await;
    disk.fill();
    let mut accepted = Vec::new();
    let refusal = refused_start(&server, &mut accepted).await;
    let problem = refusal.json();
    assert_eq!((refusal.status, &problem["code"]), (503, &json!("store_unavailable")), "{problem}");
    assert!(refusal.headers.contains_key("retry-after"));
    assert!(problem["detail"].as_str().unwrap().contains("no space left"), "the cause: {problem}");
    assert!(problem["hint"].as_str().unwrap().contains("repeat"), "what to do: {problem}");
    // A little that was reserved in the log's file may still take a write or two.
    until("the server says that it is not ready", || async {
        (client.get("/readyz").await.status == 503).then_some(())
    })
    .await;

    let before = server.process().cpu_time();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let cost = server.process().cpu_time() - before;
    assert!(cost < Duration::from_millis(1_000), "three seconds of waiting cost {cost:?} of a core");
    assert_eq!(client.view(&running).await["state"], "PROGRESS", "its flow knows nothing of it");

    disk.make_space();
    for task in accepted.iter().chain([&running]) {
        client.reached(task, "SUCCESS").await;
        assert_lawful(&client.events(task).await);
    }
    let listed = client.get("/tasks?limit=100").await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), accepted.len() + 1, "no refused start left anything");
    let starts = server.step_log().starts();
    assert_eq!(starts.iter().filter(|start| start.task == running).count(), 20, "no step was repeated");
}

/// Starts tasks until one is refused: what was reserved in the database's file may still be used.
async fn refused_start(server: &Server, accepted: &mut Vec<String>) -> Answer {
    let client = server.client();
    loop {
        let body = json!({ "flow": "bench_flow", "inputs": {}, "tags": ["x".repeat(60)] });
        let answer = client.post("/start-task", &body).await;
        if answer.status != 200 {
            return answer;
        }
        accepted.push(answer.json()["task_id"].as_str().unwrap().to_owned());
        assert!(accepted.len() < 10_000, "the disk is full and everything is accepted");
    }
}

fn is_refused_with(refusal: &Refusal, said: &[&str]) {
    assert!(refusal.code.is_some_and(|code| code != 0), "{refusal:?}");
    for words in said {
        assert!(refusal.said.contains(words), "'{words}' is missing in {refusal:?}");
    }
}

/// Goal: a data folder that cannot be written is refused at the start, with its path.
#[tokio::test]
async fn a_read_only_folder_is_refused() {
    if let Some(disk) = Tmpfs::mount(16) {
        let folder = disk.path().join("data");
        fs::create_dir(&folder).unwrap();
        disk.make_read_only();
        let refusal = setup!().data_folder(&folder).refused().await;
        is_refused_with(&refusal, &[folder.to_str().unwrap(), "may write to"]);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let refusal = setup!().data_folder(folder.path()).refused().await;
    is_refused_with(&refusal, &[folder.path().to_str().unwrap(), "may write to"]);
}

/// Goal: a store that was written and is now read-only (a disk that was remounted) is refused too.
#[tokio::test]
async fn a_store_that_became_read_only_is_refused() {
    let Some(disk) = Tmpfs::mount(16) else { return };
    let folder = disk.path().join("data");
    let mut server = setup!().data_folder(&folder).start().await;
    server.sigterm();
    server.ended().await;
    disk.make_read_only();
    let refusal = setup!().data_folder(&folder).refused().await;
    is_refused_with(&refusal, &[folder.to_str().unwrap()]);
}

async fn ended_store(folder: &Path) {
    let mut server = setup!().data_folder(folder).start().await;
    let task = server.client().start("bench_flow", json!({})).await;
    server.client().reached(&task, "SUCCESS").await;
    server.sigterm();
    assert!(server.ended().await.success());
}

/// Goal: a file that is no database, or was cut, is refused with its path and what to do, and is left as it is.
#[tokio::test]
async fn a_corrupt_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    ended_store(folder.path()).await;
    let database = folder.path().join("caudal.db");
    let good = fs::read(&database).unwrap();
    let mut torn = good.clone();
    torn[100..8_192].fill(0xa5);
    for bad in [b"This is not a database, whatever its name says. ".repeat(100), torn] {
        fs::write(&database, &bad).unwrap();
        let refusal = setup!().data_folder(folder.path()).refused().await;
        is_refused_with(&refusal, &[database.to_str().unwrap(), "backup", "move it away"]);
        assert!(fs::read(&database).unwrap() == bad, "it is evidence and not touched");
    }
}

/// Goal: a store of a newer version is refused with both numbers, and works with that version afterwards.
#[tokio::test]
async fn a_newer_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    ended_store(folder.path()).await;
    let database = folder.path().join("caudal.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.execute("INSERT INTO schema_migrations (version, name) VALUES (999, 'from the future')", []).unwrap();
    drop(connection);
    let refusal = setup!().data_folder(folder.path()).refused().await;
    is_refused_with(&refusal, &[database.to_str().unwrap(), "newer version", "999"]);
    rusqlite::Connection::open(&database)
        .unwrap()
        .execute("DELETE FROM schema_migrations WHERE version = 999", [])
        .unwrap();
    setup!().data_folder(folder.path()).start().await;
}
