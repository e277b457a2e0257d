//! Sessions: a key that a person typed once, turned into a cookie that the server signed.
//!
//! Nothing is kept in memory, so any web process of an installation knows it. The signature covers the key's hash: when
//! a key is taken out of the settings or made anew, its sessions end with it; its role is looked up each time.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time};
use caudal_engine::task::Timestamp;

use super::api_key::{ApiKey, ApiKeys};
use crate::signer::Signer;

const COOKIE_NAME: &str = "caudal_session";

/// `name.until.signature`; a name has dots, the other two have none.
pub(super) fn token(signer: &Signer, key: &ApiKey, until: Timestamp) -> String {
    let until = until.as_millis();
    format!("{}.{until}.{}", key.name(), signer.sign(&signed_text(key, until)))
}

/// Whose session the request brings, if it is one of ours and not over.
pub(super) fn key_of<'a>(
    request: &HttpRequest,
    signer: &Signer,
    keys: &'a ApiKeys,
    now: Timestamp,
) -> Option<&'a ApiKey> {
    let cookie = request.cookie(COOKIE_NAME)?;
    check(cookie.value(), signer, keys, now)
}

fn check<'a>(token: &str, signer: &Signer, keys: &'a ApiKeys, now: Timestamp) -> Option<&'a ApiKey> {
    let (rest, signature) = token.rsplit_once('.')?;
    let (name, until) = rest.rsplit_once('.')?;
    let until: i64 = until.parse().ok()?;
    let key = keys.named(name)?;
    (signer.signed(&signed_text(key, until), signature) && now.as_millis() < until).then_some(key)
}

fn signed_text(key: &ApiKey, until: i64) -> String {
    format!("session:{}:{until}:{}", key.name(), key.fingerprint())
}

/// No script can read it, and no foreign page's form brings it along.
pub(super) fn cookie(token: String, lifetime: std::time::Duration, is_https: bool) -> Cookie<'static> {
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    Cookie::build(COOKIE_NAME, token)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_https)
        .max_age(time::Duration::seconds(seconds))
        .finish()
}

/// Takes the cookie away.
pub(super) fn no_cookie(is_https: bool) -> Cookie<'static> {
    cookie(String::new(), std::time::Duration::ZERO, is_https)
}

#[cfg(test)]
mod tests {
    use super::super::role::Role;
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const LATER: Timestamp = Timestamp::from_millis(1_000_001);

    fn key(name: &str) -> ApiKey {
        ApiKey::generate(name, Role::Read).unwrap().1
    }

    /// Goal: a session is known by every server with this secret and this key, until its time; no part of it can be
    /// changed.
    #[test]
    fn signed_and_bounded() {
        let (signer, ann) = (Signer::new([7; 32]), key("ann.1"));
        let keys = ApiKeys::of(vec![key("bob"), ann.clone()]);
        let token = token(&signer, &ann, LATER);
        let find = |token: &str, now| check(token, &signer, &keys, now).map(|key| key.name().to_owned());
        assert_eq!(find(&token, NOW), Some("ann.1".to_owned()));
        assert_eq!(find(&token, LATER), None, "it is over");
        for wrong in
            [&token.replace("ann.1", "bob"), &token.replace("1000001", "1000009"), &token[1..], "", "..", "a.1."]
        {
            assert_eq!(find(wrong, NOW), None, "{wrong}");
        }
        assert!(check(&token, &Signer::new([8; 32]), &keys, NOW).is_none());
        let renewed = ApiKeys::of(vec![key("ann.1")]);
        assert!(check(&token, &signer, &renewed, NOW).is_none(), "the key was made anew");
    }
}
