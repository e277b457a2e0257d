//! Children: flows that a flow starts and may wait for. They are tasks of their own; their parent's end ends them.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::FlowContext;
use super::definition::{Flow, FlowDefinition};
use super::error::{FlowError, FlowResult};
use super::step::Made;
use crate::task::event::{ChildEnded, ChildStarted, TaskCreated};
use crate::task::{ErrorReport, Fact, Json, Key, NewTask, Parent, TaskId, Timestamp, Wait, WaitKind, WireState};
use crate::use_cases::inputs::{check_input, secrets_of};
use crate::use_cases::run::execution::Execution;
use crate::use_cases::start::first_task;

/// A child that was started.
pub struct Child<T> {
    execution: Arc<Execution>,
    key: Key,
    id: TaskId,
    flow: Arc<str>,
    since: Timestamp,
    output: PhantomData<fn() -> T>,
}

impl FlowContext {
    /// Starts a child and goes on.
    pub fn start_child<F: Flow, I: Serialize>(
        &mut self,
        flow: F,
        input: &I,
    ) -> impl Future<Output = FlowResult<Child<F::Output>>> + Send + use<F, I> {
        let definition = flow.definition();
        let made = self.make(definition.name.into());
        let input = Json::of(input);
        async move {
            let input = input.map_err(|error| FlowError::invalid_input(format!("the input is no JSON: {error}")))?;
            start(made, definition, input).await
        }
    }

    /// Starts a child and waits for its result.
    pub fn run_child<F: Flow, I: Serialize>(
        &mut self,
        flow: F,
        input: &I,
    ) -> impl Future<Output = FlowResult<F::Output>> + Send + use<F, I>
    where
        F::Output: DeserializeOwned,
    {
        let child = self.start_child(flow, input);
        async move { child.await?.result().await }
    }
}

async fn start<T>(made: Made, flow: &'static FlowDefinition, input: Json) -> FlowResult<Child<T>> {
    made.check().await;
    let execution = made.execution.clone();
    let key = made.place.key.clone();
    let known = execution.state().history.children.get(&key).map(|child| (child.id, child.since));
    let (id, since) = match known {
        Some(known) => known,
        None => {
            execution.enter(false).await?;
            let flight = execution.begin_flight();
            let started = create(&made, flow, input).await?;
            drop(flight);
            match started {
                Some(started) => started,
                None => {
                    // The task is handed back as soon as nothing else is in flight, and asks again when it runs again.
                    execution.stopped().await;
                    return Err(FlowError::Cancelled);
                }
            }
        }
    };
    Ok(Child { execution, key, id, flow: flow.name.into(), since, output: PhantomData })
}

/// None when the store has no room for it.
async fn create(made: &Made, flow: &'static FlowDefinition, input: Json) -> FlowResult<Option<(TaskId, Timestamp)>> {
    let execution = &made.execution;
    check(execution, flow, &input)?;
    let now = execution.now();
    let id = execution.engine.ids.task_id(now, execution.task.id.partition());
    let parent = &execution.task;
    let created = Fact::from(TaskCreated {
        flow: flow.name.into(),
        version: flow.version,
        retry_of: None,
        parent: Some(parent.id),
        continued_from: None,
        due_at: None,
    });
    let secrets = secrets_of(flow, &input);
    let mut child = NewTask {
        id,
        priority: parent.priority,
        input,
        parent: Some(Parent { task: parent.id, step: made.place.key.clone() }),
        events: vec![created.encode(now)],
        ..first_task(flow, &parent.tenant, now, Duration::ZERO)
    };
    child.options.set_budget(child.options.budget().and(execution.state().purse.left()));
    child.options.depth = parent.options.depth + 1;
    child.options.locale.clone_from(&parent.options.locale);
    child.options.secrets = secrets;
    let fact =
        ChildStarted { step: made.place.key.clone(), ordinal: made.place.ordinal, child: id, flow: flow.name.into() };
    if !execution.bear(fact.into(), child).await {
        return Ok(None);
    }
    execution.state().history.apply_child_started(made.place.key.clone(), id, flow.name.into(), now);
    Ok(Some((id, now)))
}

/// Holds an input that a flow made for a task against the same rules as one that came from outside.
pub(crate) fn check_own_input(execution: &Execution, flow: &'static FlowDefinition, input: &Json) -> FlowResult<()> {
    let most = execution.engine.limits.payload_bytes;
    if let Err(violations) = check_input(flow, &input.to_value()) {
        let said: Vec<String> = violations.iter().map(|wrong| format!("{} {}", wrong.path, wrong.message)).collect();
        return Err(FlowError::invalid_input(format!("the input does not fit '{}': {}", flow.name, said.join("; "))));
    }
    if input.len() > most {
        return Err(FlowError::give_up(format!("the input for '{}' is longer than {most} bytes", flow.name)));
    }
    Ok(())
}

fn check(execution: &Execution, flow: &'static FlowDefinition, input: &Json) -> FlowResult<()> {
    check_own_input(execution, flow, input)?;
    let limits = &execution.engine.limits;
    if execution.task.options.depth >= limits.child_depth {
        return Err(FlowError::give_up(format!("children are nested {} deep; that is the limit", limits.child_depth)));
    }
    let mut state = execution.state();
    if state.children >= limits.children_per_task {
        return Err(FlowError::give_up(format!("a task has at most {} children", limits.children_per_task)));
    }
    state.children += 1;
    Ok(())
}

impl<T> Child<T> {
    pub fn id(&self) -> TaskId {
        self.id
    }
}

impl<T: DeserializeOwned> Child<T> {
    /// Waits for the child's end. A child that failed or was cancelled is an error here.
    pub async fn result(self) -> FlowResult<T> {
        let ended = self.ended().await?;
        match (ended.state, ended.result) {
            (WireState::Success, result) => result
                .unwrap_or_default()
                .parse()
                .map_err(|error| FlowError::give_up(format!("the result of '{}' does not fit: {error}", self.flow))),
            (WireState::Cancelled, _) => Err(FlowError::Failed(ErrorReport::new(
                "child_cancelled",
                format!("the child '{}' was cancelled", self.flow),
            ))),
            _ => {
                let mut report = ended.error.unwrap_or_else(|| ErrorReport::new("failed", "no reason was given"));
                report.message = format!("the child '{}' failed: {}", self.flow, report.message);
                report.step = Some(self.flow.clone());
                Err(FlowError::Failed(report))
            }
        }
    }

    async fn ended(&self) -> FlowResult<ChildEnded> {
        let mut news = self.execution.watch_news();
        let mut open = None;
        loop {
            news.borrow_and_update();
            let ended = self.execution.state().history.children.get(&self.key).and_then(|child| child.ended.clone());
            if let Some(ended) = ended {
                let _flight = self.execution.begin_flight();
                self.execution.step_aside().await;
                return Ok(ended);
            }
            if open.is_none() {
                self.execution.enter(false).await?;
                open = Some(self.execution.open_wait(self.as_wait()));
            }
            tokio::select! {
                biased;
                () = self.execution.stopped() => return Err(FlowError::Cancelled),
                changed = news.changed() => if changed.is_err() { std::future::pending::<()>().await },
            }
        }
    }

    fn as_wait(&self) -> Wait {
        Wait {
            id: self.key.clone(),
            kind: WaitKind::Child,
            name: self.flow.clone(),
            question: None,
            about: None,
            schema: None,
            since: self.since,
            until: None,
            child: Some(self.id),
        }
    }
}
