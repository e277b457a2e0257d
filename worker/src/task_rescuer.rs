//! Takes over what dead workers left.
//!
//! Where claims belong to the living process there is only what the process before left: it is taken over at the
//! start, in bites, between which claiming goes on. Where claims expire it is looked for all the time; the store knows until when
//! none can have died, and is asked nothing before.

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::use_cases::rescue::rescue;

use crate::shared::Shared;

/// How long a dead worker's tasks may wait beyond the end of their claims.
const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

pub(crate) async fn rescue_tasks(shared: Arc<Shared>) {
    let engine = &shared.engine;
    let mut failing = false;
    loop {
        match rescue(engine).await {
            Ok(bite) => {
                failing = false;
                if bite.taken_over > 0 {
                    tracing::info!(tasks = bite.taken_over, "took over tasks whose worker is gone");
                    metrics::counter!("caudal_tasks_rescued_total").increment(bite.taken_over as u64);
                    engine.bell.ring_line();
                }
                if bite.more {
                    tokio::task::yield_now().await;
                    continue;
                }
                if engine.store.lease().is_none() {
                    return;
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(error = %error, "tasks of dead workers cannot be taken over; trying again");
                }
            }
        }
        tokio::time::sleep(if failing { PAUSE_AFTER_FAILURE } else { PAUSE }).await;
    }
}
