//! Where items come from: wait until something may be due → wait for a free slot → claim.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;

use crate::claims::Claims;
use crate::outage::Outage;
use crate::slots::{Slot, Slots};

/// An item and the slot it runs in.
#[derive(Debug)]
pub(crate) struct Taken<T> {
    pub(crate) item: T,
    pub(crate) slot: Slot,
}

pub(crate) struct Line<C: Claims> {
    claims: Arc<C>,
    slots: Slots,
    /// Whether to claim without waiting until something is due.
    ask_at_once: bool,
    outage: Outage,
}

impl<C: Claims> Line<C> {
    pub(crate) fn new(claims: Arc<C>, slots: Slots) -> Self {
        Self { claims, slots, ask_at_once: true, outage: Outage::default() }
    }

    /// Returns when something was claimed, and never once the slots are closed: a backend that says it is exhausted
    /// would end its worker. Must not be dropped while a claim is under way, except to leave all work behind.
    pub(crate) async fn next(mut self) -> (Self, Vec<Taken<C::Item>>) {
        loop {
            if !self.ask_at_once {
                self.claims.due().await;
            }
            let Some(mut slots) = self.slots.take_free().await else { std::future::pending().await };
            let items = self.claim(slots.len()).await;
            if !items.is_empty() {
                debug_assert!(items.len() <= slots.len(), "more was claimed than asked for");
                let taken = items.into_iter().map_while(|item| Some(Taken { item, slot: slots.take_one()? }));
                let taken = taken.collect();
                return (self, taken);
            }
        }
    }

    /// Claims once. A failure waits before it returns, with nothing.
    async fn claim(&mut self, most: usize) -> Vec<C::Item> {
        let error = match AssertUnwindSafe(self.claims.next(most)).catch_unwind().await {
            Ok(Ok(batch)) => {
                self.outage.over();
                self.ask_at_once = batch.more;
                return batch.items;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "claiming panicked".to_owned(),
        };
        let pause = self.outage.failed(&error);
        self.ask_at_once = true;
        tokio::time::sleep(pause).await;
        Vec::new()
    }
}
