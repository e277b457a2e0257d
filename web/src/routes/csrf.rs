//! `GET /csrf`: the token that a browser must repeat, as cookie and as JSON.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::api_error::ApiResult;
use crate::csrf::{cookie, token_for};
use crate::site::OfSite;

pub(super) async fn csrf(site: OfSite, request: HttpRequest) -> ApiResult {
    let token = token_for(&site, &request);
    Ok(HttpResponse::Ok().cookie(cookie(&site, token.clone())).json(json!({ "csrf_token": token })))
}
