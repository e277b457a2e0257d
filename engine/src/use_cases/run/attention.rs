//! What wakes the loop that drives a flow, and what it may conclude from having been woken.
//!
//! The driver polls the flow and then looks at what it left. What is told within that poll is seen without any waking.
//! What is told from elsewhere (a thread of `step_blocking`, a task that a step spawned) calls the driver, once until it
//! looks again. And a flow that woke a part of itself while it was polled has more to do at once: it is not waiting.

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
        self.woken.store(false, Ordering::SeqCst);
        flow.as_mut().poll(&mut Context::from_waker(its_waker))
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
        self.driver.wake();
    }
}
