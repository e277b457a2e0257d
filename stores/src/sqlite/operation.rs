//! An operation on its way through the writer: what to do, then its answer, then who waits for it.
//!
//! It may be run more than once (a group that fails is taken apart), so what it needs is only borrowed by a run. It
//! answers when its group is committed, and not before.

use caudal_engine::ports::StoreError;
use tokio::sync::oneshot;

use super::fault::Fault;
use super::session::Session;

pub(super) trait Operation: Send {
    /// About how much it adds to a group.
    fn bytes(&self) -> usize;
    fn run(&mut self, session: &mut Session<'_>) -> Result<(), Fault>;
    /// Tells the waiting caller: the answer of the last run, or why there is none.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

pub(super) type Answer<T> = oneshot::Receiver<Result<T, StoreError>>;

struct Pending<T, F> {
    bytes: usize,
    run: F,
    outcome: Option<T>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

pub(super) fn operation<T, F>(bytes: usize, run: F) -> (Box<dyn Operation>, Answer<T>)
where
    T: Send + 'static,
    F: FnMut(&mut Session<'_>) -> Result<T, Fault> + Send + 'static,
{
    let (caller, answer) = oneshot::channel();
    (Box::new(Pending { bytes, run, outcome: None, caller }), answer)
}

impl<T, F> Operation for Pending<T, F>
where
    T: Send + 'static,
    F: FnMut(&mut Session<'_>) -> Result<T, Fault> + Send + 'static,
{
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn run(&mut self, session: &mut Session<'_>) -> Result<(), Fault> {
        self.outcome = None;
        self.outcome = Some((self.run)(session)?);
        Ok(())
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let answer = match (failure, self.outcome) {
            (Some(failure), _) => Err(failure),
            (None, Some(outcome)) => Ok(outcome),
            (None, None) => Err(StoreError::Unavailable("the operation was not run".to_owned())),
        };
        // A caller that is gone has given up waiting; the operation stands.
        let _ = self.caller.send(answer);
    }
}
