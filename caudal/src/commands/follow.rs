//! Follows a task in the terminal: a bar for the progress, lines for logs and results, streamed text as it comes.

use anyhow::Result;
use serde_json::Value;

use super::event_stream::EventStream;
use super::screen::Screen;
use super::{FAILURE, SUCCESS, Session};
use crate::output::{shown, text_of};

/// Shows a task until it ended, and those that go on in its place.
pub(super) async fn follow(session: &Session, task: &str) -> Result<u8> {
    let output = session.output;
    let mut task = task.to_owned();
    loop {
        let mut screen = Screen::new(output);
        let last = follow_one(session, &task, &mut screen).await?;
        if let Some(next) = continued_as(&last) {
            screen.line(&format!("↪ goes on as {next}"));
            task = next;
            continue;
        }
        screen.end();
        return Ok(match outcome(&last) {
            Ok(result) => {
                if !output.json {
                    output.line(shown(&result));
                }
                SUCCESS
            }
            Err(message) => {
                if !output.json {
                    output.remark(format!("✗ {message}"));
                }
                FAILURE
            }
        });
    }
}

/// Returns the last event.
async fn follow_one(session: &Session, task: &str, screen: &mut Screen) -> Result<Value> {
    let output = session.output;
    let lost = |cause: &str| output.remark(format!("… the connection is lost ({cause}); trying again"));
    let mut events = EventStream::new(&session.client, task);
    let mut last = Value::Null;
    while let Some(event) = events.next(lost).await? {
        if output.json {
            output.value(&event);
        } else {
            tell(task, &event, screen);
        }
        last = event;
    }
    Ok(last)
}

/// The result that a last event tells of, or why there is none.
pub(super) fn outcome(last: &Value) -> Result<Value, String> {
    match text_of(last, "kind") {
        "task.succeeded" => Ok(last.get("result").cloned().unwrap_or_default()),
        "task.failed" => Err(failure(last)),
        "task.cancelled" => Err("cancelled".to_owned()),
        _ => Err("the log ended, but not the task".to_owned()),
    }
}

/// The task that goes on in place of one that ended so.
pub(super) fn continued_as(last: &Value) -> Option<String> {
    last.get("continued_as").and_then(Value::as_str).map(str::to_owned)
}

fn failure(event: &Value) -> String {
    let error = event.get("error").unwrap_or(&Value::Null);
    let message = text_of(error, "message");
    match error.get("step").and_then(Value::as_str) {
        Some(step) => format!("failed in '{step}': {message}"),
        None => format!("failed: {message}"),
    }
}

/// What a person wants to see of an event.
fn tell(task: &str, event: &Value, screen: &mut Screen) {
    let number = |name: &str| event.get(name).and_then(Value::as_u64).unwrap_or(0);
    match text_of(event, "kind") {
        "step.started" if number("attempt") > 1 => {
            screen.status(&format!("{} (attempt {})", text_of(event, "name"), number("attempt")));
        }
        "step.started" => screen.status(text_of(event, "name")),
        "step.succeeded" => screen.line(&format!("✓ {}", text_of(event, "name"))),
        "step.failed" => screen.line(&format!("✗ {}: {}", text_of(event, "name"), message_of(event))),
        "step.retrying" if event.get("postponed").is_some_and(|postponed| postponed == true) => {
            screen.line(&format!("↻ {} was asked to wait: {}", text_of(event, "name"), message_of(event)));
        }
        "step.retrying" => {
            screen.line(&format!("↻ {} failed, trying again: {}", text_of(event, "name"), message_of(event)));
        }
        "progress" => screen.progress(number("percent"), text_of(event, "message")),
        "log" => match text_of(event, "level") {
            "warn" => screen.line(&format!("⚠ {}", text_of(event, "message"))),
            "error" => screen.line(&format!("✗ {}", text_of(event, "message"))),
            _ => screen.line(&format!("  {}", text_of(event, "message"))),
        },
        "tool_result" => {
            let data = event.get("data").cloned().unwrap_or_default();
            screen.line(&format!("⚙ {}: {}", text_of(event, "tool"), shorten(&data.to_string())));
        }
        "custom" => {
            let data = event.get("data").cloned().unwrap_or_default();
            screen.line(&format!("• {}: {}", text_of(event, "name"), shorten(&data.to_string())));
        }
        "chunk" => screen.text(text_of(event, "text")),
        "chunk.reset" => screen.line("↻ the text so far is void"),
        "approval.asked" => {
            let id = text_of(event, "id");
            screen.line(&format!("? {}", text_of(event, "question")));
            if let Some(about) = event.get("about") {
                screen.line(&serde_json::to_string_pretty(about).unwrap_or_default());
            }
            screen.line(&format!("  caudal signal {task} {id} --approve    (or --reject)"));
        }
        "signal.awaited" => {
            let name = text_of(event, "name");
            screen.line(&format!("? waiting for '{name}': caudal signal {task} {name} <JSON>"));
        }
        "timer.set" => screen.status(&format!("asleep until {}", text_of(event, "until"))),
        "child.started" => screen.line(&format!("↳ {} {}", text_of(event, "flow"), text_of(event, "child"))),
        "task.paused" => screen.line("‖ paused: caudal resume goes on"),
        "task.resumed" => screen.line("▶ resumed"),
        "task.rescued" => screen.line("↻ its worker is gone, another takes over"),
        "task.retrying" => screen.line(&format!("↻ failed, runs again: {}", message_of(event))),
        "task.cancelling" => screen.status("cancelling"),
        _ => {}
    }
}

fn message_of(event: &Value) -> &str {
    event.get("error").map(|error| text_of(error, "message")).unwrap_or_default()
}

fn shorten(text: &str) -> String {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
