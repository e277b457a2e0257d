//! Where mails lead people: to a task on the page, and to where an address is taken off.
//!
//! Who opens the second needs no login: the link is signed. It holds the address, because nothing is stored about a link;
//! and it has no end, because mails have none.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caudal_engine::task::{TaskId, Tenant};

use crate::signer::Signer;

/// Made with the server's secret, wherever mails are made.
pub struct PageLinks {
    base: Option<String>,
    signer: Signer,
}

impl PageLinks {
    /// `base` is where people reach the page; without one there are no links.
    pub fn new(base: Option<&str>, secret: [u8; 32]) -> Self {
        Self { base: base.map(|base| base.trim_end_matches('/').to_owned()), signer: Signer::new(secret) }
    }

    pub fn task(&self, task: TaskId) -> Option<String> {
        self.base.as_ref().map(|base| format!("{base}/#/tasks/{task}"))
    }

    pub fn unsubscribe(&self, tenant: &Tenant, address: &str) -> Option<String> {
        let token = unsubscribe_token(&self.signer, tenant, address);
        self.base.as_ref().map(|base| format!("{base}/unsubscribe?token={token}"))
    }
}

/// `tenant and address.signature`
fn unsubscribe_token(signer: &Signer, tenant: &Tenant, address: &str) -> String {
    let who = URL_SAFE_NO_PAD.encode(format!("{tenant}\n{address}"));
    let signature = signer.sign(&signed_text(&who));
    format!("{who}.{signature}")
}

/// Whose address is to be taken off, if the token is ours.
pub(crate) fn who_unsubscribes(signer: &Signer, token: &str) -> Option<(Tenant, String)> {
    let (who, signature) = token.split_once('.')?;
    if !signer.signed(&signed_text(who), signature) {
        return None;
    }
    let who = String::from_utf8(URL_SAFE_NO_PAD.decode(who).ok()?).ok()?;
    let (tenant, address) = who.split_once('\n')?;
    Some((Tenant::new(tenant), address.to_owned()))
}

fn signed_text(who: &str) -> String {
    format!("unsubscribe:{who}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a link takes off the address that it was made for, and no other; nobody else can make one.
    #[test]
    fn only_ours_take_an_address_off() {
        let (signer, links) = (Signer::new([7; 32]), PageLinks::new(Some("https://a.example/"), [7; 32]));
        let (tenant, address) = (Tenant::default(), "ana+x@example.org");
        let link = links.unsubscribe(&tenant, address).unwrap();
        let token = link.strip_prefix("https://a.example/unsubscribe?token=").unwrap();
        assert_eq!(who_unsubscribes(&signer, token), Some((tenant.clone(), address.to_owned())));
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{token}");
        let other = unsubscribe_token(&signer, &tenant, "ben@example.org");
        let mixed = format!("{}.{}", other.split_once('.').unwrap().0, token.split_once('.').unwrap().1);
        for forged in ["", ".", "a.b", &token[1..], &format!("{token}x"), &mixed] {
            assert_eq!(who_unsubscribes(&signer, forged), None, "{forged}");
        }
        assert_eq!(who_unsubscribes(&Signer::new([8; 32]), token), None);
        assert_eq!(PageLinks::new(None, [7; 32]).unsubscribe(&tenant, address), None);
    }
}
