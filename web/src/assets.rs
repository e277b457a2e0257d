//! The page's files, embedded into the binary: each with its type and a fingerprint, packed once, sent once.
//!
//! They stand under a folder that is named after their contents, `/static/@<fingerprint>/…`, so that a browser keeps them
//! for good; modules import each other by relative paths and stay inside it. Only the two documents are asked for each
//! time: they name the folder.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderName, IF_NONE_MATCH, VARY,
};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

#[derive(RustEmbed)]
#[folder = "../static/"]
struct Files;

/// Where the documents' links begin.
const FOLDER: &str = "/static/";
/// In a document: here go the modules that its script imports, and what those import, so that a browser asks for them
/// at once and not one by one as it finds them.
const MODULES: &str = "<!-- modules -->";
/// The script of the document that has them.
const ENTRY: &str = "app.js";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Asked for each time, and mostly answered with 304.
const REVALIDATED: &str = "no-cache";

/// A file below `/static/`, named with or without the folder of its fingerprint.
pub(crate) fn answer(request: &HttpRequest, path: &str) -> Option<HttpResponse> {
    let (folder, name) = match path.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
        Some((folder, name)) => (Some(folder), name),
        None => (None, path),
    };
    // A page of another version gets none of this one's files: what it has and what they are need not fit. It says so, and
    // offers to be loaded again.
    if folder.is_some_and(|folder| !is_known_folder(folder)) {
        return None;
    }
    let body = content(name)?;
    let etag = etag_of(&Sha256::digest(&body));
    let caching = if folder.is_some() { IMMUTABLE } else { REVALIDATED };
    Some(send(request, name, &etag, caching, body))
}

/// A document: its links lead into the folder of what the files are now.
pub(crate) fn document(request: &HttpRequest, name: &str) -> Option<HttpResponse> {
    let file = Files::get(name)?;
    let folder = format!("{FOLDER}@{}/", fingerprint());
    let text = String::from_utf8_lossy(&file.data);
    let text = text.replace(MODULES, &preloads()).replace(&format!("\"{FOLDER}"), &format!("\"{folder}"));
    let etag = etag_of(&Sha256::digest(&text));
    Some(send(request, name, &etag, REVALIDATED, text.into()))
}

/// A file; a style sheet with those that it imports in their places, so that a browser asks once for all.
fn content(name: &str) -> Option<Bytes> {
    let file = Files::get(name)?;
    if !name.ends_with(".css") {
        return Some(file.data.into_owned().into());
    }
    let text = String::from_utf8_lossy(&file.data);
    let mut whole = String::new();
    for line in text.lines() {
        let import = line.strip_prefix("@import '").and_then(|rest| rest.strip_suffix("';"));
        match import.and_then(|path| Files::get(&beside(name, path)?)) {
            Some(part) => whole.push_str(&String::from_utf8_lossy(&part.data)),
            None => whole.extend([line, "\n"]),
        }
    }
    Some(whole.into())
}

fn send(request: &HttpRequest, name: &str, etag: &str, caching: &'static str, body: Bytes) -> HttpResponse {
    let is_known = is_known(request, etag);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, etag.to_owned())).insert_header((CACHE_CONTROL, caching));
    if is_known {
        return response.finish();
    }
    let kind = content_type(name);
    response.content_type(kind);
    if !(kind.starts_with("text/") || kind == "image/svg+xml") {
        return response.body(body);
    }
    response.insert_header((VARY, "accept-encoding"));
    if header(request, ACCEPT_ENCODING).contains("gzip") {
        return response.insert_header((CONTENT_ENCODING, "gzip")).body(packed(name, etag, &body));
    }
    response.body(body)
}

/// The fingerprint that the documents named last. Files may change while a development build runs.
static KNOWN_FINGERPRINT: Mutex<String> = Mutex::new(String::new());

fn fingerprint() -> String {
    let mut known = KNOWN_FINGERPRINT.lock().unwrap_or_else(PoisonError::into_inner);
    if known.is_empty() || cfg!(debug_assertions) {
        *known = fingerprint_of_all();
    }
    known.clone()
}

