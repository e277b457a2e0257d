//! How busy an execution is, and in which order its branches finish: what the driver and the test kit look at and turn.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How busy an execution is: what the test kit's clock looks at before it jumps.
#[derive(Debug, Default)]
pub struct Pulse {
    in_flight: AtomicUsize,
    dozing: AtomicUsize,
    taking: AtomicUsize,
}

impl Pulse {
    /// Whether a step is doing something other than sleeping on the clock.
    pub fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::SeqCst) > self.dozing.load(Ordering::SeqCst)
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    pub(crate) fn be_busy(self: &Arc<Self>) -> Flight {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        Flight(self.clone())
    }

    /// Signals that were taken and whose consumption is not durable yet.
    pub(crate) fn taking(&self) -> usize {
        self.taking.load(Ordering::SeqCst)
    }

    pub(crate) fn take(&self) -> Taking<'_> {
        self.taking.fetch_add(1, Ordering::SeqCst);
        Taking(self)
    }

    pub(crate) fn doze(&self) -> Dozing<'_> {
        self.dozing.fetch_add(1, Ordering::SeqCst);
        Dozing(self)
    }
}

/// Something is in flight as long as this lives.
#[derive(Debug)]
pub struct Flight(Arc<Pulse>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Something that is in flight sleeps on the clock as long as this lives.
#[derive(Debug)]
pub(crate) struct Dozing<'a>(&'a Pulse);

impl Drop for Dozing<'_> {
    fn drop(&mut self) {
        self.0.dozing.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A signal is being taken as long as this lives.
#[derive(Debug)]
pub(crate) struct Taking<'a>(&'a Pulse);

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        self.0.taking.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Lets concurrent branches finish in an order drawn from a seed, for the test kit.
#[derive(Debug)]
pub struct Shuffle(Mutex<u64>);

impl Shuffle {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed.wrapping_mul(2).wrapping_add(1)))
    }

    pub(crate) fn draw(&self) -> u32 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(*state >> 33).unwrap_or(0)
    }
}
