//! Mails made from templates: a folder per mail, a folder per language in it, and there subject, text and HTML.
//!
//! ```text
//! layout/en/body.html        what all mails have around them
//! task_failed/sample.json    what it may be filled with: contexts that it is tried with at the start
//! task_failed/en/subject.txt
//! task_failed/en/body.txt
//! task_failed/en/body.html
//! ```
//!
//! The binary brings its own; a folder named by the settings may hold others, and more. Whatever is wrong with one is
//! found at the start or when a mail is asked for: every variable must be there, and each mail is made once from each of
//! its samples, with links and without.

mod check;
mod files;
mod letter;
mod library;

use std::path::PathBuf;
use std::sync::Arc;

use caudal_engine::notification::{MailContent, Mailbox, NotificationRecord};
use caudal_engine::ports::{MailTemplates, RenderedMail, TemplateError};
use caudal_engine::task::{Json, TaskId, Tenant};
use css_inline::CSSInliner;
use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;
use thiserror::Error;

use letter::Draft;
pub use letter::Letter;
use library::{Library, Part};

/// What the sender is told about the world its mails lead to. None where the server's address is not known.
pub trait Links: Send + Sync + 'static {
    /// Where people see a task.
    fn task(&self, task: TaskId) -> Option<String>;

    /// Where an address is taken off, without a login.
    fn unsubscribe(&self, tenant: &Tenant, address: &str) -> Option<String>;
}

#[derive(Clone)]
pub struct TemplateSettings {
    /// Holds templates that replace the binary's own, or come beside them.
    pub folder: Option<PathBuf>,
    pub default_locale: String,
    pub from: Mailbox,
    pub links: Arc<dyn Links>,
}

/// A template that cannot be used, found at the start.
#[derive(Debug, Error)]
#[error("mail template {file}: {why}")]
pub struct BadTemplate {
    pub file: String,
    pub why: String,
}

pub struct Templates {
    library: Library,
    inliner: CSSInliner<'static>,
    from: Mailbox,
    links: Arc<dyn Links>,
}

/// What every template may speak of beside its context.
#[derive(Debug, Clone, Serialize)]
struct Surroundings {
    locale: String,
    recipient: Mailbox,
    task_url: Option<String>,
    unsubscribe_url: Option<String>,
}

impl Surroundings {
    /// Names that a context cannot give another meaning.
    const NAMES: [&'static str; 4] = ["locale", "recipient", "task_url", "unsubscribe_url"];
}

/// The parts of a mail before they are put into one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    subject: String,
    text: String,
    html: String,
}

impl Templates {
    /// Reads all templates and tries each.
    pub fn load(settings: TemplateSettings) -> Result<Self, BadTemplate> {
        let files = files::read(settings.folder.as_deref())?;
        let library = Library::of(files, &settings.default_locale)?;
        let inliner = CSSInliner::options().load_remote_stylesheets(false).keep_style_tags(false).build();
        let templates = Self { library, inliner, from: settings.from, links: settings.links };
        check::check_all(&templates)?;
        Ok(templates)
    }

    pub fn names(&self) -> Vec<String> {
        self.library.names()
    }

    /// A mail of the outbox as it goes over the wire: the same bytes whenever it is asked for.
    pub fn letter(&self, record: &NotificationRecord) -> Result<Letter, TemplateError> {
        let mail = mail_of(record)?;
        self.write(record, &mail, self.surroundings(record, &mail))
    }

    fn write(
        &self,
        record: &NotificationRecord,
        mail: &MailContent,
        surroundings: Surroundings,
    ) -> Result<Letter, TemplateError> {
        let unsubscribe_url = surroundings.unsubscribe_url.clone();
        let locale = surroundings.locale.clone();
        let parts = self.parts(&mail.template, &mail.context, surroundings)?;
        let draft = Draft { record, from: &self.from, to: &mail.to, locale: &locale, unsubscribe_url };
        let unfit = |why: String| TemplateError::Unfit { name: mail.template.to_string(), why };
        draft.write(&parts.subject, parts.text, parts.html).map_err(unfit)
    }