/// What a browser kept from a document of before may not be kept on as if it were of now.
fn is_known_folder(folder: &str) -> bool {
    let mut known = KNOWN_FINGERPRINT.lock().unwrap_or_else(PoisonError::into_inner);
    if known.is_empty() {
        *known = fingerprint_of_all();
    }
    *known == folder
}

fn fingerprint_of_all() -> String {
    let mut hash = Sha256::new();
    for name in names() {
        hash.update(name.as_bytes());
        if let Some(file) = Files::get(&name) {
            hash.update(file.metadata.sha256_hash());
        }
    }
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..9])
}

fn preloads() -> String {
    let mut found = vec![ENTRY.to_owned()];
    let mut looked_at = 0;
    while let Some(name) = found.get(looked_at).cloned() {
        looked_at += 1;
        let Some(file) = Files::get(&name) else { continue };
        for import in imports(&String::from_utf8_lossy(&file.data)).filter_map(|path| beside(&name, path)) {
            if !found.contains(&import) {
                found.push(import);
            }
        }
    }
    found.iter().map(|name| format!("<link rel=\"modulepreload\" href=\"{FOLDER}{name}\">\n  ")).collect()
}

/// The paths that a module imports before it runs: `import … from './x.js';`, one to a line.
fn imports(module: &str) -> impl Iterator<Item = &str> {
    let lines = module.lines().filter(|line| line.starts_with("import ") || line.starts_with("export * from"));
    lines.filter_map(|line| line.trim_end().strip_suffix("';")?.rsplit_once('\'').map(|(_, path)| path))
}

/// `views/task.js` and `../dom.js` make `dom.js`.
fn beside(module: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = module.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// In an order that does not depend on the machine.
fn names() -> Vec<String> {
    let mut names: Vec<String> = Files::iter().map(|name| name.into_owned()).collect();
    names.sort_unstable();
    names
}

/// Each file is packed when it is first asked for, and once.
fn packed(name: &str, etag: &str, body: &Bytes) -> Bytes {
    static PACKED: Mutex<Option<HashMap<String, (String, Bytes)>>> = Mutex::new(None);
    let mut all = PACKED.lock().unwrap_or_else(PoisonError::into_inner);
    let all = all.get_or_insert_default();
    if let Some((_, packed)) = all.get(name).filter(|(of, _)| of == etag) {
        return packed.clone();
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    // Writing into memory cannot fail.
    let _ = gzip.write_all(body);
    let packed = Bytes::from(gzip.finish().unwrap_or_default());
    all.insert(name.to_owned(), (etag.to_owned(), packed.clone()));
    packed
}

/// A part of the hash tells versions of a file apart, and a page has a hundred files.
fn etag_of(hash: &[u8]) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&hash[..hash.len().min(12)]))
}

/// Weak comparison: a compressed answer's fingerprint counts as well.
fn is_known(request: &HttpRequest, etag: &str) -> bool {
    let known = header(request, IF_NONE_MATCH);
    known.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == etag || one == "*")
}

fn header(request: &HttpRequest, name: HeaderName) -> &str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// By the ending: the page has no other kinds.
fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what a module needs is found, however it is written, and what it may need later is not.
    #[test]
    fn modules_that_are_needed() {
        let module =
            "import { a } from './dom.js';\nimport '../elements/x.js';\nconst later = () => import('./later.js');\n";
        assert_eq!(imports(module).collect::<Vec<_>>(), ["./dom.js", "../elements/x.js"]);
        assert_eq!(beside("views/task.js", "../elements/x.js").as_deref(), Some("elements/x.js"));
        assert_eq!(beside("app.js", "./dom.js").as_deref(), Some("dom.js"));
        assert_eq!(beside("app.js", "../../secret"), None);
    }

    /// Goal: the page names each module that it begins with, once, and each is there.
    #[test]
    fn the_page_names_its_modules() {
        let links = preloads();
        let named: Vec<&str> = links.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(named.len() > 10 && named.contains(&"/static/dom.js"), "{named:?}");
        for name in &named {
            assert!(Files::get(name.trim_start_matches(FOLDER)).is_some(), "{name}");
            assert_eq!(named.iter().filter(|other| *other == name).count(), 1, "{name}");
        }
    }
}
