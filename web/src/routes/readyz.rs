//! `GET /readyz`: the store can serve. What is missing beside it stands in the body and fails nothing: a web
//! process without workers is ready to serve the web.

use actix_web::HttpResponse;
use caudal_engine::flow::FlowDefinition;
use serde_json::{Value, json};

use crate::api_error::ApiResult;
use crate::site::OfSite;

pub(super) async fn readyz(site: OfSite) -> ApiResult {
    site.engine.store.check().await?;
    let stats = site.engine.store.stats().await?;
    let workers = site.engine.workers().await?;
    // No worker can run them: the flow is not known, not ready, or only there in a lower version than the tasks need.
    let engine = &site.engine;
    let ready = |flow: &'static FlowDefinition| flow.missing(&engine.resources).is_empty();
    let here = |flow: &str| engine.registry.find(flow).filter(|known| ready(known)).map(|known| known.version);
    let known = |flow: &str| match workers.iter().filter_map(|worker| worker.flows.get(flow)).max() {
        Some(version) => Some(*version),
        None if workers.is_empty() => here(flow),
        None => None,
    };
    let stranded: Vec<Value> = stats
        .in_line
        .iter()
        .filter(|(flow, version, _)| known(flow).is_none_or(|known| known < *version))
        .map(|(flow, version, count)| json!({ "flow": flow, "version": version, "count": count }))
        .collect();
    Ok(HttpResponse::Ok().json(json!({
        "ready": true,
        "store": "ok",
        // Of what was answered, when the store itself dies.
        "may_lose_seconds": site.engine.store.may_lose().as_secs(),
        "workers": workers.len(),
        "missing_workers": workers.iter().all(|worker| worker.draining),
        "unknown_flows": stranded,
    })))
}
