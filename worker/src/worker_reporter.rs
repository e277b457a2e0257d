//! Tells the other processes, every two seconds, that this worker is there and what it is running.
//!
//! Where all processes are one there is nobody to tell: the board is asked.

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::ports::WorkerReport;

use crate::shared::Shared;

const PAUSE: Duration = Duration::from_secs(2);
/// A worker that has not reported for this long is no longer shown.
const LIFETIME: Duration = Duration::from_secs(7);

pub(crate) async fn report_worker(shared: Arc<Shared>) {
    let store = &shared.engine.store;
    if store.lease().is_none() {
        return;
    }
    loop {
        if let Err(error) = store.report_worker(&shared.status(), LIFETIME).await {
            tracing::debug!(%error, "the worker cannot be shown to others now");
        }
        tokio::time::sleep(PAUSE).await;
    }
}
