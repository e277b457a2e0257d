//! `DELETE /suppressions/<address>`: an address gets mail again.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::api_error::{ApiError, ApiResult, Reason};
use crate::site::OfSite;
use crate::tenant::tenant_of;

pub(super) async fn unsuppress(site: OfSite, request: HttpRequest, address: Path<String>) -> ApiResult {
    let outbox = &site.engine.notifications.outbox;
    if !outbox.unsuppress(&tenant_of(&request), &address).await? {
        return Err(ApiError::new(Reason::NotFound, "This address is not suppressed."));
    }
    Ok(HttpResponse::Ok().json(json!({ "address": address.as_str() })))
}
