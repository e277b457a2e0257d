//! A mail address, with a name or without, read as strictly as a stranger's words must be.
//!
//! What passes can stand in a mail's header and in the dialogue with a mail server as it is: no line ends, no quoting
//! tricks, no comments. Names may be in any script; the address itself is ASCII, because many servers take no other.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

const LONGEST_NAME: usize = 128;
const LONGEST_ADDRESS: usize = 254;
const LONGEST_LOCAL_PART: usize = 64;
const LONGEST_LABEL: usize = 63;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub address: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{said}' is no mail address: {why}")]
pub struct BadMailbox {
    /// What was said, made safe to show.
    pub said: String,
    pub why: &'static str,
}

impl Mailbox {
    /// Reads `ana@example.org` or `Ana Núñez <ana@example.org>`.
    pub fn parse(text: &str) -> Result<Self, BadMailbox> {
        let bad = |why| BadMailbox { said: text.chars().take(200).flat_map(char::escape_debug).collect(), why };
        let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, address)) => (unquoted(name.trim()), address),
            None => (String::new(), text),
        };
        check_name(&name).map_err(bad)?;
        check_address(address).map_err(bad)?;
        let (local, domain) = address.rsplit_once('@').unwrap_or_default();
        let address = format!("{local}@{}", domain.to_ascii_lowercase());
        Ok(Self { name: Some(name).filter(|name| !name.is_empty()), address })
    }

    /// Whether a mail to this one is a mail to the other.
    pub fn is_same(&self, other: &Self) -> bool {
        key_of(&self.address) == key_of(&other.address)
    }
}

/// By what an address is counted and suppressed: however it is written, it is one.
pub fn key_of(address: &str) -> String {
    address.to_ascii_lowercase()
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

/// `"Núñez, Ana"` as `Núñez, Ana`.
fn unquoted(name: &str) -> String {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => name.to_owned(),
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.chars().count() > LONGEST_NAME {
        return Err("its name is longer than 128 characters");
    }
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if name.contains(breaks) {
        return Err("its name has a line end or another control character");
    }
    if name.contains(['<', '>']) { Err("its name has an angle bracket") } else { Ok(()) }
}

fn check_address(address: &str) -> Result<(), &'static str> {
    if address.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err("it has a space, a line end or another control character");
    }
    if !address.is_ascii() {
        return Err("it has letters outside ASCII; write the domain as xn--…");
    }
    let Some((local, domain)) = address.split_once('@') else { return Err("it has no @") };
    if domain.contains('@') {
        return Err("it has more than one @");
    }
    if address.len() > LONGEST_ADDRESS || local.len() > LONGEST_LOCAL_PART {
        return Err("it is too long");
    }
    let is_atom = |atom: &str| {
        !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    if !local.split('.').all(is_atom) {
        return Err("the part before the @ is empty or has signs that must not stand there");
    }
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.split('.').all(is_label) { Ok(()) } else { Err("the part behind the @ is no domain") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: addresses that people have are read, names in any script included.
    #[test]
    fn addresses_are_read() {
        let read = |text: &str| Mailbox::parse(text).map(|read| (read.name.unwrap_or_default(), read.address));
        let plain = |address: &str| Ok((String::new(), address.to_owned()));
        assert_eq!(read("ana@example.org"), plain("ana@example.org"));
        assert_eq!(read("ana.b+tag@EXAMPLE.org"), plain("ana.b+tag@example.org"));
        assert_eq!(read("<ana@xn--nez-8ma.example>"), plain("ana@xn--nez-8ma.example"));
        assert_eq!(read("root@localhost"), plain("root@localhost"));
        let named = |name: &str| Ok((name.to_owned(), "ana@example.org".to_owned()));
        assert_eq!(read("Ana Núñez <ana@example.org>"), named("Ana Núñez"));
        assert_eq!(read("\"Núñez, Ana \\\"A\\\"\" <ana@example.org>"), named("Núñez, Ana \"A\""));
        assert_eq!(read("安娜 <ana@example.org>"), named("安娜"));
    }

    /// Goal: what is none is refused, above all what would begin a new header or a new command.
    #[test]
    fn what_is_none_is_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        let longer = format!("a@{}.org", "b.".repeat(130));
        for wrong in [
            "",
            "ana",
            "@example.org",
            "ana@",
            "ana@b@example.org",
            "ana example@example.org",
            "ana@example.org\r\nBcc: all@example.org",
            "ana@example.org\nRCPT TO:<all@example.org>",
            "ana@example.org\0",
            " ana@example.org",
            "ana@example.org ",
            "Ana\r\nBcc: all@example.org <ana@example.org>",
            "Ana\u{2028}B <ana@example.org>",
            "Ana <ana@example.org> <b@example.org>",
            "a@example.org, b@example.org",
            "a@example.org,b@example.org",
            "\"a b\"@example.org",
            "a..b@example.org",
            ".a@example.org",
            "a@[127.0.0.1]",
            "a@-example.org",
            "a@example..org",
            "a@example.org.",
            "a(comment)@example.org",
            "añá@example.org",
            "a@münchen.example",
            &long,
            &longer,
        ] {
            let refused = Mailbox::parse(wrong);
            let error = refused.expect_err(wrong);
            assert!(!error.to_string().contains(['\r', '\n', '\0']), "{error:?}");
        }
    }
}
