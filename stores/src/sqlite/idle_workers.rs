//! The workers of this process that take tasks the moment they are due: claimed in the very transaction that put
//! them in line, which saves a commit and waking somebody to ask for it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use caudal_engine::ports::{Claimed, IdleWorker};

use super::fault::Fault;
use super::session::Session;

#[derive(Clone, Default)]
pub(super) struct IdleWorkers(Arc<Mutex<Vec<Weak<dyn IdleWorker>>>>);

/// What was claimed for whom, to be told after the commit. Dropped before that, it tells that it was nothing.
#[derive(Default)]
pub(super) struct Given(Vec<(Arc<dyn IdleWorker>, Claimed)>);

impl IdleWorkers {
    pub(super) fn attach(&self, worker: Weak<dyn IdleWorker>) {
        let mut workers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        workers.retain(|worker| worker.strong_count() > 0);
        workers.push(worker);
    }

    /// Claims for them what this transaction made due.
    pub(super) fn claim(&self, session: &mut Session<'_>) -> Result<Given, Fault> {
        let mut given = Given::default();
        if !session.announcements.rings_line() {
            return Ok(given);
        }
        let workers: Vec<_> = {
            let workers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            workers.iter().filter_map(Weak::upgrade).collect()
        };
        let alone = workers.len() == 1;
        for worker in workers {
            let Some(request) = worker.offer() else { continue };
            given.0.push((worker, Claimed::default()));
            let claimed = session.claim_next(&request)?;
            let served = !claimed.tasks.is_empty() && claimed.next_due.is_none() && !claimed.suspect_due;
            if alone && served {
                session.announcements.spare_line();
            }
            if let Some(last) = given.0.last_mut() {
                last.1 = claimed;
            }
        }
        Ok(given)
    }
}

impl Given {
    /// It is durable.
    pub(super) fn tell(mut self) {
        for (worker, claimed) in self.0.drain(..) {
            worker.accept(claimed);
        }
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        for (worker, _) in self.0.drain(..) {
            worker.accept(Claimed::default());
        }
    }
}
