//! Protection against requests that a foreign page makes a browser send: a signed token, sent twice.
//!
//! A page of ours reads the cookie and repeats it in a header; a foreign page can do neither. The signature keeps
//! somebody who can set cookies for a sibling domain from choosing the token. Programs that show no sign of a
//! browser, or bring `Authorization`, need none.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderName, ORIGIN};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::api_error::{ApiError, Reason};
use crate::signer::Signer;
use crate::site::Site;

pub(crate) const COOKIE_NAME: &str = "csrftoken";
const HEADER: HeaderName = HeaderName::from_static("x-csrftoken");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const LIFETIME: Duration = Duration::days(365);

fn new_token(signer: &Signer) -> String {
    let nonce = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
    let signature = signer.sign(&format!("csrf:{nonce}"));
    format!("{nonce}.{signature}")
}

fn is_ours(signer: &Signer, token: &str) -> bool {
    token.split_once('.').is_some_and(|(nonce, signature)| signer.signed(&format!("csrf:{nonce}"), signature))
}

/// The token that the request brings, if it is ours, else a new one.
pub(crate) fn token_for(site: &Site, request: &HttpRequest) -> String {
    match request.cookie(COOKIE_NAME) {
        Some(cookie) if is_ours(&site.signer, cookie.value()) => cookie.value().to_owned(),
        _ => new_token(&site.signer),
    }
}

pub(crate) fn cookie(site: &Site, token: String) -> Cookie<'static> {
    Cookie::build(COOKIE_NAME, token)
        .path("/")
        .same_site(SameSite::Lax)
        .secure(site.is_https)
        .max_age(LIFETIME)
        .finish()
}

pub(crate) fn check(site: &Site, request: &HttpRequest) -> Result<(), ApiError> {
    let changes_nothing = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes_nothing || is_proved_by_link(request) || !is_browser_borne(request) {
        return Ok(());
    }
    let cookie = request.cookie(COOKIE_NAME);
    let header = request.headers().get(HEADER);
    let (Some(cookie), Some(header)) = (cookie, header) else {
        return Err(refused("The CSRF token is missing."));
    };
    let same: bool = cookie.value().as_bytes().ct_eq(header.as_bytes()).into();
    if same && is_ours(&site.signer, cookie.value()) { Ok(()) } else { Err(refused("The CSRF token is wrong.")) }
}

/// A mail program knows no cookie of ours, and a signed link no foreign page can make.
fn is_proved_by_link(request: &HttpRequest) -> bool {
    request.path().trim_end_matches('/') == "/unsubscribe"
}

fn is_browser_borne(request: &HttpRequest) -> bool {
    let has = |name: &HeaderName| request.headers().contains_key(name);
    (has(&COOKIE) || has(&ORIGIN) || has(&SEC_FETCH_SITE)) && !has(&AUTHORIZATION)
}

fn refused(detail: &str) -> ApiError {
    ApiError::new(Reason::Csrf, detail)
        .hint("GET /csrf sets the cookie 'csrftoken'; send its value as the header X-CSRFToken.")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a token is known again by the server that made it, and by no other; no letter of it may change.
    #[test]
    fn tokens_are_signed() {
        let signer = Signer::new([7; 32]);
        let token = new_token(&signer);
        assert!(is_ours(&signer, &token));
        assert!(!is_ours(&Signer::new([8; 32]), &token));
        for wrong in ["", ".", "a.b", &token[1..], &format!("{token}x")] {
            assert!(!is_ours(&signer, wrong), "{wrong}");
        }
    }
}
