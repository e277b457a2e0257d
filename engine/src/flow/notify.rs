//! `ctx.notify`: a mail as a durable action of its own, sent by the notifications worker.

use std::future::Future;

use serde::Serialize;

use super::context::FlowContext;
use super::error::{FlowError, FlowResult};
use super::step::Made;
use crate::notification::NotificationId;
use crate::task::event::NotificationQueued;
use crate::use_cases::notify::mails;
use crate::use_cases::run::execution::Execution;
use crate::use_cases::run::queue::Cargo;
use crate::use_cases::send_notification::{SendError, check};

/// What is to be told to whom.
///
/// ```
/// # extern crate caudal_engine as caudal;
/// # use caudal::prelude::*;
/// # async fn tell(ctx: &mut FlowContext) -> FlowResult<()> {
/// let mail = Notification::new("plain").to("Ana <ana@example.org>");
/// ctx.notify(mail.with("subject", "It rains").with("text", "Take an umbrella.")).await
/// # }
/// ```
#[derive(Debug, Clone, Default, Serialize)]
pub struct Notification {
    pub to: Vec<String>,
    pub template: String,
    pub context: serde_json::Value,
    /// The language, if not the task's.
    pub locale: Option<String>,
}

impl Notification {
    /// A mail made of this template, filled with nothing yet.
    pub fn new(template: &str) -> Self {
        let context = serde_json::Value::Object(serde_json::Map::new());
        Self { template: template.to_owned(), context, ..Self::default() }
    }

    /// One more address.
    #[must_use]
    pub fn to(mut self, address: &str) -> Self {
        self.to.push(address.to_owned());
        self
    }

    /// Something that the template speaks of.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        if let Some(fields) = self.context.as_object_mut() {
            fields.insert(name.to_owned(), value.into());
        }
        self
    }
}

impl FlowContext {
    /// Queues a notification, once, in the same write as the event that tells of it.
    pub fn notify(&mut self, notification: Notification) -> impl Future<Output = FlowResult<()>> + Send + use<> {
        let made = self.make("Notify".into());
        async move {
            made.check().await;
            if made.execution.state().history.notified.contains(&made.place.key) {
                return Ok(());
            }
            queue(made, notification).await
        }
    }
}

async fn queue(made: Made, notification: Notification) -> FlowResult<()> {
    let execution = &made.execution;
    let Notification { to, template, context, locale } = notification;
    let locale = locale.or_else(|| execution.task.options.locale.clone());
    let checked = check(&execution.engine, &to, &template, &context, locale.as_deref()).map_err(refused)?;
    execution.enter(false).await?;
    count(execution)?;
    let _flight = execution.begin_flight();
    let random = execution.engine.ids.random();
    let first = NotificationId::first(execution.now(), execution.task.id.partition(), random);
    let notifications = mails(first, checked.to, &template, locale.as_deref(), &checked.context);
    let fact = NotificationQueued {
        step: made.place.key.clone(),
        ordinal: made.place.ordinal,
        notification: first.to_string().into(),
        template: template.into(),
        addresses: u32::try_from(notifications.len()).unwrap_or(u32::MAX),
    };
    execution.record(fact.into(), Cargo { notifications, ..Cargo::default() }).await;
    Ok(())
}

fn count(execution: &Execution) -> FlowResult<()> {
    let most = execution.engine.limits.notifications_per_task;
    let mut state = execution.state();
    if state.notified >= most {
        return Err(FlowError::give_up(format!("a task asks for at most {most} notifications")));
    }
    state.notified += 1;
    Ok(())
}

fn refused(error: SendError) -> FlowError {
    FlowError::invalid_input(format!("the notification cannot be sent: {error}"))
}
