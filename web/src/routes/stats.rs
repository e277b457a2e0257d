//! `GET /stats`: figures for plots.

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};

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
    let outbox = site.engine.notifications.outbox.outbox_stats().await?;
    let notifications: Map<String, Value> =
        outbox.counts.iter().map(|(state, count)| (state.as_str().to_owned(), json!(count))).collect();
    Ok(HttpResponse::Ok().json(json!({
        "at": now,
        "tasks": tasks,
        "due": stats.due,
        "oldest_due": stats.oldest_due,
        "oldest_due_age_seconds": stats.oldest_due.map(|oldest| now.since(oldest).as_secs_f64()),
        "in_line": in_line,
        "store_bytes": stats.bytes,
        // Somebody should look why; the log says it.
        "set_aside": stats.set_aside,
        "watchers": site.live.connections(),
        "workers": {
            "count": workers.len(),
            "running": workers.iter().map(|worker| worker.running.len()).sum::<usize>(),
            "concurrency": workers.iter().map(|worker| worker.concurrency).sum::<usize>(),
        },
        "notifications": notifications,
        "oldest_notification_age_seconds": outbox.oldest.map(|oldest| now.since(oldest).as_secs_f64()),
        // The last minutes, and the last day.
        "rates": site.figures.rates(),
        "history": site.figures.history(),
        "durations": site.figures.durations(),
    })))
}
