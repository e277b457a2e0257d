//! Where the mail server is and how it is spoken to, as a URL says it.
//!
//! ```text
//! smtp://mail.example.org               STARTTLS where the server offers it (port 587)
//! smtp://user:password@…                STARTTLS, and nothing without it: the password is for the server alone
//! smtps://user:password@…               TLS from the first byte (port 465)
//! …?tls=required | opportunistic | none
//! ```

use std::fmt;
use std::time::Duration;

use lettre::transport::smtp::client::Certificate;
use thiserror::Error;
use url::Url;

#[derive(Clone)]
pub struct SmtpSettings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: SmtpTls,
    pub(super) credentials: Option<(String, String)>,
    /// Believed besides the authorities that everybody believes.
    pub(super) authority: Option<Certificate>,
    /// For each answer of the server.
    pub timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SmtpTls {
    None,
    Opportunistic,
    Required,
    /// From the first byte.
    Wrapped,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}; write smtp://user:password@mail.example.org or smtps://…")]
pub struct BadSmtpUrl(String);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("it must hold certificates in PEM, as in -----BEGIN CERTIFICATE-----")]
pub struct BadAuthority;

const USUAL_TIMEOUT: Duration = Duration::from_secs(60);
/// A text without it is read as no certificates, and not refused.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

impl SmtpSettings {
    pub fn parse(text: &str) -> Result<Self, BadSmtpUrl> {
        let bad = |why: &str| BadSmtpUrl(why.to_owned());
        let url = Url::parse(text).map_err(|error| BadSmtpUrl(format!("it is no URL: {error}")))?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| bad("it names no host"))?;
        let credentials = credentials_of(&url)?;
        let asked = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
        if url.query_pairs().any(|(name, _)| name != "tls") {
            return Err(bad("it has a parameter other than tls"));
        }
        let tls = match (url.scheme(), asked.as_deref()) {
            ("smtps", None) => SmtpTls::Wrapped,
            ("smtp", Some("required")) => SmtpTls::Required,
            ("smtp", Some("opportunistic")) => SmtpTls::Opportunistic,
            ("smtp", Some("none")) => SmtpTls::None,
            ("smtp", None) if credentials.is_some() && !is_here(host) => SmtpTls::Required,
            ("smtp", None) => SmtpTls::Opportunistic,
            ("smtp", Some(_)) => return Err(bad("tls is required, opportunistic or none")),
            _ => return Err(bad("its scheme is neither smtp nor smtps")),
        };
        let usual_port = if tls == SmtpTls::Wrapped { 465 } else { 587 };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port().unwrap_or(usual_port);
        Ok(Self { host, port, tls, credentials, authority: None, timeout: USUAL_TIMEOUT })
    }

    /// Believes these certificates too: a server within an organisation often shows one that nobody else knows.
    pub fn trust(&mut self, pem: &[u8]) -> Result<(), BadAuthority> {
        let has_one = pem.windows(BEGIN.len()).any(|window| window == BEGIN);
        let read = Certificate::from_pem(pem).map_err(|_| BadAuthority)?;
        self.authority = Some(read).filter(|_| has_one);
        self.authority.as_ref().map(drop).ok_or(BadAuthority)
    }
}

fn is_here(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

fn credentials_of(url: &Url) -> Result<Option<(String, String)>, BadSmtpUrl> {
    let decode = |text: &str| {
        let decoded: Vec<u8> = percent_decoded(text);
        String::from_utf8(decoded).map_err(|_| BadSmtpUrl("user or password is no UTF-8".to_owned()))
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (user, Some(password)) => Ok(Some((decode(user)?, decode(password)?))),
        (_, None) => Err(BadSmtpUrl("it has a user and no password".to_owned())),
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let escaped = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, escaped) {
            (b'%', Some(escaped)) => {
                decoded.push(escaped);
                at += 3;
            }
            _ => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    decoded
}

/// Without the password.
impl fmt::Display for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls == SmtpTls::Wrapped { "smtps" } else { "smtp" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({:?})", self.tls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: URLs mean what people expect, and a password is never sent in the clear by accident, nor shown.
    #[test]
    fn urls_are_read() {
        let read = |text: &str| SmtpSettings::parse(text).map(|read| (read.host, read.port, read.tls));
        let of = |port, tls| Ok(("mail.example.org".to_owned(), port, tls));
        assert_eq!(read("smtp://mail.example.org"), of(587, SmtpTls::Opportunistic));
        assert_eq!(read("smtp://mail.example.org:25?tls=none"), of(25, SmtpTls::None));
        assert_eq!(read("smtp://a:b@mail.example.org"), of(587, SmtpTls::Required));
        assert_eq!(read("smtps://a:b@mail.example.org"), of(465, SmtpTls::Wrapped));
        assert_eq!(read("smtp://a:b@localhost:2525").unwrap().2, SmtpTls::Opportunistic);
        let secret = SmtpSettings::parse("smtps://ana%40example.org:p%C3%A4ss%2F@mail.example.org").unwrap();
        assert_eq!(secret.credentials, Some(("ana@example.org".to_owned(), "päss/".to_owned())));
        assert_eq!(
            format!("{secret} {secret:?}"),
            "smtps://mail.example.org:465 smtps://mail.example.org:465 (Wrapped)"
        );
        for bad in ["mail.example.org", "http://mail.example.org", "smtp://", "smtp://a@b.org", "smtp://b.org?tls=yes"]
        {
            assert!(SmtpSettings::parse(bad).is_err(), "{bad}");
        }
    }
}
