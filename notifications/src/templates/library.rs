//! All templates, parsed: which mails there are, in which languages, and how one of their parts is filled.

use std::collections::{BTreeMap, BTreeSet};

use caudal_engine::ports::TemplateError;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::BadTemplate;
use super::files::{Files, bad};

/// No mail of its own, but around all of them.
const LAYOUT: &str = "layout";
/// How deep templates may include each other.
const DEEPEST: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Subject,
    Text,
    Html,
}

impl Part {
    pub(super) const ALL: [Self; 3] = [Self::Subject, Self::Text, Self::Html];

    fn file(self) -> &'static str {
        match self {
            Self::Subject => "subject.txt",
            Self::Text => "body.txt",
            Self::Html => "body.html",
        }
    }
}

pub(super) struct Library {
    environment: Environment<'static>,
    /// The languages of each mail.
    mails: BTreeMap<String, BTreeSet<String>>,
    /// The contexts that each mail is tried with.
    samples: BTreeMap<String, Vec<serde_json::Map<String, serde_json::Value>>>,
    default_locale: String,
}

impl Library {
    pub(super) fn of(files: Files, default_locale: &str) -> Result<Self, BadTemplate> {
        let mut library = Self {
            environment: environment(),
            mails: BTreeMap::new(),
            samples: BTreeMap::new(),
            default_locale: default_locale.to_owned(),
        };
        for (name, text) in files {
            library.add(name, text)?;
        }
        library.check_whole()?;
        Ok(library)
    }

    fn add(&mut self, name: String, text: String) -> Result<(), BadTemplate> {
        let places: Vec<&str> = name.split('/').collect();
        match places[..] {
            [mail, _sample] => {
                let samples = serde_json::from_str(&text).map_err(|error| {
                    bad(&name, format!("it must be a list of objects, each a context to try the mail with: {error}"))
                })?;
                self.samples.insert(mail.to_owned(), samples);
                return Ok(());
            }
            [mail, locale, _part] if mail != LAYOUT => {
                self.mails.entry(mail.to_owned()).or_default().insert(locale.to_owned());
            }
            _ => {}
        }
        self.environment.add_template_owned(name.clone(), text).map_err(|error| bad(&name, words(&error)))
    }

    /// Each mail has all its parts in each of its languages, the default language, and something to try it with.
    fn check_whole(&self) -> Result<(), BadTemplate> {
        for (mail, locales) in &self.mails {
            if !locales.contains(&self.default_locale) && !locales.contains("en") {
                return Err(bad(mail, format!("it is not there in the default language, '{}'", self.default_locale)));
            }
            if self.samples.get(mail).is_none_or(Vec::is_empty) {
                return Err(bad(&format!("{mail}/sample.json"), "it is missing, or has no context in it"));
            }
            for (locale, part) in locales.iter().flat_map(|locale| Part::ALL.map(|part| (locale, part))) {
                let name = file(mail, locale, part);
                if self.environment.get_template(&name).is_err() {
                    return Err(bad(&name, "it is missing"));
                }
            }
        }
        Ok(())
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.mails.keys().cloned().collect()
    }

    pub(super) fn known(&self, name: &str) -> Result<(), TemplateError> {
        if self.mails.contains_key(name) {
            return Ok(());
        }
        Err(TemplateError::Unknown { name: name.chars().take(100).collect(), known: self.names() })
    }

    pub(super) fn locales(&self, mail: &str) -> impl Iterator<Item = &str> {
        self.mails.get(mail).into_iter().flatten().map(String::as_str)
    }

    pub(super) fn samples(&self, mail: &str) -> &[serde_json::Map<String, serde_json::Value>] {
        self.samples.get(mail).map_or(&[], Vec::as_slice)
    }

    /// The wanted language if the mail is there in it (`es` will do for `es-MX`), else the default one, else English.
    pub(super) fn locale<'a>(&'a self, mail: &str, wanted: Option<&str>) -> &'a str {
        let locales = self.mails.get(mail);
        let has = |wanted: &str| locales?.iter().find(|locale| locale.eq_ignore_ascii_case(wanted)).map(String::as_str);
        let language = wanted.and_then(|wanted| wanted.split('-').next());
        let wishes = wanted.into_iter().chain(language).chain([self.default_locale.as_str(), "en"]);
        wishes.into_iter().find_map(has).unwrap_or("en")
    }

    pub(super) fn render(&self, mail: &str, locale: &str, part: Part, value: &Value) -> Result<String, String> {
        let template = self.environment.get_template(&file(mail, locale, part)).map_err(|error| words(&error))?;
        template.render(value).map_err(|error| words(&error))
    }

    /// The variables that a part speaks of, with what it asks of them: `error.message`.
    pub(super) fn variables(&self, mail: &str, locale: &str, part: Part) -> Vec<String> {
        let template = self.environment.get_template(&file(mail, locale, part));
        let variables = template.map(|template| template.undeclared_variables(true)).unwrap_or_default();
        let mut variables: Vec<String> = variables.into_iter().collect();
        variables.sort();
        variables
    }
}

pub(super) fn file(mail: &str, locale: &str, part: Part) -> String {
    format!("{mail}/{locale}/{}", part.file())
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_recursion_limit(DEEPEST);
    environment.set_auto_escape_callback(|name| match name.ends_with(".html") {
        true => AutoEscape::Html,
        false => AutoEscape::None,
    });
    environment.add_filter("when", when);
    environment
}

/// `2026-11-21T04:26:35.123Z` as `2026-11-21 04:26 UTC`.
fn when(at: &str) -> Result<String, Error> {
    match (at.get(..10), at.get(11..16)) {
        (Some(date), Some(time)) if at.ends_with('Z') => Ok(format!("{date} {time} UTC")),
        _ => Err(Error::new(ErrorKind::InvalidOperation, "`when` needs a time such as 2026-11-21T04:26:35.123Z")),
    }
}

/// What is wrong and where, in one line.
fn words(error: &Error) -> String {
    let place = match (error.name(), error.line()) {
        (Some(name), Some(line)) => format!(" ({name}, line {line})"),
        _ => String::new(),
    };
    let what = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    format!("{what}{place}")
}
