//! `caudal watch`, and the silent wait of `caudal start --wait`.

use anyhow::Result;
use serde_json::Value;

use super::event_stream::EventStream;
use super::follow::{continued_as, follow, outcome};
use super::{FAILURE, SUCCESS, Session};
use crate::cli::WatchArgs;
use crate::output::shown;

pub(super) async fn run(session: &Session, args: &WatchArgs) -> Result<u8> {
    follow(session, &args.task).await
}

/// Nothing is shown until the end; then the result alone, for a pipe.
pub(super) async fn wait_for_end(session: &Session, task: &str) -> Result<u8> {
    let mut last = last_event(session, task).await?;
    while let Some(next) = continued_as(&last) {
        last = last_event(session, &next).await?;
    }
    let outcome = outcome(&last);
    if session.output.json {
        session.output.value(&last);
    }
    Ok(match outcome {
        Ok(result) => {
            if !session.output.json {
                session.output.line(shown(&result));
            }
            SUCCESS
        }
        Err(message) => {
            session.output.remark(format!("✗ {message}"));
            FAILURE
        }
    })
}

async fn last_event(session: &Session, task: &str) -> Result<Value> {
    let mut events = EventStream::new(&session.client, task);
    let mut last = Value::Null;
    while let Some(event) = events.next(|_| {}).await? {
        last = event;
    }
    Ok(last)
}
