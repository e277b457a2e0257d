//! The port behind which mails are made from templates: what the engine, the web and the sender need of them.

use thiserror::Error;

use crate::notification::NotificationRecord;
use crate::task::Json;

pub trait MailTemplates: Send + Sync + 'static {
    /// Whether a mail can be made of this, found out by making it: nobody is there to ask at the time it is sent.
    fn check(&self, template: &str, locale: Option<&str>, context: &Json) -> Result<(), TemplateError>;

    /// What a list shows of a mail. None for what is no mail, and when it cannot be made any more.
    fn subject(&self, notification: &NotificationRecord) -> Option<String>;

    /// The mail as it is sent.
    fn render(&self, notification: &NotificationRecord) -> Result<RenderedMail, TemplateError>;

    /// As others may see it: with the link in it that takes the recipient's address off they could do so too.
    fn render_for_others(&self, notification: &NotificationRecord) -> Result<RenderedMail, TemplateError>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedMail {
    pub subject: String,
    pub text: String,
    pub html: String,
    /// The mail's headers, in order.
    pub headers: Vec<(String, String)>,
    /// All of it, as it goes over the wire.
    pub raw: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    #[error("there is no mail '{name}'; there are: {}", known.join(", "))]
    Unknown { name: String, known: Vec<String> },
    #[error("the mail '{name}' cannot be made of this: {why}")]
    Unfit { name: String, why: String },
}
