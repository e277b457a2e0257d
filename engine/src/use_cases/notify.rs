//! From an event of a task to the notifications about it: who wants to hear of it → what each is told.
//!
//! They are made where the event is, and stored in the same operation. What a mail says is taken down now, so that it
//! can be sent when the task is long forgotten; what the page's address is, the sender knows.

use std::sync::Arc;

use serde::Serialize;

use crate::engine::Engine;
use crate::flow::FlowDefinition;
use crate::notification::wish::each_once;
use crate::notification::{
    Channel, MailContent, Mailbox, NewNotification, NotificationId, Notify, NotifyOn, WebhookContent,
};
use crate::task::event::TaskSucceeded;
use crate::task::{ErrorReport, Fact, Json, TaskRecord, Timestamp};

/// A result is told up to this length: what the outbox holds while nobody takes it is bounded.
const MOST_RESULT_BYTES: usize = 16 * 1024;

/// What the mails about tasks are filled with. Every field is always there, so that a template can ask for it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TaskContext {
    pub task_id: String,
    pub flow: String,
    pub title: String,
    pub created_at: Timestamp,
    /// As people read it; cut when it is long.
    pub result: Option<String>,
    pub result_is_cut: bool,
    pub error: Option<ErrorContext>,
    pub question: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct ErrorContext {
    #[serde(rename = "type")]
    pub kind: String,
    pub message: String,
    pub step: Option<String>,
    pub attempt: Option<u32>,
}

/// Those about the end of a task, if the fact is one that somebody wants to hear of. A task that goes on in another has
/// not ended; one that was cancelled was so by somebody who knows.
pub(crate) fn of_end(
    engine: &Engine,
    task: &TaskRecord,
    flow: Option<&FlowDefinition>,
    fact: &Fact,
) -> Vec<NewNotification> {
    let (on, template) = match fact {
        Fact::TaskSucceeded(succeeded) if succeeded.continued_as.is_none() => (NotifyOn::Success, "task_finished"),
        Fact::TaskFailed(_) => (NotifyOn::Failure, "task_failed"),
        _ => return Vec::new(),
    };
    let mut readers = Readers::of(task, on);
    if on == NotifyOn::Failure {
        let own = flow.and_then(|flow| flow.options.notify_on_failure);
        readers.mailboxes.extend(engine.notifications.on_failure.of(&task.flow, own));
    }
    let event = Event { fact, template };
    readers.told_of(engine, task, flow, &event)
}

/// Those about a question that a person must answer.
pub(crate) fn of_question(
    engine: &Engine,
    task: &TaskRecord,
    flow: &FlowDefinition,
    asked: &Fact,
) -> Vec<NewNotification> {
    let event = Event { fact: asked, template: "approval_wanted" };
    Readers::of(task, NotifyOn::Waiting).told_of(engine, task, Some(flow), &event)
}

struct Event<'a> {
    fact: &'a Fact,
    template: &'static str,
}

/// Who wants to hear of an event.
#[derive(Default)]
struct Readers {
    mailboxes: Vec<Mailbox>,
    webhook: Option<String>,
}

impl Readers {
    fn of(task: &TaskRecord, on: NotifyOn) -> Self {
        // It was checked when the task was started.
        let wish: Option<Notify> = task.options.notify.as_ref().and_then(|wish| wish.parse().ok());
        match wish.filter(|wish| wish.wants(on)) {
            Some(wish) => Self { mailboxes: wish.mailboxes().unwrap_or_default(), webhook: wish.webhook },
            None => Self::default(),
        }
    }

    fn told_of(
        self,
        engine: &Engine,
        task: &TaskRecord,
        flow: Option<&FlowDefinition>,
        event: &Event<'_>,
    ) -> Vec<NewNotification> {
        if self.mailboxes.is_empty() && self.webhook.is_none() {
            return Vec::new();
        }
        let now = engine.clock.now();
        let first = NotificationId::first(now, task.id.partition(), engine.ids.random());
        let mut told = Vec::new();
        if !self.mailboxes.is_empty() {
            let context = Json::of(&context(task, flow, event.fact)).unwrap_or_default();
            let locale = task.options.locale.as_deref();
            told = mails(first, each_once(self.mailboxes), event.template, locale, &context);
        }
        told.extend(self.webhook.map(|url| {
            let event = told_by_webhook(event.fact, now);
            let body = Json::of(&WebhookContent { flow: task.flow.clone(), event }).unwrap_or_default();
            NewNotification { id: first.nth(told.len()), channel: Channel::Webhook, recipient: url.into(), body }
        }));
        told
    }
}

/// A mail to each, under the ids of one wish.
pub(crate) fn mails(
    first: NotificationId,
    to: Vec<Mailbox>,
    template: &str,
    locale: Option<&str>,
    context: &Json,
) -> Vec<NewNotification> {
    let template: Arc<str> = template.into();
    let mail = |(place, to): (usize, Mailbox)| {
        let recipient = to.address.as_str().into();
        let locale = locale.map(str::to_owned);
        let content = MailContent { to, template: template.clone(), locale, context: context.clone() };
        let body = Json::of(&content).unwrap_or_default();
        NewNotification { id: first.nth(place), channel: Channel::Mail, recipient, body }
    };
    to.into_iter().enumerate().map(mail).collect()
}

