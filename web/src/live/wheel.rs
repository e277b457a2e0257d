//! The wheel: one timer per process for all comments, and one ear for changes of lists.

use std::sync::Weak;
use std::time::Duration;

use caudal_engine::ports::ToldChange;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Live;

const BEAT: Duration = Duration::from_secs(1);
/// A list that changes all the time is read again this often.
const BETWEEN_CHANGES: Duration = Duration::from_millis(200);

pub(super) async fn turn(live: Weak<Live>, mut changes: broadcast::Receiver<ToldChange>, stop: CancellationToken) {
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tell_at: Option<Instant> = None;
    let mut told = Instant::now();
    loop {
        let telling = async {
            match tell_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            _ = beats.tick() => match live.upgrade() {
                Some(live) => live.turn_wheel(),
                None => return,
            },
            change = changes.recv(), if tell_at.is_none() => match change {
                // However many were missed: the list is read again.
                Ok(_) | Err(RecvError::Lagged(_)) => tell_at = Some(Instant::now().max(told + BETWEEN_CHANGES)),
                Err(RecvError::Closed) => return,
            },
            () = telling => {
                tell_at = None;
                told = Instant::now();
                changes = changes.resubscribe();
                let Some(live) = live.upgrade() else { return };
                live.tell_changes();
            }
        }
    }
}
