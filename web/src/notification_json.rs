//! A notification as clients see it in lists and alone.

use std::sync::Arc;

use caudal_engine::notification::{NotificationId, NotificationRecord};
use caudal_engine::ports::MailTemplates;
use caudal_engine::task::{TaskId, Timestamp};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct NotificationJson {
    notification_id: NotificationId,
    task_id: Option<TaskId>,
    channel: &'static str,
    to: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    state: &'static str,
    attempts: u32,
    created_at: Timestamp,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    /// The server's words, or ours.
    error: Option<String>,
}

impl NotificationJson {
    pub(crate) fn of(record: NotificationRecord, templates: &dyn MailTemplates) -> Self {
        let mail = record.mail();
        let subject = templates.subject(&record);
        Self {
            notification_id: record.id,
            task_id: record.task,
            channel: record.channel.as_str(),
            to: record.recipient,
            template: mail.as_ref().map(|mail| mail.template.clone()),
            subject,
            locale: mail.and_then(|mail| mail.locale),
            state: record.state.as_str(),
            attempts: record.attempts,
            created_at: record.created_at,
            due_at: record.due_at,
            ended_at: record.ended_at,
            error: record.error,
        }
    }
}
