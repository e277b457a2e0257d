//! `caudal ready`: whether a process can serve, for health checks where no other client is at hand.

use anyhow::Result;
use serde_json::Value;

use super::{SUCCESS, Session};
use crate::output::text_of;

pub(super) async fn run(session: &Session) -> Result<u8> {
    let readiness = session.client.get(&["readyz"], &[]).await?;
    session.output.either(&readiness, words);
    Ok(SUCCESS)
}

fn words(readiness: &Value) -> String {
    let workers = readiness.get("workers").and_then(Value::as_u64).unwrap_or(0);
    format!("ready: store {}, workers {workers}", text_of(readiness, "store"))
}
