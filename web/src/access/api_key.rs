//! API keys: the server knows the SHA-256 of each and never the key itself.
//!
//! A key has 256 random bits, so a fast hash is enough: there is nothing to guess. In the settings a key is one line,
//! `name:role:hash`.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::role::Role;

/// By it people and scanners for secrets know what they found.
const PREFIX: &str = "caudal_";
const MOST_NAME_BYTES: usize = 64;

#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    name: String,
    role: Role,
    hash: [u8; 32],
}

/// What is wrong with a line. It never holds the line: somebody may have written the key itself there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadKey {
    #[error("must be name:role:hash")]
    Parts,
    #[error("must begin with a name of 1 to {MOST_NAME_BYTES} letters, digits, dots, dashes, underscores")]
    Name,
    #[error("must have the role admin, start or read after its name")]
    Role,
    #[error("must end with the SHA-256 of the key, 64 hexadecimal digits, as `caudal new-key` prints it")]
    Hash,
}

impl ApiKey {
    /// A new key: its text, which nobody keeps, and what the server is to know of it.
    pub fn generate(name: &str, role: Role) -> Result<(String, Self), BadKey> {
        if !is_name(name) {
            return Err(BadKey::Name);
        }
        let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
        let known = Self { name: name.to_owned(), role, hash: hash_of(&key) };
        Ok((key, known))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn role(&self) -> Role {
        self.role
    }

    /// As it stands in the settings.
    pub fn line(&self) -> String {
        format!("{}:{}:{}", self.name, self.role, self.fingerprint())
    }

    pub(super) fn fingerprint(&self) -> String {
        self.hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.role)
    }
}

impl FromStr for ApiKey {
    type Err = BadKey;

    fn from_str(line: &str) -> Result<Self, BadKey> {
        let mut parts = line.split(':');
        let (Some(name), Some(role), Some(hash), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BadKey::Parts);
        };
        if !is_name(name) {
            return Err(BadKey::Name);
        }
        let role = Role::of_key(role).ok_or(BadKey::Role)?;
        let hash = unhex(hash).ok_or(BadKey::Hash)?;
        Ok(Self { name: name.to_owned(), role, hash })
    }
}

/// All keys that the server knows.
pub(super) struct ApiKeys(Vec<ApiKey>);

impl ApiKeys {
    pub(super) fn of(keys: Vec<ApiKey>) -> Self {
        Self(keys)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose key it is. It takes as long for a wrong one as for a right one.
    pub(super) fn find(&self, key: &str) -> Option<&ApiKey> {
        let hash = hash_of(key);
        self.0.iter().fold(None, |found, known| if bool::from(known.hash.ct_eq(&hash)) { Some(known) } else { found })
    }

    pub(super) fn named(&self, name: &str) -> Option<&ApiKey> {
        self.0.iter().find(|key| key.name == name)
    }
}

fn hash_of(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn is_name(text: &str) -> bool {
    (1..=MOST_NAME_BYTES).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a new key is known by its line, in capitals too, and by nothing else; two keys differ.
    #[test]
    fn a_line_knows_its_key() {
        let (key, made) = ApiKey::generate("ci", Role::Start).unwrap();
        let (other, _) = ApiKey::generate("ci", Role::Start).unwrap();
        assert!(key.starts_with("caudal_") && key.len() == 50 && key != other);
        assert!(!made.line().contains(&key) && !format!("{made:?}").contains(&made.fingerprint()));
        let (name_and_role, hash) =
            made.line().rsplit_once(':').map(|(a, b)| (a.to_owned(), b.to_uppercase())).unwrap();
        let keys = ApiKeys::of(vec![
            made.line().parse().unwrap(),
            format!("{name_and_role}2:{hash}").parse().unwrap_or(made.clone()),
        ]);
        assert_eq!(keys.find(&key).map(ApiKey::name), Some("ci"));
        for wrong in [&other, "", &key[1..], &made.fingerprint()] {
            assert!(keys.find(wrong).is_none(), "{wrong}");
        }
        assert_eq!(format!("{name_and_role}:{hash}").parse(), Ok(made));
    }

    /// Goal: each part of a wrong line is refused as what it is.
    #[test]
    fn wrong_lines() {
        let hash = "0".repeat(64);
        for (line, wrong) in [
            ("".to_owned(), BadKey::Parts),
            ("ci".to_owned(), BadKey::Parts),
            (format!("ci:read:{hash}:x"), BadKey::Parts),
            (format!(":read:{hash}"), BadKey::Name),
            (format!("a b:read:{hash}"), BadKey::Name),
            (format!("{}:read:{hash}", "n".repeat(65)), BadKey::Name),
            (format!("ci:anyone:{hash}"), BadKey::Role),
            (format!("ci:read:{}", &hash[1..]), BadKey::Hash),
            (format!("ci:read:{}", "+".repeat(64)), BadKey::Hash),
            (format!("ci:read:{}", "ü".repeat(32)), BadKey::Hash),
        ] {
            assert_eq!(line.parse::<ApiKey>(), Err(wrong), "{line}");
        }
        assert_eq!(ApiKey::generate("a:b", Role::Read).unwrap_err(), BadKey::Name);
    }
}
