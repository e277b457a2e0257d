//! Waits: for a time, a signal, a person. While one is open and nothing else runs, the task parks and costs nothing.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::context::FlowContext;
use super::error::{FlowError, FlowResult};
use super::step::Made;
use crate::task::event::{
    ApprovalAnswered, ApprovalAsked, Recorded, SignalAwaited, SignalConsumed, SignalRejected, TimerSet,
};
use crate::task::{APPROVAL_PREFIX, Fact, Json, Timestamp, Wait, WaitKind};
use crate::use_cases::run::execution::Execution;
use crate::use_cases::run::queue::Cargo;

/// What a person is to approve may have this many bytes as JSON: it stands in each snapshot while it is asked.
pub const MOST_APPROVAL_BYTES: usize = 64 * 1024;

/// A person's answer to `ctx.ask_approval`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    pub approved: bool,
    /// Why, or what should change.
    #[serde(default)]
    pub comment: Option<String>,
}

impl FlowContext {
    /// Sleeps without costing anything, for milliseconds or months.
    pub fn sleep(&mut self, duration: Duration) -> impl Future<Output = FlowResult<()>> + Send + use<> {
        let until = self.execution.now() + duration;
        sleep_made(self.make("Sleep".into()), until)
    }

    pub fn sleep_until(&mut self, until: Timestamp) -> impl Future<Output = FlowResult<()>> + Send + use<> {
        sleep_made(self.make("Sleep".into()), until)
    }

    /// Waits for a value that somebody sends with `POST /tasks/<id>/signals/<name>`. Values of one name are consumed in
    /// the order they came; one that came before anybody waited is kept; one of the wrong form is refused.
    pub fn wait_for_signal<T>(&mut self, name: &str) -> impl Future<Output = FlowResult<T>> + Send + use<T>
    where
        T: DeserializeOwned + JsonSchema + Send,
    {
        let name: Arc<str> = name.into();
        let wait = SignalWait::new(self.make(name.clone()), name, schema_text::<T>(), None);
        async move {
            let value = wait.value::<T>().await?;
            value.ok_or_else(|| FlowError::give_up("a wait without an end ended"))
        }
    }

    /// Like [`FlowContext::wait_for_signal`], but gives up waiting (not the task) after a while: then it is `None`.
    pub fn wait_for_signal_within<T>(
        &mut self,
        name: &str,
        most: Duration,
    ) -> impl Future<Output = FlowResult<Option<T>>> + Send + use<T>
    where
        T: DeserializeOwned + JsonSchema + Send,
    {
        let name: Arc<str> = name.into();
        let until = self.execution.now() + most;
        SignalWait::new(self.make(name.clone()), name, schema_text::<T>(), Some(until)).value()
    }

    /// Asks a person; the page shows the question with a form. A second answer is refused.
    pub fn ask_approval(&mut self, question: &str) -> impl Future<Output = FlowResult<Approval>> + Send + use<> {
        self.approval(question, None)
    }

    /// The same, with what is to be approved: it is recorded whole and shown beside the question. What is larger than
    /// [`MOST_APPROVAL_BYTES`] as JSON is an error, since nobody should approve what cannot be shown.
    pub fn ask_approval_of<A: Serialize + ?Sized>(
        &mut self,
        question: &str,
        about: &A,
    ) -> impl Future<Output = FlowResult<Approval>> + Send + use<A> {
        let about = Json::of(about).map_err(|error| error.to_string()).and_then(|about| match about.len() {
            0..=MOST_APPROVAL_BYTES => Ok(about),
            bytes => Err(format!("it has {bytes} bytes; at most {MOST_APPROVAL_BYTES} can be shown")),
        });
        // Made either way: what comes after it keeps its place.
        let (about, problem) = match about {
            Ok(about) => (Some(about), None),
            Err(problem) => (None, Some(problem)),
        };
        let asked = self.approval(question, about);
        async move {
            match problem {
                Some(problem) => Err(FlowError::give_up(format!("this cannot be approved: {problem}"))),
                None => asked.await,
            }
        }
    }

