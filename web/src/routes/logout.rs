//! `POST /logout`: the browser forgets its session.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use crate::api_error::ApiResult;
use crate::request::read_no_body;
use crate::site::OfSite;

pub(super) async fn logout(site: OfSite, request: HttpRequest, payload: Payload) -> ApiResult {
    read_no_body(&request, payload, site.body_bytes()).await?;
    Ok(HttpResponse::NoContent().cookie(site.access.log_out()).finish())
}
