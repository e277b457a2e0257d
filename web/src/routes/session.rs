//! `GET /session`: who the caller is here, and whether that matters.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::access::Caller;
use crate::api_error::ApiResult;
use crate::site::OfSite;

pub(super) async fn session(site: OfSite, request: HttpRequest) -> ApiResult {
    let caller = Caller::of(&request);
    Ok(HttpResponse::Ok().json(json!({
        "needs_key": !site.access.is_open(),
        "name": caller.name,
        "role": caller.role.as_str(),
    })))
}
