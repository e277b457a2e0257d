//! `GET /metrics`: Prometheus. Counters and histograms are recorded where things happen; what is a count of now is
//! asked when somebody looks.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::HttpResponse;
use caudal_engine::notification::NotificationState;
use caudal_engine::ports::{OutboxStats, StoreStats};
use caudal_engine::task::{TaskState, Timestamp};

use crate::api_error::{ApiError, ApiResult, Reason};
use crate::site::OfSite;

type Labels = HashSet<(Arc<str>, TaskState)>;

/// The labels that were ever set, so that a count that fell to nothing is shown as 0 and not as it was.
static SHOWN: Mutex<Option<Labels>> = Mutex::new(None);

pub(super) async fn metrics(site: OfSite) -> ApiResult {
    let render = site.render_metrics.as_ref();
    let render = render.ok_or_else(|| ApiError::new(Reason::NotFound, "This process records no metrics."))?;
    let stats = site.engine.store.stats().await;
    metrics::gauge!("caudal_store_up").set(if stats.is_ok() { 1.0 } else { 0.0 });
    match stats {
        Ok(stats) => show(&stats, site.engine.clock.now()),
        Err(error) => tracing::warn!(%error, "metrics without the store's"),
    }
    match site.engine.notifications.outbox.outbox_stats().await {
        Ok(stats) => show_outbox(&stats, site.engine.clock.now()),
        Err(error) => tracing::warn!(%error, "metrics without the outbox's"),
    }
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(render()))
}

fn show(stats: &StoreStats, now: Timestamp) {
    let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let shown = shown.get_or_insert_with(HashSet::new);
    for (flow, state) in shown.iter() {
        tasks_gauge(flow, *state, 0);
    }
    for (flow, state, count) in &stats.tasks {
        tasks_gauge(flow, *state, *count);
        shown.insert((flow.clone(), *state));
    }
    let age = stats.oldest_due.map_or(0.0, |oldest| now.since(oldest).as_secs_f64());
    metrics::gauge!("caudal_queue_depth").set(stats.due as f64);
    metrics::gauge!("caudal_queue_oldest_age_seconds").set(age);
    metrics::gauge!("caudal_store_bytes").set(stats.bytes as f64);
}

fn show_outbox(stats: &OutboxStats, now: Timestamp) {
    for state in NotificationState::ALL {
        let count = stats.counts.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count);
        metrics::gauge!("caudal_notifications", "state" => state.as_str()).set(count as f64);
    }
    let age = stats.oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64());
    metrics::gauge!("caudal_notifications_oldest_age_seconds").set(age);
}

fn tasks_gauge(flow: &Arc<str>, state: TaskState, count: u64) {
    metrics::gauge!("caudal_tasks", "flow" => flow.to_string(), "state" => state.as_str()).set(count as f64);
}
