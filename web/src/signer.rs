//! Signs what the server gives away and takes back: CSRF tokens, sessions, watch links.
//!
//! Each signed text begins with what it is for, so that one kind can never pass as another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub(crate) struct Signer([u8; 32]);

impl Signer {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    pub(crate) fn sign(&self, text: &str) -> String {
        // A key of any length is fine for HMAC.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(text.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    pub(crate) fn signed(&self, text: &str, signature: &str) -> bool {
        self.sign(text).as_bytes().ct_eq(signature.as_bytes()).into()
    }
}

/// The key of a signer, made of a text of any length.
pub fn secret_of(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: only the server that signed knows its signature again, of this text alone.
    #[test]
    fn signatures() {
        let signer = Signer::new([7; 32]);
        let signature = signer.sign("watch:a");
        assert!(signer.signed("watch:a", &signature));
        assert!(!signer.signed("watch:b", &signature) && !signer.signed("watch:a", "") && !signer.signed("", ""));
        assert!(!Signer::new([8; 32]).signed("watch:a", &signature));
    }
}
