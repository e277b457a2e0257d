//! Texts from outside turned into values. Each refusal names the key where it was set, the form, an example.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Result, bail};
use caudal_engine::flow::Secret;
use reqwest::Url;

use super::keys::{Form, Key};

/// A value as it was written, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) text: String,
    /// `--listen`, `CAUDAL_LISTEN`, `listen in caudal.toml`.
    pub(crate) place: String,
}

/// All settings that were written anywhere, the strongest place only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values(pub(crate) BTreeMap<&'static str, Written>);

/// As many as there are in the key that is made of it.
const LEAST_SECRET_BYTES: usize = 32;

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a text"),
            Self::Path => f.write_str("a path"),
            Self::Address => f.write_str("an IP address and a port"),
            Self::Url => f.write_str("an http or https URL"),
            Self::Service(schemes) => write!(f, "a URL that begins with {}://", schemes.join(":// or ")),
            Self::Word(words) => write!(f, "one of {}", words.join(", ")),
            Self::List(what) => write!(f, "{what}, or several with commas between them"),
            Self::Secret => write!(f, "a text of at least {LEAST_SECRET_BYTES} bytes"),
            Self::Password | Self::ProviderKey => {
                f.write_str("a key as the provider gave it: letters, digits and signs")
            }
            Self::Switch => f.write_str("true or false"),
            Self::Number(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::Bytes(least, most) => write!(
                f,
                "a number of bytes, with or without KiB, MiB or GiB, from {} to {}",
                ByteSize(*least),
                ByteSize(*most)
            ),
        }
    }
}

/// The largest unit that fits without a remainder.
struct ByteSize(u64);

const BYTE_UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match BYTE_UNITS.iter().find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size)) {
            Some((unit, size)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Values {
    /// The text and what to say if it is wrong. None when it is not set and has no default.
    fn read<T>(&self, name: &str, parse: impl FnOnce(&Key, &str) -> Option<T>) -> Result<Option<T>> {
        let Some(key) = Key::find(name) else { bail!("there is no setting '{name}'") };
        let (text, place) = match self.0.get(key.name) {
            Some(written) => (written.text.as_str(), written.place.clone()),
            None if key.default.is_empty() => return Ok(None),
            None => (key.default, format!("the default of {name}")),
        };
        match parse(key, text) {
            Some(value) => Ok(Some(value)),
            // What is written there may be secret.
            None if matches!(key.form, Form::Service(_)) => {
                bail!("{place} must be {}; for example {}", key.form, key.example)
            }
            None if key.form.is_hidden() => bail!("{place} must be {}", key.form),
            None => bail!("{place} is '{text}', but must be {}; for example {}", key.form, key.example),
        }
    }

    fn required<T>(&self, name: &str, parse: impl FnOnce(&Key, &str) -> Option<T>) -> Result<T> {
        match self.read(name, parse)? {
            Some(value) => Ok(value),
            None => bail!("the setting '{name}' is missing"),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<String> {
        self.required(name, |_, text| Some(text.to_owned()))
    }

    pub(crate) fn path(&self, name: &str) -> Result<PathBuf> {
        self.required(name, |_, text| Some(PathBuf::from(text)))
    }

    pub(crate) fn address(&self, name: &str) -> Result<Option<SocketAddr>> {
        self.read(name, |_, text| text.parse().ok())
    }

    pub(crate) fn url(&self, name: &str) -> Result<Option<Url>> {
        self.read(name, |_, text| {
            Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        })
    }

    pub(crate) fn service(&self, name: &str) -> Result<Option<Url>> {
        self.read(name, |key, text| match key.form {
            Form::Service(schemes) => Url::parse(text).ok().filter(|url| schemes.contains(&url.scheme())),
            _ => None,
        })
    }

    pub(crate) fn word(&self, name: &str) -> Result<&'static str> {
        self.required(name, |key, text| match key.form {
            Form::Word(words) => words.iter().find(|word| word.eq_ignore_ascii_case(text)).copied(),
            _ => None,
        })
    }

    pub(crate) fn switch(&self, name: &str) -> Result<bool> {
        self.required(name, |_, text| match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Some(true),
            "0" | "false" | "no" | "off" => Some(false),
            _ => None,
        })
    }

    pub(crate) fn secret(&self, name: &str) -> Result<Option<String>> {
        // Everybody knows the example.
        self.read(name, |key, text| (text.len() >= LEAST_SECRET_BYTES && text != key.example).then(|| text.to_owned()))
    }

    /// A key of somebody else's. It goes into a header, where a space or a line end would break more than the key.
    pub(crate) fn password(&self, name: &str) -> Result<Option<Secret<String>>> {
        let is_key = |text: &str| !text.is_empty() && text.chars().all(|letter| letter.is_ascii_graphic());
        self.read(name, |_, text| is_key(text.trim()).then(|| Secret::new(text.trim().to_owned())))
    }

    /// A text that may be left out.
    pub(crate) fn optional_text(&self, name: &str) -> Result<Option<String>> {
        self.read(name, |_, text| Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    /// What is wrong with an entry is told by `parse`; the entry itself may be a secret in the wrong place.
    pub(crate) fn list<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>> {
        let (Some(key), Some(written)) = (Key::find(name), self.0.get(name)) else { return Ok(Vec::new()) };
        let entries: Vec<&str> = written.text.split([',', '\n']).map(str::trim).filter(|one| !one.is_empty()).collect();
        if entries.is_empty() {
            bail!("{} is empty, but must be {}; for example {}", written.place, key.form, key.example);
        }
        let mut list = Vec::with_capacity(entries.len());
        for (at, entry) in entries.into_iter().enumerate() {
            match parse(entry) {
                Ok(value) => list.push(value),
                Err(wrong) => bail!("{}: entry {} {wrong}; for example {}", written.place, at + 1, key.example),
            }
        }
        Ok(list)
    }

    pub(crate) fn number(&self, name: &str) -> Result<u64> {
        self.required(name, |key, text| match key.form {
            Form::Number(least, most) => {
                text.replace('_', "").parse().ok().filter(|number| (least..=most).contains(number))
            }
            Form::Bytes(least, most) => bytes(text).filter(|number| (least..=most).contains(number)),
            _ => None,
        })
    }

    /// A number for a place in memory.
    pub(crate) fn size(&self, name: &str) -> Result<usize> {
        Ok(usize::try_from(self.number(name)?)?)
    }

    pub(crate) fn small(&self, name: &str) -> Result<u32> {
        Ok(u32::try_from(self.number(name)?)?)
    }
}

fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, size) = BYTE_UNITS
        .iter()
        .find_map(|(unit, size)| Some((strip_suffix_ignoring_case(text, unit)?, *size)))
        .unwrap_or((text, 1));
    digits.trim().replace('_', "").parse::<u64>().ok()?.checked_mul(size)
}

fn strip_suffix_ignoring_case<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    tail.eq_ignore_ascii_case(suffix).then_some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: sizes are read as people write them, and shown as they read best.
    #[test]
    fn byte_sizes() {
        for (text, size) in [("1", 1), ("64KiB", 65_536), ("8 GiB", 8 << 30), ("1mib", 1 << 20), ("1_000", 1_000)] {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        for text in ["", "KiB", "1.5MiB", "-1", "5MB", "99999999999GiB"] {
            assert_eq!(bytes(text), None, "{text}");
        }
        assert_eq!(ByteSize(8 << 30).to_string(), "8GiB");
        assert_eq!(ByteSize(255).to_string(), "255");
    }
}
