//! How many items run at once. Every item holds a slot from before it is claimed until it ended, so that never more
//! is claimed than can run.

use std::sync::Arc;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

#[derive(Debug, Clone)]
pub(crate) struct Slots {
    total: usize,
    free: Arc<Semaphore>,
    freed: Arc<Notify>,
}

impl Slots {
    pub(crate) fn new(total: usize) -> Self {
        let total = total.clamp(1, Semaphore::MAX_PERMITS);
        Self { total, free: Arc::new(Semaphore::new(total)), freed: Arc::default() }
    }

    /// Takes all free slots, at least one. None when closed.
    pub(crate) async fn take_free(&self) -> Option<FreeSlots> {
        let first = self.free.clone().acquire_owned().await.ok()?;
        Some(self.with_the_rest(first))
    }

    /// The same without waiting. None when no slot is free, or closed.
    pub(crate) fn try_take_free(&self) -> Option<FreeSlots> {
        let first = self.free.clone().try_acquire_owned().ok()?;
        Some(self.with_the_rest(first))
    }

    fn with_the_rest(&self, mut permit: OwnedSemaphorePermit) -> FreeSlots {
        let rest = u32::try_from(self.free.available_permits()).unwrap_or(u32::MAX);
        // Somebody else may take some in between; then one must do.
        if let Ok(more) = self.free.clone().try_acquire_many_owned(rest) {
            permit.merge(more);
        }
        FreeSlots(Slot { permit: Some(permit), freed: self.freed.clone() })
    }

    /// No slot is given from now on.
    pub(crate) fn close(&self) {
        self.free.close();
    }

    /// Returns when no slot is held: nothing runs, and no claim is under way.
    pub(crate) async fn all_free(&self) {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Listening begins before the look, or a slot freed in between would be missed.
            freed.as_mut().enable();
            if self.free.available_permits() >= self.total {
                return;
            }
            freed.await;
        }
    }
}

/// Slots that nothing runs in yet, given back together.
#[derive(Debug)]
pub(crate) struct FreeSlots(Slot);

impl FreeSlots {
    pub(crate) fn len(&self) -> usize {
        self.0.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// One of them, while there are some.
    pub(crate) fn take_one(&mut self) -> Option<Slot> {
        let one = self.0.permit.as_mut()?.split(1)?;
        Some(Slot { permit: Some(one), freed: self.0.freed.clone() })
    }
}

#[derive(Debug)]
pub(crate) struct Slot {
    permit: Option<OwnedSemaphorePermit>,
    freed: Arc<Notify>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        drop(self.permit.take());
        self.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// Goal: what is taken is not free, what is dropped is, and a closed one gives nothing.
    #[tokio::test]
    async fn slots_are_given_back() {
        let slots = Slots::new(3);
        let mut taken = slots.take_free().await.unwrap();
        assert_eq!(taken.len(), 3);
        assert!(slots.take_free().now_or_never().is_none() && slots.try_take_free().is_none());
        drop(taken.take_one());
        assert_eq!((taken.len(), slots.try_take_free().map(|taken| taken.len())), (2, Some(1)));
        let mut all_free = Box::pin(slots.all_free());
        assert!(all_free.as_mut().now_or_never().is_none());
        slots.close();
        drop(taken);
        all_free.await;
        assert!(slots.take_free().await.is_none() && slots.try_take_free().is_none());
    }
}
