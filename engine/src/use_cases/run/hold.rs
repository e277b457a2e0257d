//! A worker's hold on a running task: how the worker tells an execution to hand its task back, or that it lost it.
//!
//! The worker counts the lease on its own monotonic clock from before it sent the renewal. Past that moment no
//! step begins and what runs is dropped, whether or not the store could be asked. Then the task is handed back, which
//! the store refuses if somebody has taken it over: a store that was away costs no more time than that, and no takeover.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

#[derive(Debug, Clone)]
pub struct Hold(Arc<watch::Sender<HoldState>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldState {
    /// When the lease ends unless it is renewed; none where claims do not expire.
    pub until: Option<Instant>,
    pub order: Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    GoOn,
    /// Hand the task back at its next checkpoint.
    Release,
    /// Hand it back now: steps in flight are dropped.
    ReleaseNow,
    /// The claim is lost: drop everything, write nothing.
    Lost,
}

impl Hold {
    pub fn new(until: Option<Instant>) -> Self {
        Self(Arc::new(watch::Sender::new(HoldState { until, order: Order::GoOn })))
    }

    /// The lease was renewed by a call that was sent before `until` minus the lease.
    pub fn extend(&self, until: Instant) {
        self.0.send_if_modified(|state| {
            let later = state.until.is_none_or(|before| until > before);
            if later {
                state.until = Some(until);
            }
            later
        });
    }

    /// Orders only grow: what was told to release stays so.
    pub fn order(&self, order: Order) {
        self.0.send_if_modified(|state| {
            let stronger = order > state.order;
            if stronger {
                state.order = order;
            }
            stronger
        });
    }

    pub(crate) fn watch(&self) -> watch::Receiver<HoldState> {
        self.0.subscribe()
    }
}
