//! The way in for items that come without being asked for: the line's store hands them over the moment they are born.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use crate::line::Taken;
use crate::slots::{FreeSlots, Slots};

/// Where items are handed in. A place is reserved first, so that never more comes than can run.
#[derive(Debug)]
pub struct Intake<T> {
    slots: Slots,
    sender: mpsc::UnboundedSender<Taken<T>>,
}

/// Places reserved for items; those left over are free again when it is dropped.
#[derive(Debug)]
pub struct Places<T> {
    slots: FreeSlots,
    sender: mpsc::UnboundedSender<Taken<T>>,
}

/// Where they come out.
#[derive(Debug)]
pub(crate) struct Arrivals<T>(Arc<Mutex<mpsc::UnboundedReceiver<Taken<T>>>>);

pub(crate) fn intake<T>(slots: Slots) -> (Intake<T>, Arrivals<T>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Intake { slots, sender }, Arrivals(Arc::new(Mutex::new(receiver))))
}

impl<T> Intake<T> {
    /// Reserves what is free now. None when nothing is, or nothing is taken any more.
    pub fn reserve(&self) -> Option<Places<T>> {
        Some(Places { slots: self.slots.try_take_free()?, sender: self.sender.clone() })
    }
}

impl<T> Places<T> {
    pub fn count(&self) -> usize {
        self.slots.len()
    }

    /// Hands in at most as many as places were reserved.
    pub fn fill(mut self, items: impl IntoIterator<Item = T>) {
        for item in items {
            let Some(slot) = self.slots.take_one() else {
                debug_assert!(false, "more was handed in than places were reserved");
                return;
            };
            // With nobody left to run it, it is left behind like all that runs.
            let _ = self.sender.send(Taken { item, slot });
        }
    }
}

impl<T> Clone for Arrivals<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Arrivals<T> {
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Taken<T>> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).poll_recv(cx) {
            Poll::Ready(Some(taken)) => Poll::Ready(taken),
            // Nobody hands in anything any more.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}
