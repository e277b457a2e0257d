//! `caudal cancel`, `pause`, `resume`, `retry`: the same request with another verb; and `delete`, which is a verb of HTTP's.

use anyhow::Result;
use serde_json::{Value, json};

use super::{FAILURE, SUCCESS, Session};
use crate::client::ClientError;
use crate::output::text_of;

/// Each task alone: one that is refused does not keep the others from it.
pub(super) async fn run(session: &Session, verb: &str, tasks: &[String]) -> Result<u8> {
    let [task] = tasks else { return many(session, verb, tasks).await };
    let answer = ask(session, verb, task).await?;
    session.output.either(&answer, |answer| words(task, verb, answer));
    Ok(SUCCESS)
}

async fn many(session: &Session, verb: &str, tasks: &[String]) -> Result<u8> {
    let mut code = SUCCESS;
    for task in tasks {
        match ask(session, verb, task).await {
            Ok(answer) => session.output.either(&answer, |answer| words(task, verb, answer)),
            Err(error) => {
                if session.output.json {
                    session.output.value(&json!({"task_id": task, "error": error.to_string()}));
                } else {
                    session.output.remark(format!("{task}: {error}"));
                }
                code = FAILURE;
            }
        }
    }
    Ok(code)
}

async fn ask(session: &Session, verb: &str, task: &str) -> Result<Value, ClientError> {
    match verb {
        "delete" => session.client.delete(&["tasks", task]).await.map(|()| json!({ "task_id": task, "deleted": true })),
        verb => session.client.post(&["tasks", task, verb], &json!({}), None).await,
    }
}

fn words(task: &str, verb: &str, answer: &Value) -> String {
    match (verb, text_of(answer, "task_id"), text_of(answer, "state")) {
        ("retry", new, _) if !new.is_empty() => format!("{new}\nwatch it: caudal watch {new}"),
        (_, _, state) if !state.is_empty() => format!("{task} {state}"),
        _ => format!("{task} {verb}: done"),
    }
}
