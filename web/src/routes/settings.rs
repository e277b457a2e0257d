//! `GET /settings`: how this process is configured, and by what. Secrets are named and never shown.

use actix_web::HttpResponse;
use serde_json::json;

use crate::api_error::ApiResult;
use crate::site::OfSite;

pub(super) async fn settings(site: OfSite) -> ApiResult {
    Ok(HttpResponse::Ok().json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        // Whether `POST /workers/<id>/stop` does something.
        "can_stop_worker": site.stop_worker.is_some(),
        "items": &*site.shown_settings,
        "next": null,
    })))
}
