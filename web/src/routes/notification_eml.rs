//! `GET /notifications/<id>/eml`: the mail as it goes over the wire, for mail programs.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};

use super::notification::{find, shown};
use crate::api_error::{ApiError, ApiResult, Reason};
use crate::site::OfSite;

pub(super) async fn notification_eml(site: OfSite, request: HttpRequest, id: Path<String>) -> ApiResult {
    let record = find(&site, &request, &id).await?;
    let mail = shown(&site, &request, &record);
    let mail = mail.map_err(|error| ApiError::new(Reason::NotFound, error.to_string()))?;
    let name = format!("attachment; filename=\"{}.eml\"", record.id);
    Ok(HttpResponse::Ok().content_type("message/rfc822").insert_header(("content-disposition", name)).body(mail.raw))
}
