//! `GET /flows`: what can be started.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::flow::shown_flow;
use crate::api_error::ApiResult;
use crate::site::OfSite;

pub(super) async fn flows(site: OfSite) -> ApiResult {
    let items: Vec<Value> = site.engine.registry.iter().map(|flow| shown_flow(&site, flow)).collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items, "next": null })))
}
