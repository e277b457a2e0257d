//! `FlowContext`: what a flow talks to.
//!
//! It is not `Clone`, and `step(&mut self, …)` gives the key at once: the order in which steps are made is the order
//! of the code, whatever finishes first. What a step returns does not borrow the context, so steps can be made and
//! then awaited together. For concurrency written by hand there is [`FlowContext::branch`].

use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::error::{FlowError, FlowResult};
use super::scope::{Place, Scope};
use super::step::{Body, Made, Step};
use super::step_context::StepContext;
use super::tell::Voice;
use crate::task::event::Recorded;
use crate::task::{Json, Key, LogLevel, NO_PLACE, Note, TaskId, Timestamp};
use crate::use_cases::run::execution::Execution;
use crate::use_cases::run::queue::Cargo;

/// A flow's only way to the world: steps, waits, children, and what it tells.
pub struct FlowContext {
    pub(crate) execution: Arc<Execution>,
    pub(crate) scope: Scope,
}

impl FlowContext {
    pub(crate) fn root(execution: Arc<Execution>) -> Self {
        Self { execution, scope: Scope::root() }
    }

    pub(crate) fn at(execution: Arc<Execution>, scope: Scope) -> Self {
        Self { execution, scope }
    }

    // ---- steps

    /// A checkpointed part of the task: its outcome is stored, and a finished step is never run again.
    ///
    /// The closure is called once per attempt, so what it moves into its future it must clone or borrow.
    pub fn step<'a, T, F, Fut>(&mut self, name: impl Into<Arc<str>>, mut body: F) -> Step<'a, T>
    where
        T: Serialize + DeserializeOwned + Send + 'a,
        F: FnMut(StepContext) -> Fut + Send + 'a,
        Fut: Future<Output = FlowResult<T>> + Send + 'a,
    {
        let body: Body<'a, T> = Box::new(move |step| Box::pin(body(step)));
        Step::new(self.make(name.into()), body)
    }

