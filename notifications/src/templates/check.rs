//! Trying each template before anybody needs it.

use caudal_engine::notification::Mailbox;
use caudal_engine::task::Json;

use super::files::bad;
use super::library::{Part, file};
use super::{BadTemplate, Surroundings, Templates};

const LONGEST_SUBJECT: usize = 400;

/// Makes each mail in each language from each of its samples, with links and without.
pub(super) fn check_all(templates: &Templates) -> Result<(), BadTemplate> {
    let library = &templates.library;
    for mail in library.names() {
        for locale in library.locales(&mail) {
            for part in Part::ALL {
                check_variables(templates, &mail, locale, part)?;
            }
            for (sample, linked) in library.samples(&mail).iter().flat_map(|sample| [(sample, true), (sample, false)]) {
                let context = Json::of(sample).unwrap_or_default();
                let folder = format!("{mail}/{locale}");
                let parts = templates
                    .parts(&mail, &context, anybody(locale.to_owned(), linked))
                    .map_err(|error| bad(&folder, error.to_string()))?;
                if let Some(why) = subject_problem(&parts.subject) {
                    return Err(bad(&file(&mail, locale, Part::Subject), why));
                }
            }
        }
    }
    Ok(())
}

/// A branch that no sample takes may speak of something that is never there.
fn check_variables(templates: &Templates, mail: &str, locale: &str, part: Part) -> Result<(), BadTemplate> {
    for variable in templates.library.variables(mail, locale, part) {
        let known = |sample: &serde_json::Map<String, serde_json::Value>| is_in(sample, &variable);
        let root = variable.split('.').next().unwrap_or_default();
        let is_around = Surroundings::NAMES.contains(&root);
        if !is_around && !templates.library.samples(mail).iter().any(known) {
            let why = format!("it speaks of '{variable}', which no sample in {mail}/sample.json has");
            return Err(bad(&file(mail, locale, part), why));
        }
    }
    Ok(())
}

/// Whether the sample has something at this place: `error.message`.
fn is_in(sample: &serde_json::Map<String, serde_json::Value>, variable: &str) -> bool {
    let mut places = variable.split('.');
    let Some(mut value) = places.next().and_then(|root| sample.get(root)) else { return false };
    for place in places {
        match value {
            serde_json::Value::Object(fields) => match fields.get(place) {
                Some(field) => value = field,
                None => return false,
            },
            serde_json::Value::Null => return false,
            // A method of a text or a list.
            _ => return true,
        }
    }
    true
}

/// Somebody to address a mail to that nobody gets: with all that can be around a mail, or with as little.
pub(super) fn anybody(locale: String, linked: bool) -> Surroundings {
    let name = linked.then(|| "Ana Núñez".to_owned());
    let link = |path: &str| linked.then(|| format!("https://flows.example.org/{path}"));
    Surroundings {
        locale,
        recipient: Mailbox { name, address: "ana@example.org".to_owned() },
        task_url: link("#/tasks/1"),
        unsubscribe_url: link("unsubscribe?token=1"),
    }
}

/// Why a subject cannot stand in a header.
pub(super) fn subject_problem(subject: &str) -> Option<&'static str> {
    if subject.is_empty() {
        return Some("the subject is empty");
    }
    if subject.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Some("the subject has a line end or another control character");
    }
    (subject.chars().count() > LONGEST_SUBJECT).then_some("the subject has more than 400 characters")
}
