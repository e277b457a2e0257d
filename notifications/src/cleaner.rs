//! Forgets, every minute, the notifications that need not be kept any longer, and the mails in the folder.

use std::sync::Arc;
use std::time::Duration;

use crate::sender::Shared;

const PAUSE: Duration = Duration::from_secs(60);
/// Small bites, so that nobody waits behind a big one.
const BITE: usize = 500;

pub(crate) async fn clean_notifications(shared: Arc<Shared>) {
    let keep = shared.engine.limits.keep_notifications;
    loop {
        tokio::time::sleep(PAUSE).await;
        let forgotten = loop {
            match shared.outbox().clean_notifications(keep, BITE).await {
                Ok(BITE) => tokio::task::yield_now().await,
                done => break done,
            }
        };
        if let Err(error) = forgotten {
            tracing::warn!(%error, "old notifications cannot be forgotten; trying again in a minute");
        }
        shared.postbox.clean(keep).await;
    }
}
