//! `GET /workers`: the workers of all processes and what each is running.

use actix_web::HttpResponse;
use serde_json::json;

use crate::api_error::ApiResult;
use crate::site::OfSite;

pub(super) async fn workers(site: OfSite) -> ApiResult {
    Ok(HttpResponse::Ok().json(json!({ "items": site.engine.workers().await?, "next": null })))
}
