//! `GET /stats`: figures for plots.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use crate::api_error::ApiResult;
use crate::site::OfSite;

pub(super) async fn stats(site: OfSite) -> ApiResult {
    let stats = site.engine.store.stats().await?;
    let now = site.engine.clock.now();
    let tasks: Vec<Value> = stats
        .tasks
        .iter()
        .map(|(flow, state, count)| json!({ "flow": flow, "state": state.as_str(), "count": count }))
        .collect();
    let in_line: Vec<Value> = stats
        .in_line
        .iter()
        .map(|(flow, version, count)| json!({ "flow": flow, "lowest_version": version, "count": count }))
        .collect();
    let workers = site.engine.workers().await?;
    Ok(HttpResponse::Ok().json(json!({
        "at": now,
        "tasks": tasks,
        "due": stats.due,
        "oldest_due": stats.oldest_due,
        "oldest_due_age_seconds": stats.oldest_due.map(|oldest| now.since(oldest).as_secs_f64()),
        "in_line": in_line,
        "store_bytes": stats.bytes,
        "watchers": site.live.connections(),
        "workers": {
            "count": workers.len(),
            "running": workers.iter().map(|worker| worker.running.len()).sum::<usize>(),
            "concurrency": workers.iter().map(|worker| worker.concurrency).sum::<usize>(),
        },
        // The last minutes, and the last day.
        "rates": site.figures.rates(),
        "history": site.figures.history(),
        "durations": site.figures.durations(),
    })))
}
