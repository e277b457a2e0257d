//! `GET /readyz`: the store can serve. What is missing beside it stands in the body and fails nothing: a web
//! process without workers is ready to serve the web.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use crate::api_error::ApiResult;
use crate::site::OfSite;

pub(super) async fn readyz(site: OfSite) -> ApiResult {
    site.engine.store.check().await?;
    let stats = site.engine.store.stats().await?;
    let workers = site.engine.workers.workers();
    // Nobody here can run them: a flow that is not known, only in a lower version than the tasks need, or not ready.
    let engine = &site.engine;
    let can_run = |flow: &str, version: u32| {
        let known = engine.registry.find(flow).filter(|known| known.version >= version);
        known.is_some_and(|known| known.missing(&engine.resources).is_empty())
    };
    let stranded: Vec<Value> = stats
        .in_line
        .iter()
        .filter(|(flow, version, _)| !can_run(flow, *version))
        .map(|(flow, version, count)| json!({ "flow": flow, "version": version, "count": count }))
        .collect();
    Ok(HttpResponse::Ok().json(json!({
        "ready": true,
        "store": "ok",
        "workers": workers.len(),
        "missing_workers": workers.iter().all(|worker| worker.draining),
        "unknown_flows": stranded,
    })))
}
