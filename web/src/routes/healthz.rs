//! `GET /healthz`: the process is alive.

use actix_web::HttpResponse;
use serde_json::json;

use crate::api_error::ApiResult;

pub(super) async fn healthz() -> ApiResult {
    Ok(HttpResponse::Ok().json(json!({ "alive": true })))
}
