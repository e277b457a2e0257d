//! Our one backend of apalis: hands what the line claimed to the worker.
//!
//! It never fails and never ends, because either would end the worker and drop what is in flight: its error is
//! [`Infallible`], errors of the line stay in the line, and a line that was closed is pending for ever.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::layers::Identity;
use apalis_core::task::Task;
use apalis_core::worker::context::WorkerContext;
use futures_util::future::BoxFuture;

use crate::claims::Claims;
use crate::intake::Arrivals;
use crate::line::{Line, Taken};
use crate::slots::Slots;

/// The line, to be asked again, and what it claimed.
type NextOf<C> = (Line<C>, Vec<Taken<<C as Claims>::Item>>);

pub(crate) struct LineBackend<C: Claims> {
    claimed: VecDeque<Taken<C::Item>>,
    next: BoxFuture<'static, NextOf<C>>,
    arrivals: Arrivals<C::Item>,
}

// Items are handed on by value and the future is boxed: nothing in here is pinned in place.
impl<C: Claims> Unpin for LineBackend<C> {}

impl<C: Claims> LineBackend<C> {
    pub(crate) fn new(claims: Arc<C>, slots: Slots, arrivals: Arrivals<C::Item>) -> Self {
        Self { claimed: VecDeque::new(), next: Box::pin(Line::new(claims, slots).next()), arrivals }
    }
}

impl<C: Claims> Backend for LineBackend<C> {
    type Task = Task<Taken<C::Item>>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Self::Task, Infallible>>> {
        loop {
            if let Some(taken) = self.claimed.pop_front() {
                return Poll::Ready(Some(Ok(Task::new(taken))));
            }
            if let Poll::Ready(taken) = self.arrivals.poll(cx) {
                return Poll::Ready(Some(Ok(Task::new(taken))));
            }
            let Poll::Ready((line, taken)) = self.next.as_mut().poll(cx) else { return Poll::Pending };
            self.claimed.extend(taken);
            self.next = Box::pin(line.next());
        }
    }

    /// Nothing to close: the runtime stops the claiming and waits for what runs before it stops the worker.
    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl<C: Claims> BackendConfig for LineBackend<C> {
    type Args = Taken<C::Item>;
    type Id = ();
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