    fn approval(
        &mut self,
        question: &str,
        about: Option<Json>,
    ) -> impl Future<Output = FlowResult<Approval>> + Send + use<> {
        let question: Arc<str> = question.into();
        let made = self.make(question.clone());
        let id = derived_name(APPROVAL_PREFIX, &made.place.key);
        let mut wait = SignalWait::question::<Approval>(made, id, question);
        (wait.kind, wait.about) = (WaitKind::Approval, about);
        async move {
            let answer = wait.value::<Approval>().await?;
            answer.ok_or_else(|| FlowError::give_up("a wait without an end ended"))
        }
    }

    /// Asks a person for a value; the page shows the question with a form made from the answer's type.
    pub fn ask<T>(&mut self, question: &str) -> impl Future<Output = FlowResult<T>> + Send + use<T>
    where
        T: DeserializeOwned + JsonSchema + Send,
    {
        let question: Arc<str> = question.into();
        let made = self.make(question.clone());
        let name = derived_name(QUESTION_PREFIX, &made.place.key);
        let wait = SignalWait::question::<T>(made, name, question);
        async move {
            let answer = wait.value::<T>().await?;
            answer.ok_or_else(|| FlowError::give_up("a wait without an end ended"))
        }
    }
}

/// The signals that answer `ctx.ask`.
const QUESTION_PREFIX: &str = "question-";

fn schema_text<T: JsonSchema>() -> Json {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    Json::of(&schema).unwrap_or_default()
}

/// Short, and the same on every replay.
fn derived_name(prefix: &str, key: &str) -> Arc<str> {
    let digest = Sha256::digest(key.as_bytes());
    let short: String = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    format!("{prefix}{short}").into()
}

async fn sleep_made(made: Made, until: Timestamp) -> FlowResult<()> {
    made.check().await;
    let execution = &made.execution;
    let known = execution.state().history.waits.get(&made.place.key).copied();
    let (since, until) = match known {
        Some((since, until_then)) => (since, until_then.unwrap_or(until)),
        None => {
            execution.enter(false).await?;
            let now = execution.now();
            let fact = TimerSet { step: made.place.key.clone(), ordinal: made.place.ordinal, until };
            execution.tell(fact.into());
            (now, until)
        }
    };
    let wait = Wait {
        id: made.place.key.clone(),
        kind: WaitKind::Sleep,
        name: made.name.clone(),
        question: None,
        about: None,
        schema: None,
        since,
        until: Some(until),
        child: None,
    };
    sleep_as(execution, wait, until, false).await
}

/// Waits until a time under an open wait. A task that is being stopped does not wait.
pub(crate) async fn sleep_as(
    execution: &Arc<Execution>,
    wait: Wait,
    until: Timestamp,
    cleanup: bool,
) -> FlowResult<()> {
    if execution.now() >= until {
        return Ok(());
    }
    let _open = execution.open_wait(wait);
    tokio::select! {
        biased;
        () = execution.stopped(), if !cleanup => Err(FlowError::Cancelled),
        () = execution.engine.clock.sleep_until(until) => Ok(()),
    }
}

/// A wait for a value from outside.
pub(super) struct SignalWait {
    made: Made,
    /// Signal or approval.
    kind: WaitKind,
    /// The name that values are sent to; an approval's id.
    name: Arc<str>,
    question: Option<Arc<str>>,
    /// What is to be approved.
    about: Option<Json>,
    schema: Json,
    until: Option<Timestamp>,
}

impl SignalWait {
    fn new(made: Made, name: Arc<str>, schema: Json, until: Option<Timestamp>) -> Self {
        Self { made, kind: WaitKind::Signal, name, question: None, about: None, schema, until }
    }

    /// A wait for a person's answer, which is sent to `name`.
    pub(super) fn question<T: JsonSchema>(made: Made, name: Arc<str>, question: Arc<str>) -> Self {
        Self { question: Some(question), ..Self::new(made, name, schema_text::<T>(), None) }
    }

