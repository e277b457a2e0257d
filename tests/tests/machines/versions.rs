//! Two binaries side by side, the old one with `slow_flow` in version 1 and the next one with version 2; and a binary
//! whose code does not fit what its tasks have done.

use caudal_tests::{
    Client, Installation, Patience, Process, Role, Server, assert_lawful, installation, kind, process_of, until,
};
use serde_json::{Value, json};

use crate::slow_tasks::is_ended;

fn next_version(installation: &Installation, role: Role) -> caudal_tests::Setup {
    installation.setup_of(env!("CARGO_BIN_EXE_next-version"), role)
}

async fn logs_of_ended(client: &Client, tasks: &[String]) -> Vec<Vec<Value>> {
    let patience = Patience::new("all tasks end");
    let mut logs = Vec::new();
    for task in tasks {
        logs.push(loop {
            let events = client.events(task).await;
            if is_ended(&events) {
                assert_lawful(&events);
                assert_eq!(kind(events.last().unwrap()), "task.succeeded", "{events:#?}");
                break events;
            }
            patience.pause().await;
        });
    }
    logs
}

fn claimed_by(events: &[Value]) -> Vec<Process> {
    events.iter().filter(|event| kind(event) == "task.claimed").map(process_of).collect()
}

/// Goal: the old binary claims no task of version 2, nor one that version 2 has run; they wait in line, for all to see,
/// until the next binary is there.
#[tokio::test]
async fn old_code_claims_no_new_tasks() {
    let mut installation = installation!().flag("concurrency", 20).start().await;
    let old = installation.workers[0].process();
    let (old_web, new_web) = (installation.client(), next_version(&installation, Role::Web).start().await);
    let new_client = new_web.client();
    let of_version_2 = new_client.start_many("slow_flow", json!({ "steps": 2, "step_ms": 50 }), 20).await;
    let of_version_1 = old_web.start_many("slow_flow", json!({ "steps": 2, "step_ms": 50 }), 20).await;
    for log in logs_of_ended(&old_web, &of_version_1).await {
        assert_eq!((claimed_by(&log), &log.last().unwrap()["result"]), (vec![old], &json!(2)), "as many as its steps");
    }
    for task in &of_version_2 {
        assert_eq!(old_web.view(task).await["state"], "PENDING");
    }
    let ready = old_web.get("/readyz").await.ok();
    assert_eq!(ready["unknown_flows"], json!([{ "flow": "slow_flow", "version": 2, "count": 20 }]), "{ready}");

    let mut next = next_version(&installation, Role::Worker).start().await;
    for log in logs_of_ended(&new_client, &of_version_2).await {
        assert_eq!((claimed_by(&log), &log.last().unwrap()["result"]), (vec![next.process()], &json!(2)));
    }

    // Both run tasks of version 1, then the next binary is taken away for a while.
    let of_version_1 = old_web.start_many("slow_flow", json!({ "steps": 15, "step_ms": 200 }), 40).await;
    until("both work", || async { both_work(&old_web, &of_version_1, old, next.process()).await.then_some(()) }).await;
    let nexts = [next.process(), replaced(&mut next).await];
    let logs = logs_of_ended(&old_web, &of_version_1).await;
    for log in &logs {
        let claims = claimed_by(log);
        let first_of_next = claims.iter().position(|process| nexts.contains(process)).unwrap_or(claims.len());
        assert!(!claims[first_of_next..].contains(&old), "{claims:?}");
    }
    assert!(logs.iter().any(|log| claimed_by(log).len() > 1), "some were handed over");
    installation.workers.push(next);
}

async fn both_work(client: &Client, tasks: &[String], one: Process, other: Process) -> bool {
    let mut claims = Vec::new();
    for task in tasks {
        claims.extend(claimed_by(&client.events(task).await));
    }
    claims.contains(&one) && claims.contains(&other)
}

async fn replaced(worker: &mut Server) -> Process {
    worker.sigterm();
    assert!(worker.ended().await.success());
    worker.restart().await;
    worker.process()
}

/// Goal: a task whose code has changed under it is paused and says what it met; when the right binary is back, a resume
/// takes it to success.
#[tokio::test]
async fn changed_code_pauses_until_the_right_binary_is_back() {
    let installation = installation!().workers(0).start().await;
    let web = next_version(&installation, Role::Web).start().await;
    let mut right = next_version(&installation, Role::Worker).start().await;
    let client = web.client();
    let task = client.start("slow_flow", json!({ "steps": 8, "step_ms": 300 })).await;
    client.told(&task, "step.succeeded").await;
    right.sigterm();
    assert!(right.ended().await.success());

    let mut wrong = next_version(&installation, Role::Worker).environment("WRONG_CODE", "1").start().await;
    let paused = client.told(&task, "task.paused").await;
    assert_eq!(paused["reason"], "code_mismatch");
    assert_eq!(paused["detail"], "log has step 1/1, code met stage 1/1");
    assert_eq!(client.view(&task).await["state"], "PAUSED");
    wrong.sigterm();
    assert!(wrong.ended().await.success());

    right.restart().await;
    assert_eq!(client.post(&format!("/tasks/{task}/resume"), &json!({})).await.status, 200);
    assert_eq!(client.reached(&task, "SUCCESS").await["details"]["final_result"], 2);
    let log = client.events(&task).await;
    assert_lawful(&log);
    assert_eq!(caudal_tests::finished_steps(&log), (1..=8).map(|number| format!("step {number}")).collect::<Vec<_>>());
}
