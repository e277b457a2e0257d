//! Runs one claimed task: hand it to the engine → guard against a panic of ours → count how it ended.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use caudal_engine::Engine;
use caudal_engine::task::{TaskId, Tenant};
use caudal_engine::use_cases::run::{Hold, Order, run_task};
use futures_util::FutureExt;

use crate::claims::Work;
use crate::handing_back::hand_back;
use crate::shared::Shared;

/// How often to ask whether a suspect finished a step, if no news of it comes.
const NEWS_MAY_BE_LOST: Duration = Duration::from_millis(500);

pub(crate) async fn execute(shared: Arc<Shared>, work: Work) {
    let Work { claimed, hold, suspect, place } = work;
    let (task, flow, tenant) = (claimed.task.id, claimed.task.flow.clone(), claimed.task.tenant.clone());
    let (claim, began) = (claimed.claim, Instant::now());
    let running = AssertUnwindSafe(run_task(&shared.engine, claimed, hold.clone())).catch_unwind();
    let end = if suspect {
        let mut running = std::pin::pin!(running);
        let ended = tokio::select! {
            end = &mut running => Some(end),
            () = step_finished(&shared.engine, &tenant, task) => None,
        };
        make_room(&shared, task, &hold);
        match ended {
            Some(end) => end,
            None => running.await,
        }
    } else {
        running.await
    };
    let end = match end {
        Ok(end) => end.as_str(),
        Err(_) => {
            tracing::error!(task.id = %task, flow.name = %flow, "the engine panicked while running a task");
            if shared.engine.store.lease().is_none() {
                let handed_back = hand_back(&shared.engine, &shared.id, &tenant, task, claim).await;
                tracing::info!(task.id = %task, ?handed_back, "tried to put it back in line");
            }
            "panicked"
        }
    };
    metrics::counter!("caudal_executions_total", "flow" => flow.to_string(), "end" => end).increment(1);
    metrics::histogram!("caudal_execution_seconds", "flow" => flow.to_string()).record(began.elapsed());
    drop(place);
}

/// The suspect is through with being alone. If the next one waits, this one hands itself back at its next checkpoint.
fn make_room(shared: &Shared, task: TaskId, hold: &Hold) {
    let next_waits = shared.quarantine().suspect_done(Instant::now());
    if next_waits {
        hold.order(Order::Release);
    }
    tracing::debug!(task.id = %task, next_waits, "a suspect task need not be alone any more");
    shared.running.changed.notify_one();
}

/// Returns when the store has forgotten the takeovers of a task, which it does when a step finishes.
async fn step_finished(engine: &Engine, tenant: &Tenant, task: TaskId) {
    let mut watch = engine.feed.watch(task);
    loop {
        if let Ok(Some(record)) = engine.store.task(tenant, task).await
            && record.takeovers == 0
        {
            return;
        }
        loop {
            match tokio::time::timeout(NEWS_MAY_BE_LOST, watch.next()).await {
                Ok(Some(news)) if !may_tell_of_a_step(news.entries.iter().map(|entry| entry.kind())) => {}
                Ok(Some(_)) | Err(_) => break,
                // Feeds end with the process only.
                Ok(None) => return std::future::pending().await,
            }
        }
    }
}

/// News without entries may tell of anything.
fn may_tell_of_a_step<'a>(mut kinds: impl ExactSizeIterator<Item = &'a str>) -> bool {
    kinds.len() == 0 || kinds.any(|kind| matches!(kind, "step.succeeded" | "step.failed"))
}
