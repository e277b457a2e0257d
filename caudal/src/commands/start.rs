//! `caudal start`: ask for the flow's schema → read the inputs → POST → follow, wait, or tell the id.

use std::io::Read;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::coerce::add_pairs;
use super::follow::follow;
use super::watch::wait_for_end;
use super::{SUCCESS, Session, Usage};
use crate::cli::StartArgs;
use crate::client::ClientError;
use crate::output::text_of;

pub(super) async fn run(session: &Session, args: &StartArgs) -> Result<u8> {
    let mut inputs = match &args.inputs {
        Some(written) => read_inputs(written)?,
        None => Map::new(),
    };
    if !args.input.is_empty() {
        let schema = input_schema(session, &args.flow).await?;
        add_pairs(&mut inputs, &args.input, &schema)?;
    }
    let body = request(args, inputs);
    let answer = session.client.post(&["start-task"], &body, args.idempotency_key.as_deref()).await?;
    let task = text_of(&answer, "task_id").to_owned();
    if args.follow {
        if !session.output.json {
            session.output.remark(format!("task {task}"));
        }
        follow(session, &task).await
    } else if args.wait {
        wait_for_end(session, &task).await
    } else {
        session.output.either(&answer, |_| format!("{task}\nwatch it: caudal watch {task}"));
        Ok(SUCCESS)
    }
}

async fn input_schema(session: &Session, flow: &str) -> Result<Value> {
    match session.client.get(&["flows", flow], &[]).await {
        Ok(mut flow) => Ok(flow.get_mut("input_schema").map(Value::take).unwrap_or_default()),
        Err(ClientError::Refused(problem)) if problem.status == 404 => Err(Usage(problem.to_string()).into()),
        Err(error) => Err(error.into()),
    }
}

fn request(args: &StartArgs, inputs: Map<String, Value>) -> Value {
    let mut body = Map::new();
    body.insert("flow".to_owned(), args.flow.clone().into());
    body.insert("inputs".to_owned(), Value::Object(inputs));
    let options = [
        ("delay_seconds", args.delay_seconds.map(Value::from)),
        ("priority", args.priority.clone().map(Value::from)),
        ("tags", (!args.tags.is_empty()).then(|| json!(args.tags))),
        ("unique_key", args.unique_key.clone().map(Value::from)),
        ("notify", notify(args)),
        ("locale", args.locale.clone().map(Value::from)),
        ("max_cost", args.max_cost.map(Value::from)),
        ("max_tokens", args.max_tokens.map(Value::from)),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    }
    Value::Object(body)
}

/// Who is to hear of it, if anybody is named.
fn notify(args: &StartArgs) -> Option<Value> {
    let mut notify = Map::new();
    if !args.notify.is_empty() {
        notify.insert("email".to_owned(), json!(args.notify));
    }
    if let Some(url) = &args.notify_webhook {
        notify.insert("webhook".to_owned(), json!(url));
    }
    if !args.notify_on.is_empty() {
        notify.insert("on".to_owned(), json!(args.notify_on));
    }
    (!notify.is_empty()).then_some(Value::Object(notify))
}

/// JSON, `@file`, or `-` for standard input.
fn read_inputs(written: &str) -> Result<Map<String, Value>> {
    let text = match written.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Usage(format!("cannot read the inputs in {path}: {error}")))?,
        None if written == "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read the inputs from standard input")?;
            text
        }
        None => written.to_owned(),
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(inputs)) => Ok(inputs),
        Ok(_) => Err(Usage("the inputs must be a JSON object: --inputs '{\"theme\": \"rain\"}'".to_owned()).into()),
        Err(error) => Err(Usage(format!("the inputs are not JSON: {error}")).into()),
    }
}