    /// A step for work that keeps a CPU busy: runs on a thread of its own.
    pub fn step_blocking<T, F>(&mut self, name: impl Into<Arc<str>>, body: F) -> Step<'static, T>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: Fn(StepContext) -> FlowResult<T> + Send + Sync + 'static,
    {
        let body = Arc::new(body);
        let body: Body<'static, T> = Box::new(move |step| {
            let body = body.clone();
            Box::pin(async move {
                match tokio::task::spawn_blocking(move || body(step)).await {
                    Ok(outcome) => outcome,
                    Err(error) => match error.try_into_panic() {
                        Ok(panic) => std::panic::resume_unwind(panic),
                        Err(error) => Err(error.into()),
                    },
                }
            })
        });
        Step::new(self.make(name.into()), body)
    }

    /// A step that runs also while the task is being cancelled, for at most ten seconds.
    pub fn cleanup<'a, T, F, Fut>(&mut self, name: impl Into<Arc<str>>, body: F) -> Step<'a, T>
    where
        T: Serialize + DeserializeOwned + Send + 'a,
        F: FnMut(StepContext) -> Fut + Send + 'a,
        Fut: Future<Output = FlowResult<T>> + Send + 'a,
    {
        // Cleanup begins wherever the cancel happened to come: its place among the other steps means nothing.
        let name = name.into();
        let key = self.scope.next_key(&format!("cleanup {name}"));
        let mut body = body;
        let body: Body<'a, T> = Box::new(move |step| Box::pin(body(step)));
        let made =
            Made { execution: self.execution.clone(), place: Place { key, ordinal: NO_PLACE }, name, mismatch: false };
        Step::new(made, body).for_cleanup()
    }

    // ---- telling

    pub fn log(&mut self, message: impl Into<Arc<str>>) {
        self.voice().log(LogLevel::Info, message.into());
    }

    pub fn warn(&mut self, message: impl Into<Arc<str>>) {
        self.voice().log(LogLevel::Warn, message.into());
    }

    /// 0–100 and a sentence; shown progress never falls.
    pub fn progress(&mut self, percent: u8, message: impl Into<Arc<str>>) {
        self.voice().progress(percent, message.into());
    }

    /// Something a tool found, shown as a table or tree.
    pub fn tool_result(&mut self, step_name: impl Into<Arc<str>>, tool: impl Into<Arc<str>>, data: &impl Serialize) {
        self.voice().tool_result(step_name.into(), tool.into(), data);
    }

    /// Anything else, under a name of the author's own.
    pub fn emit(&mut self, name: impl Into<Arc<str>>, data: &impl Serialize) {
        self.voice().emit(name.into(), data);
    }

    fn voice(&mut self) -> Voice<'_> {
        Voice::of_flow(&self.execution, self.scope.next_told())
    }

    // ---- recorded values

    /// The time, the same when the flow runs again.
    pub fn now(&mut self) -> Timestamp {
        let made = self.make("~now".into());
        let known = self.execution.state().history.recorded.get(&made.place.key).cloned();
        if let Some(at) = known.and_then(|value| value.parse().ok()) {
            return at;
        }
        let now = self.execution.now();
        if made.mismatch {
            // Told at a place that is another's, it would be in the way of the corrected code.
            return now;
        }
        let value = Json::of(&now).unwrap_or_default();
        let fact = Recorded { step: made.place.key, ordinal: made.place.ordinal, value };
        self.execution.promise(fact.into(), Cargo::default());
        now
    }

    /// A random number, the same when the flow runs again. Not for secrets: it follows from the task's id.
    pub fn random(&mut self) -> u64 {
        u64::from_le_bytes(self.derive("~random"))
    }

    /// An id in the form of a UUID, the same when the flow runs again.
    pub fn new_id(&mut self) -> String {
        let bytes: [u8; 16] = self.derive("~id");
        uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
    }

    fn derive<const N: usize>(&mut self, what: &str) -> [u8; N] {
        let key = self.scope.next_key(what);
        let digest =
            Sha256::new().chain_update(self.execution.task.id.as_bytes()).chain_update(key.as_bytes()).finalize();
        let mut bytes = [0; N];
        bytes.copy_from_slice(&digest[..N]);
        bytes
    }

    // ---- about the task

    pub fn task_id(&self) -> TaskId {
        self.execution.task.id
    }

    pub fn flow_name(&self) -> &'static str {
        self.execution.flow.name
    }

    /// The flow's version when the task was created: old tasks can keep to the old ways.
    pub fn version(&self) -> u32 {
        self.execution.task.version
    }

    /// The language the task was started with.
    pub fn locale(&self) -> Option<&str> {
        self.execution.task.options.locale.as_deref()
    }

    pub fn is_cancelled(&self) -> bool {
        self.execution.is_stopping()
    }

    /// What the binary wired in, by its type.
    pub fn resource<T: Send + Sync + 'static>(&self) -> FlowResult<Arc<T>> {
        find_resource(&self.execution)
    }

    /// Ends this task and goes on in a new one with an empty log: for flows without end.
    /// Use as `return ctx.continue_as_new(&input);`.
    pub fn continue_as_new<T>(&self, input: &impl Serialize) -> FlowResult<T> {
        let input = Json::of(input).map_err(|error| FlowError::give_up(format!("the input is no JSON: {error}")))?;
        Err(FlowError::ContinueAsNew(input))
    }

    /// Gives the next thing its key and place, and compares them with the log's.
    pub(crate) fn make(&mut self, name: Arc<str>) -> Made {
        let place = self.scope.make(&name);
        let (met, mut mismatch) = {
            let state = self.execution.state();
            let met = state.history.key_at(self.scope.path(), place.ordinal).filter(|key| **key != place.key).cloned();
            (met, state.mismatch.is_some())
        };
        if let Some(logged) = &met {
            self.execution.mismatch(logged, &place.key);
            mismatch = true;
        }
        Made { execution: self.execution.clone(), place, name, mismatch }
    }

    /// Opens a scope in this one: its place is compared with the log's, or kept there.
    pub(super) fn open(&mut self, name: &str) -> Key {
        let Place { key, ordinal } = self.scope.open(name);
        if self.execution.is_stopping() {
            // What tidies up begins wherever the stop happened to come.
            return key;
        }
        let (met, is_new) = {
            let state = self.execution.state();
            let logged = state.history.scope_at(self.scope.path(), ordinal);
            (logged.filter(|logged| **logged != key).cloned(), logged.is_none() && state.mismatch.is_none())
        };
        if let Some(logged) = met {
            self.execution.mismatch(&logged, &key);
        } else if is_new {
            self.execution.tell(Note::Opened(ordinal).record(key.clone()).into());
        }
        key
    }
}

pub(crate) fn find_resource<T: Send + Sync + 'static>(execution: &Execution) -> FlowResult<Arc<T>> {
    execution.engine.resources.get::<T>().ok_or_else(|| {
        let name = std::any::type_name::<T>();
        FlowError::give_up(format!("no {name} was wired in; add it to the resources where the binary starts"))
    })
}
