//! `POST /logout`: the browser forgets its session.

use actix_web::HttpResponse;

use crate::api_error::ApiResult;
use crate::site::OfSite;

pub(super) async fn logout(site: OfSite) -> ApiResult {
    Ok(HttpResponse::NoContent().cookie(site.access.log_out()).finish())
}
