//! Keeps the claims of what is being sent alive, as the worker's renewer does for tasks: one call for all, five times
//! within a lease, on a thread of its own.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use caudal_engine::ports::StoreError;
use tokio::sync::oneshot;

use crate::sender::Shared;

const RENEWALS_PER_LEASE: u32 = 5;

/// The renewing goes on until this is dropped.
#[derive(Debug)]
pub(crate) struct LeaseRenewer {
    _stop: oneshot::Sender<()>,
}

impl LeaseRenewer {
    /// None where claims do not expire.
    pub(crate) fn start(shared: Arc<Shared>) -> std::io::Result<Option<Self>> {
        let Some(lease) = shared.outbox().outbox_lease() else { return Ok(None) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new().name("caudal-outbox".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = renew_for_ever(&shared, lease) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Some(Self { _stop: stop }))
    }
}

async fn renew_for_ever(shared: &Shared, lease: Duration) {
    let mut ticks = tokio::time::interval(lease / RENEWALS_PER_LEASE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        ticks.tick().await;
        // A call that hangs must not keep the next one from being sent.
        let error = match tokio::time::timeout(lease / 2, renew_once(shared, lease)).await {
            Ok(Ok(0)) => None,
            Ok(Ok(unknown)) => Some(format!("{unknown} of them could not be asked for")),
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer".to_owned()),
        };
        match &error {
            Some(error) if !failing => tracing::warn!(error, "claims of notifications cannot be renewed"),
            None if failing => tracing::info!("claims of notifications are renewed again"),
            _ => {}
        }
        failing = error.is_some();
    }
}

/// Answers of how many it is not known whether they are held: their part of the store is in trouble.
async fn renew_once(shared: &Shared, lease: Duration) -> Result<usize, StoreError> {
    let claims = shared.sending.claims();
    if claims.is_empty() {
        return Ok(0);
    }
    let asked = Instant::now();
    let (mut unknown, answers) = (0, shared.outbox().renew_notifications(&claims).await?);
    for (key, held) in claims.into_iter().zip(answers) {
        match held {
            Some(true) => shared.sending.renewed(key, asked + lease),
            Some(false) => shared.sending.lost(key),
            None => unknown += 1,
        }
    }
    Ok(unknown)
}
