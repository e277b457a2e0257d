//! Forgets, every minute, the ended tasks that need not be kept any longer.

use std::sync::Arc;
use std::time::Duration;

use caudal_engine::use_cases::clean::clean;

use crate::shared::Shared;

const PAUSE: Duration = Duration::from_secs(60);

pub(crate) async fn clean_tasks(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        match clean(&shared.engine).await {
            Ok(0) => {}
            Ok(forgotten) => {
                tracing::info!(tasks = forgotten, "forgot tasks that ended long ago");
                metrics::counter!("caudal_tasks_forgotten_total").increment(forgotten as u64);
            }
            Err(error) => tracing::warn!(error = %error, "old tasks cannot be forgotten; trying again in a minute"),
        }
    }
}
