//! Signatures as Standard Webhooks has them: HMAC-SHA256 over id, time and body, so that neither a stranger's call nor an
//! old one passes.
//!
//! Each receiver has a key of its own, made of ours and its origin: none can sign in our name at another. `docs/webhooks.md`
//! tells receivers how to check.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;
use url::Url;

const PREFIX: &str = "whsec_";
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A key for signatures, ours or a receiver's; written `whsec_` and base64.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("it must be whsec_ followed by 24 to 64 bytes in base64")]
pub struct BadSecret;

/// Of what all receivers' keys are made, and of what they were made before it: as long as that is set, calls carry the
/// signatures of both, so that receivers can change theirs one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSecrets {
    pub now: WebhookSecret,
    pub before: Option<WebhookSecret>,
}

impl WebhookSecrets {
    /// The keys of whoever is called there, the one that counts first.
    pub fn of_receiver(&self, url: &Url) -> Vec<WebhookSecret> {
        let origin = url.origin().ascii_serialization();
        [Some(&self.now), self.before.as_ref()].into_iter().flatten().map(|ours| ours.for_receiver(&origin)).collect()
    }

    /// What stands in `webhook-signature`.
    pub(super) fn sign(&self, url: &Url, id: &str, timestamp: u64, body: &[u8]) -> String {
        let signatures =
            self.of_receiver(url).iter().map(|secret| secret.sign(id, timestamp, body)).collect::<Vec<_>>();
        signatures.join(" ")
    }
}

impl WebhookSecret {
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(BadSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| BadSecret)?;
        if BYTES.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(BadSecret) }
    }

    pub fn of_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes.to_vec())
    }

    /// As people copy it from one place to the other.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    fn for_receiver(&self, origin: &str) -> Self {
        Self(self.hmac(&[b"webhook:", origin.as_bytes()]))
    }

    fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let signature = self.hmac(&[format!("{id}.{timestamp}.").as_bytes(), body]);
        format!("v1,{}", STANDARD.encode(signature))
    }

    fn hmac(&self, parts: &[&[u8]]) -> Vec<u8> {
        // A key of any length is fine for HMAC.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return Vec::new() };
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().to_vec()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: signatures are those of the specification's own example.
    #[test]
    fn the_example_of_the_specification() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    /// What stands behind a name in the page's example.
    fn in_the_page(name: &str) -> String {
        let page = include_str!("../../../docs/webhooks.md");
        let line = page.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}"));
        line.trim().to_owned()
    }

    /// Goal: the example that receivers check their code with is what we would send.
    #[test]
    fn the_example_of_our_page() {
        let ours = WebhookSecret::parse(&in_the_page("CAUDAL_WEBHOOK_SECRET=")).unwrap();
        let url = Url::parse(&in_the_page("POST ")).unwrap();
        let secrets = WebhookSecrets { now: ours, before: None };
        let receivers: Vec<String> = secrets.of_receiver(&url).iter().map(WebhookSecret::reveal).collect();
        assert_eq!(receivers, [in_the_page("secret:")]);
        let timestamp = in_the_page("webhook-timestamp:").parse().unwrap();
        let body = in_the_page("body:");
        let signature = secrets.sign(&url, &in_the_page("webhook-id:"), timestamp, body.as_bytes());
        assert_eq!(in_the_page("webhook-signature:"), signature);
    }

    /// Goal: what one receiver knows is of no use at another, whatever the path; a port or a scheme makes another one.
    #[test]
    fn each_receiver_has_its_own() {
        let secrets = WebhookSecrets { now: WebhookSecret::of_bytes([7; 32]), before: None };
        let of = |url: &str| secrets.of_receiver(&Url::parse(url).unwrap()).remove(0).reveal();
        let one = of("https://a.example/hook?x=1");
        assert_eq!(one, of("https://A.example:443/other"));
        for other in ["https://b.example/hook", "https://a.example:8443/hook", "http://a.example/hook"] {
            assert_ne!(one, of(other), "{other}");
        }
        assert_ne!(one, secrets.now.reveal());
    }

    /// Goal: while the key is being changed a call passes at those who know the new one and at those who know the old one.
    #[test]
    fn two_signatures_while_the_key_changes() {
        let [old, new] = [[7; 32], [8; 32]].map(WebhookSecret::of_bytes);
        let url = Url::parse("https://a.example/hook").unwrap();
        let sign = |secrets: WebhookSecrets| secrets.sign(&url, "id", 1, b"{}");
        let [before, after] = [&old, &new].map(|now| sign(WebhookSecrets { now: now.clone(), before: None }));
        let changing = sign(WebhookSecrets { now: new, before: Some(old) });
        assert_eq!(changing, format!("{after} {before}"));
    }

    /// Goal: a secret is read as it is written, and a weak or broken one is refused.
    #[test]
    fn secrets() {
        let secret = WebhookSecret::of_bytes([7; 32]);
        assert_eq!(WebhookSecret::parse(&secret.reveal()), Ok(secret));
        for bad in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_!!!"] {
            assert_eq!(WebhookSecret::parse(bad), Err(BadSecret), "{bad}");
        }
    }
}
