//! Takes over what dead workers left: back in line → a verdict on those that keep killing their workers.

use std::sync::Arc;

use crate::engine::Engine;
use crate::ports::{Rescued, StoreError};
use crate::task::crash_loop::FATAL_TAKEOVERS;
use crate::task::event::TaskFailed;
use crate::task::{ErrorReport, Fact, TaskId, TaskRecord};
use crate::use_cases::notify;

const TASKS_PER_BITE: usize = 500;
/// Of the words of a verdict: what cannot be read may be long.
const MOST_MESSAGE: usize = 1_000;

/// One bite of rescuing. Returns how many tasks were taken over; fewer than a full bite means none are left.
pub async fn rescue(engine: &Engine) -> Result<RescueBite, StoreError> {
    let rescued = engine.store.rescue(TASKS_PER_BITE).await?;
    for task in rescued.iter().filter(|task| task.takeovers >= FATAL_TAKEOVERS) {
        // One that cannot be ended now is claimed alone and rescued again; the others do not wait for it.
        if let Err(error) = end_crash_loop(engine, task).await {
            tracing::warn!(task.id = %task.task, %error, "cannot end a task that keeps taking its worker down");
        }
    }
    Ok(RescueBite { taken_over: rescued.len(), more: rescued.len() == TASKS_PER_BITE })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RescueBite {
    pub taken_over: usize,
    pub more: bool,
}

async fn end_crash_loop(engine: &Engine, rescued: &Rescued) -> Result<(), StoreError> {
    let takeovers = rescued.takeovers;
    let (step, task, message) = match last_seen(engine, rescued).await {
        Ok((Some(step), task)) => {
            let message = format!("its worker died {takeovers} times in '{step}' without finishing a step");
            (Some(step), task, message)
        }
        Ok((None, task)) => (None, task, format!("its worker died {takeovers} times without finishing a step")),
        // No worker is ever given such a one: without a verdict it would be claimed in vain for ever.
        Err(StoreError::Corrupt(why)) => {
            (None, None, format!("it was claimed {takeovers} times in vain: it cannot be read: {why}"))
        }
        Err(error) => return Err(error),
    };
    let error = ErrorReport { step, ..ErrorReport::new("crash_loop", message).cut(MOST_MESSAGE) };
    let fact = Fact::from(TaskFailed { error: error.clone() });
    let told = |task: TaskRecord| notify::of_end(engine, &task, engine.registry.find(&task.flow), &fact);
    engine.store.fail_queued(rescued.task, error, task.map(told).unwrap_or_default()).await?;
    tracing::warn!(task.id = %rescued.task, flow.name = %rescued.flow, "task ended: it kept taking its worker down");
    Ok(())
}

/// The step it was in, and the task.
async fn last_seen(engine: &Engine, rescued: &Rescued) -> Result<(Option<Arc<str>>, Option<TaskRecord>), StoreError> {
    let step = step_in_flight(engine, rescued.task).await?;
    Ok((step, engine.store.task(&rescued.tenant, rescued.task).await?))
}

/// The last step that was started and never finished.
async fn step_in_flight(engine: &Engine, task: TaskId) -> Result<Option<Arc<str>>, StoreError> {
    let mut open = Vec::new();
    let mut after = 0;
    loop {
        let entries = engine.store.events(task, after, 1 << 20).await?;
        let Some(last) = entries.last() else { break };
        after = last.seq;
        for event in entries.iter().filter_map(|entry| entry.event().ok()) {
            match event.fact {
                Fact::StepStarted(step) => open.push((step.step, step.name)),
                Fact::StepSucceeded(step) => open.retain(|(key, _)| *key != step.step),
                Fact::StepFailed(step) => open.retain(|(key, _)| *key != step.step),
                Fact::StepRetrying(step) => open.retain(|(key, _)| *key != step.step),
                Fact::StepCancelled(step) => open.retain(|(key, _)| *key != step.step),
                _ => {}
            }
        }
    }
    Ok(open.pop().map(|(_, name)| name))
}
