//! What is being sent now, and until when each claim is known to be ours.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use caudal_engine::notification::NotificationId;
use caudal_engine::task::Claim;
use tokio::sync::watch;

pub(crate) type Key = (NotificationId, Claim);

/// Until when it is held.
#[derive(Debug, Clone, Copy)]
enum Until {
    /// Claims do not expire.
    ForEver,
    Then(Instant),
    /// It is somebody else's.
    Taken,
}

/// What is known of a claim that is not known to be ours any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It is somebody else's.
    Taken,
    /// It has run out, and may be.
    MaybeTaken,
}

#[derive(Debug, Default)]
pub(crate) struct Sending(Mutex<HashMap<Key, watch::Sender<Until>>>);

/// One that is being sent.
#[derive(Debug)]
pub(crate) struct Hold {
    sending: Arc<Sending>,
    key: Key,
    until: watch::Receiver<Until>,
}

impl Sending {
    /// The lease is counted from before the claim was asked for.
    pub(crate) fn begin(self: &Arc<Self>, key: Key, asked: Instant, lease: Option<Duration>) -> Hold {
        let (sender, until) = watch::channel(lease.map_or(Until::ForEver, |lease| Until::Then(asked + lease)));
        self.lock().insert(key, sender);
        Hold { sending: self.clone(), key, until }
    }

    pub(crate) fn claims(&self) -> Vec<Key> {
        self.lock().keys().copied().collect()
    }

    pub(crate) fn is_sent(&self, key: Key) -> bool {
        self.lock().contains_key(&key)
    }

    pub(crate) fn renewed(&self, key: Key, until: Instant) {
        if let Some(sender) = self.lock().get(&key) {
            sender.send_replace(Until::Then(until));
        }
    }

    pub(crate) fn lost(&self, key: Key) {
        if let Some(sender) = self.lock().get(&key) {
            sender.send_replace(Until::Taken);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, watch::Sender<Until>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// Returns when the claim is, or may be, somebody else's.
    pub(crate) async fn lost(&self) -> Lost {
        let mut held = self.until.clone();
        loop {
            let until = *held.borrow_and_update();
            let over = async {
                match until {
                    Until::ForEver => std::future::pending().await,
                    Until::Then(until) => tokio::time::sleep_until(until.into()).await,
                    Until::Taken => {}
                }
            };
            tokio::select! {
                () = over => return if matches!(until, Until::Taken) { Lost::Taken } else { Lost::MaybeTaken },
                changed = held.changed() => if changed.is_err() { return Lost::Taken },
            }
        }
    }

    /// Returns when the claim is somebody else's.
    pub(crate) async fn taken(&self) {
        // An error would say that it is not sent any more.
        let mut held = self.until.clone();
        let _gone = held.wait_for(|until| matches!(until, Until::Taken)).await;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.sending.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// Goal: a claim that is not renewed, or was given to another, is known to be lost; one without a lease never is.
    #[tokio::test(start_paused = true)]
    async fn claims_are_lost_in_time() {
        let sending = Arc::new(Sending::default());
        let key = |epoch| (NotificationId::from_bytes([1; 16]), Claim { epoch, id: 1 });
        let lease = Some(Duration::from_secs(2));
        let leased = sending.begin(key(1), Instant::now(), lease);
        let for_ever = sending.begin(key(2), Instant::now(), None);
        assert!(leased.lost().now_or_never().is_none());
        sending.renewed(key(1), Instant::now() + Duration::from_secs(3_600));
        assert!(leased.lost().now_or_never().is_none());
        tokio::time::advance(Duration::from_secs(3_601)).await;
        assert_eq!(leased.lost().await, Lost::MaybeTaken);
        assert!(leased.taken().now_or_never().is_none());
        sending.lost(key(1));
        assert_eq!(leased.lost().await, Lost::Taken);
        leased.taken().await;
        assert!(for_ever.lost().now_or_never().is_none());
        drop((leased, for_ever));
        assert!(sending.claims().is_empty());
    }
}
