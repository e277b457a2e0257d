//! The worker's standing offer: a store that knows of its free places claims for them in the operation that makes a
//! task due.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Instant;

use caudal_engine::ports::{ClaimKind, ClaimRequest, Claimed, IdleWorker};
use caudal_runtime::{Intake, Places};
use tokio::sync::OwnedMutexGuard;

use super::{TaskClaims, Work};
use crate::quarantine::Pick;

/// What is held while the store claims.
pub(super) struct Offer {
    places: Places<Work>,
    sent: Instant,
    _asking: OwnedMutexGuard<()>,
}

impl TaskClaims {
    pub(super) fn attach(self: &Arc<Self>, intake: Intake<Work>) {
        if self.intake.set(intake).is_ok() {
            let worker: Weak<Self> = Arc::downgrade(self);
            self.shared.engine.store.attach(worker);
        }
    }
}

impl IdleWorker for TaskClaims {
    fn offer(&self) -> Option<ClaimRequest> {
        let asking = self.asking.clone().try_lock_owned().ok()?;
        let sent = Instant::now();
        let pick = self.shared.quarantine().decide(sent, self.shared.running.len());
        if pick != Pick::Ordinary {
            return None;
        }
        let places = self.intake.get()?.reserve()?;
        let request = self.request(ClaimKind::Ordinary, places.count());
        let offer = Offer { places, sent, _asking: asking };
        *self.offer.lock().unwrap_or_else(PoisonError::into_inner) = Some(offer);
        Some(request)
    }

    fn accept(&self, mut claimed: Claimed) {
        let offer = self.offer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Offer { places, sent, _asking }) = offer else { return };
        let work = self.begin_all(&mut claimed, ClaimKind::Ordinary, sent);
        let found = !work.is_empty();
        // Nothing was found also means that nothing was asked: when to ask again is what it was.
        if found && self.ordinary_answered(&claimed, found) {
            self.shared.engine.bell.ring_line();
        }
        places.fill(work);
    }
}
