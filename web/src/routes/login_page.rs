//! `GET /login`: where a person turns a key into a session.

use actix_web::HttpRequest;

use super::index::page;
use crate::api_error::ApiResult;
use crate::site::OfSite;

pub(super) async fn login_page(site: OfSite, request: HttpRequest) -> ApiResult {
    page(&site, &request, "login.html")
}
