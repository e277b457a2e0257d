//! `GET /flows`: what can be started. `?schemas=false` leaves out the schemas, for who only lists them.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::flow::shown_flow;
use crate::api_error::ApiResult;
use crate::request::Query;
use crate::site::OfSite;

pub(super) async fn flows(site: OfSite, request: HttpRequest) -> ApiResult {
    let with_schemas = Query::of(&request).flag("schemas")?.unwrap_or(true);
    let mut items: Vec<Value> = Vec::new();
    for flow in site.engine.registry.iter() {
        items.push(shown_flow(&site, flow, with_schemas).await?);
    }
    Ok(HttpResponse::Ok().json(json!({ "items": items, "next": null })))
}
