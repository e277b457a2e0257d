//! The page's files, embedded into the binary: each with its type, a fingerprint, and no need to be sent twice.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../static/"]
struct Files;

/// The file of this name, or that the client has it already; nothing if there is none.
pub(crate) fn answer(request: &HttpRequest, name: &str) -> Option<HttpResponse> {
    let file = Files::get(name)?;
    let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(file.metadata.sha256_hash()));
    let mut response = if is_known(request, &etag) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    // Names stay the same from version to version, so a browser asks each time and mostly hears 304.
    response.insert_header((ETAG, etag.clone())).insert_header((CACHE_CONTROL, "no-cache"));
    if is_known(request, &etag) {
        return Some(response.finish());
    }
    response.content_type(content_type(&file));
    Some(response.body(file.data.into_owned()))
}

/// Weak comparison: a compressed answer's fingerprint counts as well.
fn is_known(request: &HttpRequest, etag: &str) -> bool {
    let known = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    known.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == etag || one == "*")
}

fn content_type(file: &EmbeddedFile) -> String {
    let kind = file.metadata.mimetype();
    let is_text = kind.starts_with("text/") || kind.ends_with("json") || kind.ends_with("javascript");
    if is_text { format!("{kind}; charset=utf-8") } else { kind.to_owned() }
}