    fn surroundings(&self, record: &NotificationRecord, mail: &MailContent) -> Surroundings {
        Surroundings {
            locale: self.library.locale(&mail.template, mail.locale.as_deref()).to_owned(),
            recipient: mail.to.clone(),
            task_url: record.task.and_then(|task| self.links.task(task)),
            unsubscribe_url: self.links.unsubscribe(&record.tenant, &record.recipient),
        }
    }

    fn parts(&self, name: &str, context: &Json, surroundings: Surroundings) -> Result<Parts, TemplateError> {
        self.library.known(name)?;
        let unfit = |why: String| TemplateError::Unfit { name: name.to_owned(), why };
        let locale = surroundings.locale.clone();
        let value = together(context, &surroundings).map_err(unfit)?;
        let part = |part| self.library.render(name, &locale, part, &value).map_err(unfit);
        let html = printable(&part(Part::Html)?);
        let html = self.inliner.inline(&html).map_err(|error| unfit(format!("its styles: {error}")))?;
        Ok(Parts { subject: part(Part::Subject)?.trim().to_owned(), text: tidy(&part(Part::Text)?), html })
    }
}

impl MailTemplates for Templates {
    fn check(&self, template: &str, locale: Option<&str>, context: &Json) -> Result<(), TemplateError> {
        self.library.known(template)?;
        let locale = self.library.locale(template, locale).to_owned();
        // A mail that no task causes has no link to one.
        for linked in [true, false] {
            let parts = self.parts(template, context, check::anybody(locale.clone(), linked))?;
            if let Some(why) = check::subject_problem(&parts.subject) {
                return Err(TemplateError::Unfit { name: template.to_owned(), why: why.to_owned() });
            }
        }
        Ok(())
    }

    fn subject(&self, notification: &NotificationRecord) -> Option<String> {
        let mail = notification.mail()?;
        self.library.known(&mail.template).ok()?;
        let surroundings = self.surroundings(notification, &mail);
        let value = together(&mail.context, &surroundings).ok()?;
        let subject = self.library.render(&mail.template, &surroundings.locale, Part::Subject, &value).ok()?;
        Some(letter::one_line(&subject))
    }

    fn render(&self, notification: &NotificationRecord) -> Result<RenderedMail, TemplateError> {
        self.letter(notification).map(Letter::shown)
    }

    fn render_for_others(&self, notification: &NotificationRecord) -> Result<RenderedMail, TemplateError> {
        let mail = mail_of(notification)?;
        let mut surroundings = self.surroundings(notification, &mail);
        surroundings.unsubscribe_url = surroundings.unsubscribe_url.map(without_its_query);
        self.write(notification, &mail, surroundings).map(Letter::shown)
    }
}

fn mail_of(record: &NotificationRecord) -> Result<MailContent, TemplateError> {
    let none = || TemplateError::Unfit { name: record.id.to_string(), why: "it is no mail".to_owned() };
    record.mail().ok_or_else(none)
}

/// What is signed stands there.
fn without_its_query(mut url: String) -> String {
    url.truncate(url.find('?').unwrap_or(url.len()));
    url
}

/// The context with the surroundings over it.
fn together(context: &Json, surroundings: &Surroundings) -> Result<Value, String> {
    let mut fields: serde_json::Map<String, serde_json::Value> =
        context.parse().map_err(|error| format!("the context is no object: {error}"))?;
    let mut around = serde_json::to_value(surroundings).map_err(|error| error.to_string())?;
    // A template may ask for it, whoever is written to.
    let no_name = || serde_json::Value::from("");
    if let Some(recipient) = around.get_mut("recipient").and_then(serde_json::Value::as_object_mut) {
        recipient.entry("name").or_insert_with(no_name);
    }
    fields.extend(around.as_object().cloned().unwrap_or_default());
    Ok(Value::from(Serde(fields)))
}

/// What a mail may hold as it is: lines end alike, and another control character is shown to be one. A bare CR or a NUL
/// would go to the mail server raw, which refuses it or takes it for the end of a line.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { char::REPLACEMENT_CHARACTER } else { c };
    text.replace("\r\n", "\n").replace('\r', "\n").chars().map(shown).collect()
}

/// At most one empty line in a row, none at the ends.
fn tidy(text: &str) -> String {
    let text = printable(text);
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line);
        }
    }
    let mut text = lines.join("\n").trim_matches('\n').to_owned();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
