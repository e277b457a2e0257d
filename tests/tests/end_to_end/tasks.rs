//! Tasks from start to end over HTTP: the few walks that touch every part at once.

use caudal_tests::{assert_lawful, kind, setup};
use serde_json::json;

/// Goal: the tour, as a newcomer takes it, shows every feature and ends well.
#[tokio::test]
async fn the_tour_shows_every_feature() {
    let server = setup!().start().await;
    let client = server.client();
    let task = client.start("tour_flow", json!({ "places": ["Faro"], "rest_seconds": 1 })).await;
    let asked = client.told(&task, "approval.asked").await;
    let id = asked["id"].as_str().unwrap();
    let waiting = client.reached(&task, "WAITING").await;
    assert_eq!(waiting["details"]["waiting"][0]["kind"], "approval", "{waiting}");
    assert_eq!(client.signal(&task, id, &json!({ "approved": false })).await.status, 200);
    let second = client.signal(&task, id, &json!({ "approved": true })).await;
    assert_eq!((second.status, &second.json()["code"]), (409, &json!("already_answered")));
    let view = client.reached(&task, "SUCCESS").await;
    assert_eq!(view["details"]["final_result"]["approved"], false);
    let log = client.events(&task).await;
    assert_lawful(&log);
    let child = log.iter().find(|event| kind(event) == "child.started").unwrap()["child"].as_str().unwrap();
    assert_eq!(client.view(child).await["state"], "SUCCESS");
}

/// Goal: pause lets the step finish and holds; resume goes on; cancel ends; retry is a new task that keeps what was
/// finished.
#[tokio::test]
async fn control_from_outside() {
    let server = setup!().start().await;
    let client = server.client();
    let task = client.start("slow_flow", json!({ "steps": 100, "step_ms": 50 })).await;
    client.told(&task, "step.succeeded").await;
    client.post(&format!("/tasks/{task}/pause"), &json!({})).await.ok();
    client.reached(&task, "PAUSED").await;
    client.post(&format!("/tasks/{task}/resume"), &json!({})).await.ok();
    client.told(&task, "task.resumed").await;
    client.post(&format!("/tasks/{task}/cancel"), &json!({})).await.ok();
    assert_eq!(client.ended(&task).await["state"], "CANCELLED");
    let log = client.events(&task).await;
    assert_lawful(&log);
    let finished = caudal_tests::finished_steps(&log);

    let retried = client.post(&format!("/tasks/{task}/retry"), &json!({})).await.ok();
    let retried = retried["task_id"].as_str().unwrap();
    client.reached(retried, "SUCCESS").await;
    assert_lawful(&client.events(retried).await);
    let starts = server.step_log().starts();
    let again = starts.iter().filter(|start| start.task == *retried && start.number as usize <= finished.len());
    assert_eq!(again.count(), 0, "finished steps are kept");
}

/// Goal: `?wait=` answers with the end when it comes in time.
#[tokio::test]
async fn a_start_can_wait_for_the_end() {
    let server = setup!().start().await;
    let client = server.client();
    let body = json!({ "flow": "count_words_flow", "inputs": { "text": "one two two" } });
    let answer = client.post("/start-task?wait=60", &body).await.ok();
    assert!(answer.to_string().contains("SUCCESS"), "{answer}");
}
