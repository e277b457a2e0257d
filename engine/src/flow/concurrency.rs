//! Doing several things at once, in ways that a replay can follow: `map`, `branch`, `race`.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use futures_util::{StreamExt, stream};

use super::context::FlowContext;
use super::error::{FlowError, FlowResult};
use super::scope::Scope;
use crate::task::event::RaceWon;
use crate::task::{Key, Note};
use crate::use_cases::run::Pulse;
use crate::use_cases::run::execution::Execution;
use crate::use_cases::run::queue::Cargo;

impl FlowContext {
    /// Does the same for each item, at most `limit` at a time, each in a scope of its own. Results come in the items'
    /// order; the first error ends it. Which item that was is recorded: on a replay only that one runs.
    pub fn map<It, T, F, Fut>(
        &mut self,
        name: &str,
        items: It,
        limit: usize,
        body: F,
    ) -> impl Future<Output = FlowResult<Vec<T>>> + Send + use<It, T, F, Fut>
    where
        It: IntoIterator,
        It::Item: Send,
        T: Send,
        F: Fn(FlowContext, It::Item) -> Fut + Send,
        Fut: Future<Output = FlowResult<T>> + Send,
    {
        let key = self.open(name);
        let execution = self.execution.clone();
        let mut items: Vec<It::Item> = items.into_iter().collect();
        async move {
            let failed = execution.state().history.failed_items.get(&key).map(|index| *index as usize);
            if let Some(index) = failed {
                if index >= items.len() {
                    return Err(FlowError::give_up(format!("'{key}' failed at an item that is no more")));
                }
                let context = FlowContext::at(execution, Scope::item(&key, index));
                return match body(context, items.swap_remove(index)).await {
                    Err(error) => Err(error),
                    Ok(_) => Err(FlowError::give_up(format!("'{key}' failed at item {index}, and now it does not"))),
                };
            }
            let mut results: Vec<Option<T>> = items.iter().map(|_| None).collect();
            let (run, map) = (execution.clone(), key.clone());
            let each = items.into_iter().enumerate().map(move |(index, item)| {
                let context = FlowContext::at(run.clone(), Scope::item(&map, index));
                let done = body(context, item);
                async move { (index, done.await) }
            });
            let mut running = stream::iter(each).buffer_unordered(limit.max(1));
            while let Some((index, done)) = running.next().await {
                match done {
                    Ok(done) => results[index] = Some(done),
                    Err(error) => {
                        // What they withdraw goes out with the note, not after it.
                        drop(running);
                        note_failure(&execution, &key, index, &error);
                        return Err(error);
                    }
                }
            }
            Ok(results.into_iter().flatten().collect())
        }
    }

    /// A context of its own, for concurrency written by hand:
    /// `let mut left = ctx.branch("left"); let mut right = ctx.branch("right"); join!(async { left.step(…) }, …)`.
    pub fn branch(&mut self, name: &str) -> FlowContext {
        let key = self.open(name);
        Self::at(self.execution.clone(), Scope::branch(key))
    }

    /// Lets futures run against each other: the first to end wins, with its place; the others are dropped.
    /// Who won is recorded: on a replay only the winner runs.
    pub fn race<T, It, Fut>(
        &mut self,
        name: &str,
        runners: It,
    ) -> impl Future<Output = FlowResult<(usize, T)>> + Send + use<T, It, Fut>
    where
        T: Send,
        It: IntoIterator<Item = Fut>,
        Fut: Future<Output = FlowResult<T>> + Send,
    {
        let made = self.make(name.into());
        let mut runners: Vec<Pin<Box<Fut>>> = runners.into_iter().map(Box::pin).collect();
        async move {
            made.check().await;
            let known = made.execution.state().history.races.get(&made.place.key).map(|winner| *winner as usize);
            if let Some(winner) = known {
                if winner >= runners.len() {
                    return Err(FlowError::give_up(format!("'{}' was won by a runner that is no more", made.name)));
                }
                let value = runners.swap_remove(winner).await?;
                return Ok((winner, value));
            }
            if runners.is_empty() {
                return Err(FlowError::give_up(format!("'{}' is a race of nobody", made.name)));
            }
            let (winner, value) = first_of(&made.execution.pulse, &mut runners).await;
            let value = match value {
                // A task that is being stopped has no winner.
                Err(FlowError::Cancelled) => return Err(FlowError::Cancelled),
                value => value,
            };
            let _flight = made.execution.begin_flight();
            // What the losers withdraw goes out with the news of the winner, not after it.
            drop(runners);
            let number = u32::try_from(winner).unwrap_or(u32::MAX);
            let fact = RaceWon { step: made.place.key.clone(), ordinal: made.place.ordinal, winner: number };
            made.execution.record(fact.into(), Cargo::default()).await;
            value.map(|value| (winner, value))
        }
    }
}

/// The items that were under way are dropped now, and may not decide otherwise the next time.
fn note_failure(execution: &Execution, map: &Key, index: usize, error: &FlowError) {
    // A task that is being stopped ends no map, nor does code that is not the log's.
    if matches!(error, FlowError::Cancelled) || execution.state().mismatch.is_some() {
        return;
    }
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    execution.promise(Note::FailedItem(index).record(map.clone()).into(), Cargo::default());
}

/// The first to end. One that has taken a signal ends before the others may: they would drop it with the signal.
async fn first_of<Fut: Future>(pulse: &Pulse, runners: &mut [Pin<Box<Fut>>]) -> (usize, Fut::Output) {
    let mut takes = vec![0; runners.len()];
    poll_fn(|context| {
        loop {
            let held = takes.iter().any(|taking| *taking > 0);
            for (place, runner) in runners.iter_mut().enumerate() {
                if held && takes[place] == 0 {
                    continue;
                }
                let others = pulse.taking().saturating_sub(takes[place]);
                if let Poll::Ready(value) = runner.as_mut().poll(context) {
                    return Poll::Ready((place, value));
                }
                takes[place] = pulse.taking().saturating_sub(others);
                if takes[place] > 0 {
                    return Poll::Pending;
                }
            }
            if !held {
                return Poll::Pending;
            }
            // Who was passed over may have been woken meanwhile.
        }
    })
    .await
}
