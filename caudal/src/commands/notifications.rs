//! `caudal notifications list`, `show`, `retry`, `test-mail`, `webhook-secret`: what became of mails and webhook calls, and
//! how these are checked.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::table::table;
use super::{FAILURE, SUCCESS, Session};
use crate::cli::{NotificationsCommand, NotificationsListArgs, RetryNotificationsArgs, TestMailArgs};
use crate::output::text_of;

/// Notifications of one page of those that are sent again.
const RETRIED_AT_ONCE: usize = 200;
/// How often to ask what became of a test mail.
const ASK_AGAIN: Duration = Duration::from_millis(300);

pub(super) async fn run(session: &Session, command: &NotificationsCommand) -> Result<u8> {
    match command {
        NotificationsCommand::List(args) => list(session, args).await,
        NotificationsCommand::Show(args) => show(session, &args.notification).await,
        NotificationsCommand::Retry(args) if args.states.is_empty() => retry(session, &args.notifications).await,
        NotificationsCommand::Retry(args) => retry_all(session, args).await,
        NotificationsCommand::TestMail(args) => test_mail(session, args).await,
        NotificationsCommand::WebhookSecret(args) => webhook_secret(session, &args.receiver).await,
    }
}

async fn list(session: &Session, args: &NotificationsListArgs) -> Result<u8> {
    let mut filter = vec![("limit", args.limit.to_string())];
    let optional = [("task", &args.task), ("to", &args.to), ("cursor", &args.cursor)];
    filter.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    if !args.states.is_empty() {
        filter.push(("state", args.states.join(",").to_lowercase()));
    }
    let answer = session.client.get(&["notifications"], &filter).await?;
    session.output.either(&answer, words_of_list);
    Ok(SUCCESS)
}

fn words_of_list(answer: &Value) -> String {
    let items = answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    if items.is_empty() {
        return "no notifications".to_owned();
    }
    let names = ["notification_id", "state", "to", "template", "created_at", "error"];
    let rows = items.iter().map(|item| names.map(|name| text_of(item, name).to_owned()).to_vec());
    let mut text = table(["notification", "state", "to", "mail", "created", "error"], rows);
    if let Some(cursor) = answer.get("next").and_then(Value::as_str) {
        text.push_str(&format!("\nmore: the same with --cursor {cursor}"));
    }
    text
}

async fn show(session: &Session, id: &str) -> Result<u8> {
    let answer = session.client.get(&["notifications", id], &[]).await?;
    session.output.either(&answer, words_of_one);
    Ok(SUCCESS)
}

/// A line for each field, then the mail: its headers and its text.
fn words_of_one(notification: &Value) -> String {
    let mut lines = Vec::new();
    for (name, value) in notification.as_object().into_iter().flatten() {
        let text = match value {
            Value::Null | Value::Object(_) => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        lines.push(format!("{:<16} {text}", name.replace('_', " ")));
    }
    let mail = notification.get("mail").unwrap_or(&Value::Null);
    for header in mail.get("headers").and_then(Value::as_array).into_iter().flatten() {
        let part = |place: usize| header.get(place).and_then(Value::as_str).unwrap_or_default();
        lines.push(format!("{:<16} {}", part(0), part(1)));
    }
    lines.extend(Some(text_of(mail, "text")).filter(|text| !text.is_empty()).map(|text| format!("\n{text}")));
    lines.extend(notification.get("event").map(|event| format!("\n{event}")));
    lines.join("\n")
}

/// Each alone: one that is refused does not keep the others from it.
async fn retry(session: &Session, ids: &[String]) -> Result<u8> {
    let mut code = SUCCESS;
    for id in ids {
        match session.client.post(&["notifications", id, "retry"], &json!({}), None).await {
            Ok(answer) => session.output.either(&answer, |answer| format!("{id} {}", text_of(answer, "state"))),
            Err(error) => {
                session.output.remark(format!("{id}: {error}"));
                code = FAILURE;
            }
        }
    }
    Ok(code)
}

/// Page by page. One that fails anew meanwhile is not met again: what is listed is older than what was seen.
async fn retry_all(session: &Session, args: &RetryNotificationsArgs) -> Result<u8> {
    let mut filter = vec![("limit", RETRIED_AT_ONCE.to_string()), ("state", args.states.join(",").to_lowercase())];
    let optional = [("task", &args.task), ("to", &args.to)];
    filter.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    let (mut code, mut cursor) = (SUCCESS, None::<String>);
    loop {
        let page = filter.iter().cloned().chain(cursor.map(|cursor| ("cursor", cursor))).collect::<Vec<_>>();
        let answer = session.client.get(&["notifications"], &page).await?;
        let items = answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        let ids: Vec<String> = items.iter().map(|item| text_of(item, "notification_id").to_owned()).collect();
        code = code.max(retry(session, &ids).await?);
        match answer.get("next").and_then(Value::as_str) {
            Some(next) => cursor = Some(next.to_owned()),
            None => return Ok(code),
        }
    }
}

async fn webhook_secret(session: &Session, url: &str) -> Result<u8> {
    let answer = session.client.post(&["webhook-secret"], &json!({ "url": url }), None).await?;
    session.output.either(&answer, |answer| {
        let before = Some(text_of(answer, "secret_before")).filter(|before| !before.is_empty());
        let before = before.map(|before| format!("\nbefore: {before}")).unwrap_or_default();
        format!("{}{before}", text_of(answer, "secret"))
    });
    Ok(SUCCESS)
}

async fn test_mail(session: &Session, args: &TestMailArgs) -> Result<u8> {
    let context = json!({
        "subject": "A mail from Caudal",
        "text": "This is a test: whoever reads it gets the mails of this server.",
    });
    let asked = json!({ "to": args.address, "template": "plain", "context": context, "locale": args.locale });
    let answer = session.client.post(&["notifications"], &asked, None).await?;
    let id = answer.pointer("/notification_ids/0").and_then(Value::as_str).unwrap_or_default().to_owned();
    if id.is_empty() {
        bail!("the server did not say which notification it is: {answer}");
    }
    loop {
        let notification = session.client.get(&["notifications", &id], &[]).await?;
        let state = text_of(&notification, "state");
        if matches!(state, "queued" | "sending") {
            tokio::time::sleep(ASK_AGAIN).await;
            continue;
        }
        session.output.either(&notification, |notification| match text_of(notification, "error") {
            "" => format!("{id} {state}"),
            error => format!("{id} {state}: {error}"),
        });
        return Ok(if state == "sent" { SUCCESS } else { FAILURE });
    }
}
