//! `ctx.notify`: a mail or webhook call as a durable action of its own, sent by the notifications worker.

use std::future::Future;
use std::sync::Arc;

use serde::Serialize;

use super::context::FlowContext;
use super::error::{FlowError, FlowResult};
use crate::ports::NewNotification;
use crate::task::Json;
use crate::task::event::NotificationQueued;
use crate::use_cases::run::queue::Cargo;

/// What is to be told to whom.
#[derive(Debug, Clone, Serialize)]
pub struct Notification {
    pub to: Vec<String>,
    pub template: String,
    pub context: serde_json::Value,
}

impl FlowContext {
    /// Queues a notification, once, in the same write as the event that tells of it.
    pub fn notify(&mut self, notification: Notification) -> impl Future<Output = FlowResult<()>> + Send + use<> {
        let made = self.make("Notify".into());
        async move {
            made.check().await;
            let execution = &made.execution;
            if execution.state().history.notified.contains(&made.place.key) {
                return Ok(());
            }
            let most = execution.engine.limits.notify_addresses;
            if notification.to.is_empty() || notification.to.len() > most {
                return Err(FlowError::invalid_input(format!("a notification goes to 1 to {most} addresses")));
            }
            execution.enter(false).await?;
            let _flight = execution.begin_flight();
            let body = Json::of(&notification)
                .map_err(|error| FlowError::give_up(format!("the notification is no JSON: {error}")))?;
            // Another try of the whole function may have something else to tell under the same key.
            let id: Arc<str> = match execution.state().history.flow_failures {
                0 => format!("{}/{}", execution.task.id, made.place.key).into(),
                tries => format!("{}/{}/{tries}", execution.task.id, made.place.key).into(),
            };
            let fact = NotificationQueued {
                step: made.place.key.clone(),
                ordinal: made.place.ordinal,
                notification: id.clone(),
                template: notification.template.into(),
            };
            let cargo = Cargo { notification: Some(NewNotification { id, body }), ..Cargo::default() };
            execution.record(fact.into(), cargo).await;
            Ok(())
        }
    }
}