/// The event as in the task's log. Of a long result only the beginning, as in a mail: the task's view has all of it, and is
/// added when the call is made.
fn told_by_webhook(fact: &Fact, at: Timestamp) -> Json {
    #[derive(Serialize)]
    struct WithCutResult {
        kind: &'static str,
        at: Timestamp,
        #[serde(flatten)]
        succeeded: TaskSucceeded,
        result_is_cut: bool,
    }
    if let Fact::TaskSucceeded(succeeded) = fact
        && let Some(result) = beginning_of(&succeeded.result)
    {
        let succeeded = TaskSucceeded { result, ..succeeded.clone() };
        let event = WithCutResult { kind: fact.kind(), at, succeeded, result_is_cut: true };
        return Json::of(&event).unwrap_or_default();
    }
    Json::from_text(fact.encode(at)).unwrap_or_default()
}

/// As a text; none when it is short enough to be told whole.
fn beginning_of(result: &Json) -> Option<Json> {
    if result.len() <= MOST_RESULT_BYTES {
        return None;
    }
    let (text, is_cut) = shown(result);
    text.filter(|_| is_cut).and_then(|text| Json::of(&text).ok())
}

fn context(task: &TaskRecord, flow: Option<&FlowDefinition>, fact: &Fact) -> TaskContext {
    let mut context = TaskContext {
        task_id: task.id.to_string(),
        flow: task.flow.to_string(),
        title: flow.map_or(&*task.flow, |flow| flow.title).to_owned(),
        created_at: task.created_at,
        result: None,
        result_is_cut: false,
        error: None,
        question: None,
    };
    match fact {
        Fact::TaskSucceeded(succeeded) => {
            let (result, is_cut) = shown(&succeeded.result);
            context.result = result;
            context.result_is_cut = is_cut;
        }
        Fact::TaskFailed(failed) => context.error = Some(error_of(&failed.error)),
        Fact::ApprovalAsked(asked) => context.question = Some(asked.question.to_string()),
        Fact::SignalAwaited(awaited) => context.question = awaited.question.as_deref().map(str::to_owned),
        _ => {}
    }
    context
}

fn error_of(error: &ErrorReport) -> ErrorContext {
    let error = error.clone().cut(MOST_RESULT_BYTES);
    ErrorContext {
        kind: error.kind.to_string(),
        message: error.message,
        step: error.step.as_deref().map(str::to_owned),
        attempt: error.attempt,
    }
}

/// Text stays text, anything else is JSON with line ends; nothing is nothing. And whether it was cut.
fn shown(result: &Json) -> (Option<String>, bool) {
    let text = match result.to_value() {
        serde_json::Value::Null => return (None, false),
        serde_json::Value::String(text) => text,
        other => serde_json::to_string_pretty(&other).unwrap_or_default(),
    };
    let is_cut = text.len() > MOST_RESULT_BYTES;
    let end = (0..=MOST_RESULT_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    (Some(text.get(..end).unwrap_or_default().to_owned()), is_cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a long result is cut at a letter's border, and says so.
    #[test]
    fn long_results_are_cut() {
        assert_eq!(shown(&Json::null()), (None, false));
        assert_eq!(shown(&Json::from(serde_json::json!("two\nlines"))), (Some("two\nlines".to_owned()), false));
        assert_eq!(shown(&Json::from(serde_json::json!([1]))).0.as_deref(), Some("[\n  1\n]"));
        let (cut, is_cut) = shown(&Json::from(serde_json::json!("ñ".repeat(10_000))));
        assert_eq!((cut.map(|cut| cut.len()), is_cut), (Some(MOST_RESULT_BYTES), true));
        let (cut, _) = shown(&Json::from(serde_json::json!(format!("a{}", "ñ".repeat(10_000)))));
        assert_eq!(cut.map(|cut| cut.len()), Some(MOST_RESULT_BYTES - 1));
    }

    /// Goal: a webhook's event is that of the log, to the letter, unless its result is long: then it has the beginning as a
    /// text, and says so.
    #[test]
    fn webhooks_tell_short_results_whole() {
        let told = |result: serde_json::Value| {
            let fact = Fact::from(TaskSucceeded { result: result.into(), continued_as: None });
            let told = told_by_webhook(&fact, Timestamp::from_millis(0));
            (told.text() == fact.encode(Timestamp::from_millis(0)), told.len(), told.to_value())
        };
        // Its JSON is short, whatever it would be with line ends; and this one is short as a text.
        for whole in [serde_json::json!(null), serde_json::json!(vec![1; 8_000]), "\0".repeat(8_000).into()] {
            assert!(told(whole).0);
        }
        let (_, bytes, list) = told(serde_json::json!(vec!["word"; 50_000]));
        assert!(bytes < 2 * MOST_RESULT_BYTES, "{bytes}");
        assert_eq!((list["kind"].as_str(), list["result_is_cut"].as_bool()), (Some("task.succeeded"), Some(true)));
        assert!(list["at"].is_string() && list["result"].as_str().unwrap().starts_with("[\n  \"word\","), "{list}");
        let (_, _, text) = told("ñ".repeat(50_000).into());
        assert_eq!(text["result"].as_str().unwrap().len(), MOST_RESULT_BYTES);
    }
}
