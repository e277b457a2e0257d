//! A mail as it goes over the wire.
//!
//! Everything in it follows from the notification: made again it has the same bytes, with the same `Message-ID`, so that a
//! mail that arrives twice is known as one.

use std::time::{Duration, SystemTime};

use caudal_engine::notification::{Mailbox, NotificationRecord};
use caudal_engine::ports::RenderedMail;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox as LettreMailbox, Message, MultiPart, SinglePart};

const LONGEST_SUBJECT: usize = 400;

/// What a letter is written from.
pub(super) struct Draft<'a> {
    pub(super) record: &'a NotificationRecord,
    pub(super) from: &'a Mailbox,
    pub(super) to: &'a Mailbox,
    pub(super) locale: &'a str,
    pub(super) unsubscribe_url: Option<String>,
}

/// A written one.
#[derive(Debug, Clone)]
pub struct Letter {
    pub envelope: Envelope,
    pub raw: Vec<u8>,
    subject: String,
    text: String,
    html: String,
    pub(super) headers: Vec<(String, String)>,
}

impl Draft<'_> {
    pub(super) fn write(&self, subject: &str, text: String, html: String) -> Result<Letter, String> {
        let subject = one_line(subject);
        let record = self.record;
        let domain = self.from.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let mut builder = Message::builder()
            .from(lettre_mailbox(self.from)?)
            .to(lettre_mailbox(self.to)?)
            .subject(subject.clone())
            .message_id(Some(format!("<{}@{domain}>", record.id)))
            .date(system_time(record))
            .raw_header(header("Content-Language", self.locale.to_owned()))
            // RFC 3834: nobody's holiday should answer it.
            .raw_header(header("Auto-Submitted", "auto-generated".to_owned()));
        if let Some(url) = &self.unsubscribe_url {
            builder = builder
                .raw_header(header("List-Unsubscribe", format!("<{url}>")))
                .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
        if let Some(task) = record.task {
            builder = builder.raw_header(header("X-Caudal-Task", task.to_string()));
        }
        let parts = MultiPart::alternative()
            .boundary(format!("caudal-{}", record.id.to_string().replace('-', "")))
            .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text.clone()))
            .singlepart(SinglePart::builder().header(ContentType::TEXT_HTML).body(html.clone()));
        let message = builder.multipart(parts).map_err(|error| error.to_string())?;
        let raw = message.formatted();
        let headers = headers_of(&raw);
        Ok(Letter { envelope: message.envelope().clone(), raw, subject, text, html, headers })
    }
}

impl Letter {
    /// One that nobody reads.
    #[cfg(test)]
    pub(crate) fn of_raw(envelope: Envelope, raw: &[u8]) -> Self {
        let (subject, text, html) = <(String, String, String)>::default();
        Self { envelope, raw: raw.to_vec(), subject, text, html, headers: Vec::new() }
    }

    pub(super) fn shown(self) -> RenderedMail {
        let Self { raw, subject, text, html, headers, .. } = self;
        RenderedMail { subject, text, html, headers, raw }
    }
}

fn lettre_mailbox(mailbox: &Mailbox) -> Result<LettreMailbox, String> {
    let address = mailbox.address.parse().map_err(|error| format!("{}: {error}", mailbox.address))?;
    Ok(LettreMailbox::new(mailbox.name.clone(), address))
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// What was checked when the mail was asked for holds here too, whatever a template does by now.
pub(super) fn one_line(subject: &str) -> String {
    let is_end = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let subject: String = subject.chars().take(LONGEST_SUBJECT).map(|c| if is_end(c) { ' ' } else { c }).collect();
    subject.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn system_time(record: &NotificationRecord) -> SystemTime {
    let millis = u64::try_from(record.created_at.as_millis()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

/// The head of the mail, each header on one line.
fn headers_of(raw: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(raw);
    let head = text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ").replace("\r\n\t", " ");
    let headers = head.split("\r\n").filter_map(|line| line.split_once(": "));
    headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
