//! `GET /notifications/<id>/html`: the mail as people see it, to be shown in a frame.
//!
//! Whatever a mail holds, nothing in it runs, nothing is loaded and nothing is sent: the answer says so by itself, also to
//! who opens it outside of the page's frame.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};

use super::notification::{find, shown};
use crate::api_error::{ApiError, ApiResult, Reason};
use crate::site::OfSite;

const NOTHING_RUNS: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox";

pub(super) async fn notification_html(site: OfSite, request: HttpRequest, id: Path<String>) -> ApiResult {
    let record = find(&site, &request, &id).await?;
    let mail = shown(&site, &request, &record);
    let mail = mail.map_err(|error| ApiError::new(Reason::NotFound, error.to_string()))?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("content-security-policy", NOTHING_RUNS))
        .insert_header(("x-frame-options", "SAMEORIGIN"))
        .body(mail.html))
}
