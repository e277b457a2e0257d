//! Mail templates for tests that are not about mails: every one exists and takes anything.

use crate::notification::NotificationRecord;
use crate::ports::{MailTemplates, RenderedMail, TemplateError};
use crate::task::Json;

#[derive(Debug, Clone, Copy, Default)]
pub struct AnyTemplate;

impl MailTemplates for AnyTemplate {
    fn check(&self, _template: &str, _locale: Option<&str>, _context: &Json) -> Result<(), TemplateError> {
        Ok(())
    }

    fn subject(&self, notification: &NotificationRecord) -> Option<String> {
        notification.mail().map(|mail| mail.template.to_string())
    }

    /// The context as it is.
    fn render(&self, notification: &NotificationRecord) -> Result<RenderedMail, TemplateError> {
        let Some(mail) = notification.mail() else {
            return Err(TemplateError::Unknown { name: notification.channel.as_str().to_owned(), known: Vec::new() });
        };
        let headers = vec![("To".to_owned(), mail.to.to_string()), ("Subject".to_owned(), mail.template.to_string())];
        let text = mail.context.text().to_owned();
        Ok(RenderedMail {
            subject: mail.template.to_string(),
            html: format!("<pre>{}</pre>", text.replace('&', "&amp;").replace('<', "&lt;")),
            raw: format!("To: {}\r\nSubject: {}\r\n\r\n{text}\r\n", mail.to, mail.template).into_bytes(),
            text,
            headers,
        })
    }

    /// There are no links in it.
    fn render_for_others(&self, notification: &NotificationRecord) -> Result<RenderedMail, TemplateError> {
        self.render(notification)
    }
}
