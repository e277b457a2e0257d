//! A mail that another program asks for: check the addresses, the template and what it is filled with → store.
//!
//! Everything that can be refused is refused here, before anything is stored.

use serde_json::Value;
use thiserror::Error;

use super::notify::mails;
use super::start::{any_partition, home_of};
use crate::engine::Engine;
use crate::notification::wish::each_once;
use crate::notification::{Mailbox, NotificationId};
use crate::ports::{PutRefused, StoreError, TemplateError};
use crate::task::record::Idempotency;
use crate::task::{Json, Tenant, locale};

#[derive(Debug, Clone, Default)]
pub struct SendRequest {
    pub to: Vec<String>,
    pub template: String,
    pub context: Value,
    pub locale: Option<String>,
    pub idempotency: Option<Idempotency>,
}

/// What will be sent, one to each address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    pub ids: Vec<NotificationId>,
    /// False when an earlier request with the same key answers.
    pub new: bool,
}

#[derive(Debug, Clone, Error)]
pub enum SendError {
    #[error("{field}: {message}")]
    InvalidField { field: &'static str, message: String },
    #[error("the context has {bytes} bytes; at most {most} are allowed")]
    TooLarge { bytes: usize, most: usize },
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Refused(#[from] PutRefused),
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub async fn send_notification(engine: &Engine, tenant: &Tenant, request: SendRequest) -> Result<Queued, SendError> {
    let checked = check(engine, &request.to, &request.template, &request.context, request.locale.as_deref())?;
    // Under a key it lives where the key does.
    let home = home_of(engine, tenant, None, request.idempotency.as_ref());
    let partition = home.unwrap_or_else(|| any_partition(engine));
    let first = NotificationId::first(engine.clock.now(), partition, engine.ids.random());
    let count = checked.to.len();
    let wish = mails(first, checked.to, &request.template, request.locale.as_deref(), &checked.context);
    let put = engine.notifications.outbox.put(tenant, wish, request.idempotency).await??;
    Ok(Queued { ids: (0..count).map(|place| put.first.nth(place)).collect(), new: put.new })
}

/// A wish that can be fulfilled.
pub(crate) struct Checked {
    pub(crate) to: Vec<Mailbox>,
    pub(crate) context: Json,
}

pub(crate) fn check(
    engine: &Engine,
    to: &[String],
    template: &str,
    context: &Value,
    wanted_locale: Option<&str>,
) -> Result<Checked, SendError> {
    let wrong = |field, message: String| Err(SendError::InvalidField { field, message });
    let most = engine.limits.notify_addresses;
    if to.is_empty() || to.len() > most {
        return wrong("to", format!("{} addresses; 1 to {most} are allowed", to.len()));
    }
    let mut mailboxes = Vec::with_capacity(to.len());
    for text in to {
        match Mailbox::parse(text) {
            Ok(mailbox) => mailboxes.push(mailbox),
            Err(error) => return wrong("to", error.to_string()),
        }
    }
    if wanted_locale.is_some_and(|wanted| !locale::is_one(wanted)) {
        return wrong("locale", locale::FORM.to_owned());
    }
    if !context.is_object() {
        return wrong("context", "must be an object".to_owned());
    }
    let context = Json::of(context).unwrap_or_default();
    let most = engine.limits.notification_bytes;
    if context.len() > most {
        return Err(SendError::TooLarge { bytes: context.len(), most });
    }
    engine.notifications.templates.check(template, wanted_locale, &context)?;
    Ok(Checked { to: each_once(mailboxes), context })
}
