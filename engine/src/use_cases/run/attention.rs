//! What wakes the loop that drives a flow, and what it may conclude from having been woken.
//!
//! The driver polls the flow and then looks at what it left. What is told within that poll is seen without any waking.
//! What is told from elsewhere (a thread of `step_blocking`, a task that a step spawned) calls the driver, once until it
//! looks again. What an answered write wakes is polled next anyway. And a flow that woke a part of itself while it was polled has more to do at once: it is not waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

use crate::flow::step::BoxFuture;

#[derive(Debug, Default)]
pub(crate) struct Attention {
    driver: AtomicWaker,
    /// The driver will look at the queue by itself: it is polled now, was called, or waits for an answer to a write.
    looking: AtomicBool,
    /// The flow is polled next in any case: the driver need not be woken for it.
    coming: AtomicBool,
    /// Something of the flow was woken since it was last polled.
    woken: AtomicBool,
}

impl Attention {
    /// Polls the flow so that it is known whether it woke a part of itself.
    pub(crate) fn poll_flow<T>(
        &self,
        flow: &mut BoxFuture<'static, T>,
        its_waker: &Waker,
        context: &Context<'_>,
    ) -> Poll<T> {
        self.driver.register(context.waker());
        self.looking.store(true, Ordering::SeqCst);
        self.coming.store(false, Ordering::SeqCst);
        self.woken.store(false, Ordering::SeqCst);
        flow.as_mut().poll(&mut Context::from_waker(its_waker))
    }

    /// What the driver does now may wake the flow, which it polls right after.
    pub(crate) fn will_poll(&self) {
        self.coming.store(true, Ordering::SeqCst);
    }

    /// A waker for the flow.
    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(self.clone())
    }

    pub(crate) fn was_woken(&self) -> bool {
        self.woken.load(Ordering::SeqCst)
    }

    /// The driver has looked at the queue and goes to sleep. Called under the queue's lock, so that no fact is queued
    /// between the look and this.
    pub(crate) fn rest(&self) {
        self.looking.store(false, Ordering::SeqCst);
    }

    /// Asked under the queue's lock: whether nobody looks at what is queued now unless the driver is called.
    pub(crate) fn is_resting(&self) -> bool {
        !self.looking.load(Ordering::SeqCst)
    }

    pub(crate) fn call(&self) {
        if !self.looking.swap(true, Ordering::SeqCst) {
            self.driver.wake();
        }
    }
}

impl Wake for Attention {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        if !self.coming.load(Ordering::SeqCst) {
            self.driver.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Calls(AtomicUsize);

    impl Wake for Calls {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Goal: the driver is woken for whatever wakes the flow, but not for what it wakes itself right before it polls.
    #[test]
    fn nobody_is_woken_for_what_comes_anyway() {
        let (attention, calls) = (Arc::new(Attention::default()), Arc::new(Calls::default()));
        let (flow, driver) = (attention.waker(), Waker::from(calls.clone()));
        let poll = || {
            let mut waiting: BoxFuture<'static, ()> = Box::pin(std::future::pending());
            assert!(attention.poll_flow(&mut waiting, &flow, &Context::from_waker(&driver)).is_pending());
        };
        poll();
        flow.wake_by_ref();
        assert!(calls.0.load(Ordering::SeqCst) == 1 && attention.was_woken());
        attention.will_poll();
        flow.wake_by_ref();
        assert_eq!(calls.0.load(Ordering::SeqCst), 1);
        poll();
        assert!(!attention.was_woken());
        flow.wake_by_ref();
        assert_eq!(calls.0.load(Ordering::SeqCst), 2);
    }
}
