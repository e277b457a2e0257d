//! Keeps the claims of all running tasks alive: one call for all of them, five times within a lease.
//!
//! It has a thread and a runtime of its own, so that a flow that blocks the worker's threads cannot cost its
//! neighbours their claims. The lease is counted from before the call was sent; a claim that could not be renewed
//! ends by itself at that time, without anybody telling it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use caudal_engine::ports::{Renewed, StoreError};
use caudal_engine::task::{Claim, TaskId};
use caudal_engine::use_cases::run::hold::Order;
use futures_util::FutureExt;
use tokio::sync::oneshot;

use crate::shared::Shared;

const RENEWALS_PER_LEASE: u32 = 5;

/// The renewing goes on until this is dropped.
#[derive(Debug)]
pub(crate) struct LeaseRenewer {
    _stop: oneshot::Sender<()>,
}

impl LeaseRenewer {
    /// None where claims do not expire.
    pub(crate) fn start(shared: Arc<Shared>) -> std::io::Result<Option<Self>> {
        let Some(lease) = shared.engine.store.lease() else { return Ok(None) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new().name("caudal-renewer".to_owned()).spawn(move || {
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
        let renewing = AssertUnwindSafe(renew_once(shared, lease)).catch_unwind();
        // A call that hangs must not keep the next one from being sent.
        let error = match tokio::time::timeout(lease / 2, renewing).await {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(error))) => Some(error.to_string()),
            Ok(Err(_)) => Some("renewing panicked".to_owned()),
            Err(_) => Some("no answer".to_owned()),
        };
        match &error {
            Some(error) if !failing => tracing::warn!(error, "claims cannot be renewed; trying again"),
            None if failing => tracing::info!("claims are renewed again"),
            _ => {}
        }
        failing = error.is_some();
    }
}

async fn renew_once(shared: &Shared, lease: Duration) -> Result<(), StoreError> {
    let claims = shared.running.claims();
    if claims.is_empty() {
        return Ok(());
    }
    let sent = Instant::now();
    let answers = shared.engine.store.renew(&shared.id, &claims).await?;
    let mut left_out = 0;
    for ((task, claim), renewed) in answered(claims, answers) {
        // Its lease goes on to run out, unless a later renewal reaches it.
        let Some(renewed) = renewed else {
            left_out += 1;
            continue;
        };
        // One that ended meanwhile is no longer held, and that is nobody's loss.
        let Some(kept) = shared.running.saw_head(task, claim, renewed.head) else { continue };
        if renewed.held {
            kept.hold.extend(sent + lease);
        } else {
            kept.hold.order(Order::Lost);
        }
        if kept.newer {
            shared.engine.bell.ring_task(task);
        }
    }
    match left_out {
        0 => Ok(()),
        _ => Err(StoreError::Unavailable(format!("a part of the store cannot be reached, with {left_out} of them"))),
    }
}

/// Each claim with its answer. They come in the same order, so what does not answer one answers a later one.
fn answered(
    claims: Vec<(TaskId, Claim)>,
    answers: Vec<Renewed>,
) -> impl Iterator<Item = ((TaskId, Claim), Option<Renewed>)> {
    let mut answers = answers.into_iter().peekable();
    claims.into_iter().map(move |claim| (claim, answers.next_if(|renewed| renewed.task == claim.0)))
}

#[cfg(test)]
mod tests {
    use caudal_engine::task::Timestamp;

    use super::*;

    /// Goal: an answer that is left out is nobody else's, also where a task stands there with two claims.
    #[test]
    fn answers_find_their_claims() {
        let claims: Vec<(TaskId, Claim)> = [(1, 1), (2, 1), (2, 2), (3, 1)]
            .map(|(task, epoch)| (TaskId::from_parts(Timestamp::default(), 0, task), Claim { epoch, id: 0 }))
            .to_vec();
        let renewed = |(task, claim): &(TaskId, Claim)| Renewed { task: *task, held: claim.epoch == 2, head: 0 };
        for left_out in [vec![], vec![0], vec![1, 2], vec![3], vec![0, 3]] {
            let answers =
                (0..4).filter(|place| !left_out.contains(place)).map(|place| renewed(&claims[place])).collect();
            for (place, (claim, answer)) in answered(claims.clone(), answers).enumerate() {
                let expected = (!left_out.contains(&place)).then(|| renewed(&claims[place]));
                assert_eq!((claim, answer), (claims[place], expected), "without {left_out:?}");
            }
        }
    }
}
