//! A worker's hold on a running task: how the worker tells an execution to hand its task back, or that it lost it.
//!
//! The worker counts the lease on its own monotonic clock from before it sent the renewal. Past that moment no
//! step begins and what runs is dropped, whether or not the store could be asked. Then the task is handed back, which
//! the store refuses if somebody has taken it over: a store that was away costs no more time than that, and no takeover.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use tokio::time::Sleep;

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
            let before = later.then(|| state.until.replace(until)).flatten();
            // Who sleeps until the old end looks up the new one then. Only who found it over waits to be told.
            later && before.is_none_or(|before| before <= Instant::now())
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

/// Whether the lease holds. When it does not, the next renewal is told to whoever has watched since before this was asked.
pub(crate) fn holds(hold: &watch::Receiver<HoldState>, clock: impl FnOnce() -> Instant) -> bool {
    // First: a renewal after this look at the clock is either seen below, or finds the lease over and is told.
    let now = clock();
    let state = *hold.borrow();
    state.order < Order::Lost && state.until.is_none_or(|until| now < until)
}

/// Rings when the lease is over, however often it was renewed: a timer of its own, set anew only when it has rung.
pub(crate) struct LeaseEnd {
    hold: watch::Receiver<HoldState>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl LeaseEnd {
    pub(crate) fn of(hold: watch::Receiver<HoldState>) -> Self {
        Self { hold, timer: None }
    }

    pub(crate) async fn comes(&mut self) {
        loop {
            let Some(until) = self.hold.borrow().until else { return pending().await };
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until.into())));
            timer.as_mut().await;
            let Some(until) = self.hold.borrow().until.filter(|until| *until > Instant::now()) else { return };
            timer.as_mut().reset(until.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    /// Goal: renewals wake nobody who goes on anyway, and whoever found the lease over hears of the next one.
    #[test]
    fn only_the_first_renewal_after_the_end_is_told() {
        let (now, long) = (Instant::now(), Duration::from_secs(60));
        let hold = Hold::new(Some(now + long));
        let watched = hold.watch();
        hold.extend(now + 2 * long);
        assert!(!watched.has_changed().unwrap());
        assert_eq!(watched.borrow().until, Some(now + 2 * long));
        let over = Hold::new(Some(now));
        let watched = over.watch();
        over.extend(now + long);
        assert!(watched.has_changed().unwrap());
    }

    /// Goal: a renewal that comes, silently, right before the lease's end and while somebody asks whether it holds is not missed.
    #[test]
    fn a_renewal_in_the_last_moment_is_not_missed() {
        let (end, long) = (Instant::now() + Duration::from_secs(60), Duration::from_secs(60));
        let hold = Hold::new(Some(end));
        let watched = hold.watch();
        let clock = || {
            hold.extend(end + long);
            end
        };
        assert!(holds(&watched, clock) || watched.has_changed().unwrap(), "nobody would ever look again");
        assert!(!holds(&watched, || end + long));
    }

    /// Goal: the end of a lease comes when its last renewal ends, and not before.
    #[tokio::test]
    async fn the_end_moves_with_renewals() {
        let first = Instant::now() + Duration::from_millis(5);
        let hold = Hold::new(Some(first));
        let mut end = LeaseEnd::of(hold.watch());
        hold.extend(first + Duration::from_secs(3_600));
        let mut end_comes = Box::pin(end.comes());
        tokio::select! {
            biased;
            () = &mut end_comes => panic!("before it was renewed to"),
            () = tokio::time::sleep_until((first + Duration::from_millis(5)).into()) => {}
        }
        drop(end_comes);
        assert!(end.comes().now_or_never().is_none(), "the old end");
        let over = Hold::new(Some(Instant::now()));
        LeaseEnd::of(over.watch()).comes().await;
    }
}
