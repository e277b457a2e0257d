//! Forgets ended tasks that are older, or more, than must be kept.

use crate::engine::Engine;
use crate::ports::StoreError;

/// Small bites, so that nobody waits behind a big one.
const TASKS_PER_BITE: usize = 200;

/// Returns how many tasks were forgotten.
pub async fn clean(engine: &Engine) -> Result<usize, StoreError> {
    let mut forgotten = 0;
    loop {
        let bite = engine.store.clean(engine.limits.keep_ended, engine.limits.keep_bytes, TASKS_PER_BITE).await?;
        forgotten += bite;
        if bite < TASKS_PER_BITE {
            return Ok(forgotten);
        }
        tokio::task::yield_now().await;
    }
}
