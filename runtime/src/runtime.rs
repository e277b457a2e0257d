//! Starts a line's worker and stops it in bounded time.
//!
//! apalis' own shutdown waits for its handlers without limit. So it is not asked before nothing runs any more:
//! the slots are closed, what runs is waited for as long as the caller likes and aborted then, and only the empty
//! worker is shut down.

use std::sync::Arc;
use std::time::Duration;

use apalis_core::monitor::Monitor;
use apalis_core::monitor::context::MonitorContext;
use apalis_core::worker::builder::WorkerBuilder;
use apalis_core::worker::event::Event;
use apalis_core::worker::ext::parallelize::ParallelizeExt;
use tokio::task::{JoinError, JoinHandle};

use crate::backend::LineBackend;
use crate::claims::Claims;
use crate::executions::Executions;
use crate::intake::{Arrivals, intake};
use crate::line::Taken;
use crate::slots::Slots;

/// How long an empty worker may take to end.
const LAST_STEPS: Duration = Duration::from_secs(2);

/// A worker at work. Dropping it leaves everything behind: what runs is aborted.
pub struct Runtime {
    slots: Slots,
    executions: Executions,
    context: MonitorContext,
    monitor: JoinHandle<()>,
}

impl Runtime {
    /// Starts to claim, and to run each claimed item on its own, at most `slots` at once.
    pub fn start<C, F, Fut>(name: &str, slots: usize, claims: C, run: F) -> Self
    where
        C: Claims,
        F: Fn(C::Item) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let slots = Slots::new(slots);
        let executions = Executions::default();
        let (claims, (intake, arrivals)) = (Arc::new(claims), intake(slots.clone()));
        claims.begin(intake);
        let source = Source { claims, slots: slots.clone(), arrivals };
        let monitor = monitor(name.to_owned(), source, executions.clone(), run);
        let context = monitor.context();
        let name = name.to_owned();
        let monitor = tokio::spawn(async move {
            if let Err(error) = monitor.run().await {
                tracing::error!(worker = name, error = %error, "the worker ended");
            }
        });
        Self { slots, executions, context, monitor }
    }

    /// Claims nothing more. A claim that is under way is waited for, and what it brings is run.
    pub fn stop_claiming(&self) {
        self.slots.close();
    }

    /// Returns when nothing runs and no claim is under way; after [`Self::stop_claiming`] that stays so.
    pub async fn idle(&self) {
        self.slots.all_free().await;
    }

    /// Stops: claims nothing more, waits at most `patience` for what runs, and aborts the rest.
    /// Returns how many executions were aborted.
    pub async fn finish(mut self, patience: Duration) -> usize {
        self.stop_claiming();
        let aborted = match tokio::time::timeout(patience, self.idle()).await {
            Ok(()) => 0,
            Err(_) => self.executions.abort_all(),
        };
        // Cannot fail: it sets a flag and wakes the worker.
        let _ = self.context.shutdown();
        if tokio::time::timeout(LAST_STEPS, &mut self.monitor).await.is_err() {
            self.monitor.abort();
        }
        aborted
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.slots.close();
        self.monitor.abort();
        self.executions.abort_all();
    }
}

/// All that a backend is made of.
struct Source<C: Claims> {
    claims: Arc<C>,
    slots: Slots,
    arrivals: Arrivals<C::Item>,
}

impl<C: Claims> Source<C> {
    fn backend(&self) -> LineBackend<C> {
        LineBackend::new(self.claims.clone(), self.slots.clone(), self.arrivals.clone())
    }
}

/// The worker under its monitor, which makes another one should it ever end before its time.
fn monitor<C, F, Fut>(name: String, source: Source<C>, executions: Executions, run: F) -> Monitor
where
    C: Claims,
    F: Fn(C::Item) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Monitor::new()
        .register(move |_restarts| {
            let run = run.clone();
            let executions = executions.clone();
            WorkerBuilder::new(name.as_str())
                .backend(source.backend())
                .parallelize(move |execution| executions.spawn(execution))
                .build(move |taken: Taken<C::Item>| {
                    let run = run.clone();
                    async move {
                        // Named, so that it is freed last.
                        let _slot = taken.slot;
                        run(taken.item).await;
                    }
                })
        })
        .should_restart(|_, _| true)
        .on_event(|worker, event| {
            if let Event::Error(error) = event
                && !was_aborted(error.as_ref().as_ref())
            {
                tracing::error!(worker = worker.name(), error = %error, "an execution panicked");
            }
        })
}

fn was_aborted(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<JoinError>().is_some_and(JoinError::is_cancelled)
}
