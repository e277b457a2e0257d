//! `GET /flows`: what can be started.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::flow::shown_flow;
use crate::api_error::ApiResult;
use crate::site::OfSite;

pub(super) async fn flows(site: OfSite) -> ApiResult {
    let mut items: Vec<Value> = Vec::new();
    for flow in site.engine.registry.iter() {
        items.push(shown_flow(&site, flow).await?);
    }
    Ok(HttpResponse::Ok().json(json!({ "items": items, "next": null })))
}
