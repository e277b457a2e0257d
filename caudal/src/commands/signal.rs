//! `caudal signal`: a value for a waiting task, or the answer to its question.

use anyhow::Result;
use serde_json::{Value, json};

use super::coerce::plain;
use super::{SUCCESS, Session, Usage};
use crate::cli::SignalArgs;

pub(super) async fn run(session: &Session, args: &SignalArgs) -> Result<u8> {
    let value = value(args)?;
    let answer = session.client.post(&["tasks", &args.task, "signals", &args.name], &value, None).await?;
    session.output.either(&answer, |_| format!("{} has it", args.task));
    Ok(SUCCESS)
}

fn value(args: &SignalArgs) -> Result<Value, Usage> {
    if args.approve || args.reject {
        return Ok(json!({"approved": args.approve, "comment": args.comment}));
    }
    if args.comment.is_some() {
        return Err(Usage("--comment goes with --approve or --reject".to_owned()));
    }
    Ok(plain(&args.value))
}