    pub(super) async fn value<T: DeserializeOwned>(mut self) -> FlowResult<Option<T>> {
        self.made.check().await;
        let key = self.made.place.key.clone();
        let execution = self.made.execution.clone();
        let (answer, timed_out, known, withdrawn) = {
            let state = execution.state();
            let history = &state.history;
            let (answer, timed_out) = (history.answers.get(&key).cloned(), history.recorded.contains_key(&key));
            (answer, timed_out, history.waits.get(&key).copied(), history.withdrawn.contains(&key))
        };
        if let Some(answer) = answer {
            return answer.parse().map(Some).map_err(|error| {
                FlowError::give_up(format!("the stored value of '{}' does not fit any more: {error}", self.name))
            });
        }
        if timed_out {
            return Ok(None);
        }
        execution.enter(false).await?;
        if let Some((since, until)) = known {
            self.until = until;
            return self.take(since, None).await;
        }
        // Told at each replay, a wait that the flow dropped would be told without end, and mailed.
        let untold = withdrawn.then(|| self.asked());
        if untold.is_none() {
            execution.tell_of_wait(self.asked());
        }
        self.take(execution.now(), untold).await
    }

    async fn take<T: DeserializeOwned>(&self, since: Timestamp, untold: Option<Fact>) -> FlowResult<Option<T>> {
        let execution = &self.made.execution;
        let mut news = execution.watch_news();
        let open = execution.open_wait(self.as_wait(since)).seen_by_others(self.made.place.key.clone());
        let open = match untold {
            Some(asked) => open.told_if_it_lasts(asked),
            None => open,
        };
        loop {
            news.borrow_and_update();
            let taken = execution.state().history.take_signal(&self.name);
            if let Some((signal, value)) = taken {
                let (_flight, _taking) = (execution.begin_flight(), execution.pulse.take());
                execution.step_aside().await;
                match value.parse() {
                    Ok(parsed) => {
                        open.is_over();
                        let cargo = Cargo { signal_taken: Some(signal), ..Cargo::default() };
                        execution.record(self.consumed(signal), cargo).await;
                        return Ok(Some(parsed));
                    }
                    Err(error) => self.reject(signal, error.to_string()).await,
                }
                continue;
            }
            let timer = async {
                match self.until {
                    Some(until) => execution.engine.clock.sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = execution.stopped() => return Err(FlowError::Cancelled),
                changed = news.changed() => if changed.is_err() { std::future::pending::<()>().await },
                () = timer => break,
            }
        }
        let _flight = execution.begin_flight();
        open.is_over();
        let fact =
            Recorded { step: self.made.place.key.clone(), ordinal: self.made.place.ordinal, value: Json::null() };
        execution.record(fact.into(), Cargo::default()).await;
        Ok(None)
    }

    fn asked(&self) -> Fact {
        let (step, ordinal) = (self.made.place.key.clone(), self.made.place.ordinal);
        match (self.kind, &self.question) {
            (WaitKind::Approval, Some(question)) => ApprovalAsked {
                step,
                ordinal,
                id: self.name.clone(),
                question: question.clone(),
                schema: self.schema.clone(),
                about: self.about.clone(),
            }
            .into(),
            (_, question) => SignalAwaited {
                step,
                ordinal,
                name: self.name.clone(),
                question: question.clone(),
                schema: Some(self.schema.clone()),
                until: self.until,
            }
            .into(),
        }
    }

    fn consumed(&self, signal: u64) -> Fact {
        let step = self.made.place.key.clone();
        match self.kind {
            WaitKind::Approval => ApprovalAnswered { step, id: self.name.clone(), signal }.into(),
            _ => SignalConsumed { step, name: self.name.clone(), signal }.into(),
        }
    }

    async fn reject(&self, signal: u64, message: String) {
        let fact = SignalRejected { step: self.made.place.key.clone(), name: self.name.clone(), signal, message };
        let cargo = Cargo { signal_taken: Some(signal), ..Cargo::default() };
        self.made.execution.record(fact.into(), cargo).await;
    }

    fn as_wait(&self, since: Timestamp) -> Wait {
        let id = if self.kind == WaitKind::Approval { &self.name } else { &self.made.place.key };
        Wait {
            id: id.clone(),
            kind: self.kind,
            name: self.name.clone(),
            question: self.question.clone(),
            about: self.about.clone(),
            schema: Some(self.schema.clone()),
            since,
            until: self.until,
            child: None,
        }
    }
}
