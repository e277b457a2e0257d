//! `StepContext`: what the inside of a step talks to. Each attempt has its own.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use serde::Serialize;

use super::context::find_resource;
use super::error::{FlowError, FlowResult};
use super::tell::Voice;
use crate::task::event::Chunk;
use crate::task::{Key, LogLevel, TaskId, Timestamp};
use crate::use_cases::run::execution::Execution;

#[derive(Clone)]
pub struct StepContext(Arc<Inside>);

struct Inside {
    execution: Arc<Execution>,
    key: Key,
    name: Arc<str>,
    attempt: u32,
    text_bytes: AtomicUsize,
    /// When it last reported something, in milliseconds of the clock: what `stall` looks at.
    reported: AtomicU64,
}

impl StepContext {
    pub(crate) fn new(execution: Arc<Execution>, key: Key, name: Arc<str>, attempt: u32) -> Self {
        let step = Self(Arc::new(Inside {
            execution,
            key,
            name,
            attempt,
            text_bytes: AtomicUsize::new(0),
            reported: AtomicU64::new(0),
        }));
        step.report();
        step
    }

    pub fn log(&self, message: impl Into<Arc<str>>) {
        self.voice().log(LogLevel::Info, message.into());
    }

    pub fn warn(&self, message: impl Into<Arc<str>>) {
        self.voice().log(LogLevel::Warn, message.into());
    }

    /// The task's progress, 0–100, and a sentence.
    pub fn progress(&self, percent: u8, message: impl Into<Arc<str>>) {
        self.voice().progress(percent, message.into());
    }

    /// Something a tool found, shown as a table or tree.
    pub fn tool_result(&self, tool: impl Into<Arc<str>>, data: &impl Serialize) {
        self.voice().tool_result(self.0.name.clone(), tool.into(), data);
    }

    /// Anything else, under a name of the author's own.
    pub fn emit(&self, name: impl Into<Arc<str>>, data: &impl Serialize) {
        self.voice().emit(name.into(), data);
    }

    /// More of the step's text, seen by every watcher as it comes. Waits while readers of the queue are behind.
    pub async fn text(&self, text: &str) -> FlowResult<()> {
        if text.is_empty() {
            return Ok(());
        }
        let inside = &self.0;
        let most = inside.execution.engine.limits.step_text_bytes;
        if inside.text_bytes.fetch_add(text.len(), Ordering::Relaxed) + text.len() > most {
            return Err(FlowError::give_up(format!("the step's text is longer than {most} bytes")));
        }
        self.report();
        inside.execution.room().await;
        let chunk = Chunk { step: inside.key.clone(), attempt: inside.attempt, text: text.to_owned() };
        inside.execution.tell(chunk.into());
        Ok(())
    }

    /// Streams texts as they come and returns the whole.
    pub async fn stream_text<S, T>(&self, stream: S) -> FlowResult<String>
    where
        S: Stream<Item = FlowResult<T>>,
        T: AsRef<str>,
    {
        let mut stream = pin!(stream);
        let mut whole = String::new();
        while let Some(text) = stream.next().await {
            let text = text?;
            self.text(text.as_ref()).await?;
            whole.push_str(text.as_ref());
        }
        Ok(whole)
    }

    /// 1 for the first attempt. An execution that a crash ended is no attempt.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// The same for every attempt of this step, so that a service can recognise a repeated request.
    pub fn idempotency_key(&self) -> String {
        format!("{}/{}", self.0.execution.task.id, self.0.key)
    }

    pub async fn sleep(&self, duration: Duration) {
        self.0.execution.doze(duration).await;
    }

    pub fn task_id(&self) -> TaskId {
        self.0.execution.task.id
    }

    /// The flow that this is a step of.
    pub fn flow_name(&self) -> &'static str {
        self.0.execution.flow.name
    }

    /// The time now. A step is not replayed, so what it does with it is its outcome's business.
    pub fn now(&self) -> Timestamp {
        self.0.execution.now()
    }

    pub(super) fn execution(&self) -> &Arc<Execution> {
        &self.0.execution
    }

    pub(super) fn key(&self) -> &Key {
        &self.0.key
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.execution.is_stopping()
    }

    /// Bytes of text that this step had said when a crash cut it off in the middle, if one did and what it took is not
    /// in the log. Says so once: whoever asks counts it.
    pub fn take_lost_text(&self) -> Option<usize> {
        self.0.execution.state().history.lost.remove(&self.0.key)
    }

    /// What the binary wired in, by its type.
    pub fn resource<T: Send + Sync + 'static>(&self) -> FlowResult<Arc<T>> {
        find_resource(&self.0.execution)
    }

    fn voice(&self) -> Voice<'_> {
        self.report();
        Voice::of_step(&self.0.execution, &self.0.key, self.0.attempt)
    }

    fn report(&self) {
        let now = self.0.execution.now().as_millis().max(0).cast_unsigned();
        self.0.reported.store(now, Ordering::Relaxed);
    }

    /// Returns when nothing was reported for this long.
    pub(crate) async fn stalled(&self, stall: Duration) {
        loop {
            let reported = i64::try_from(self.0.reported.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
            let until = Timestamp::from_millis(reported) + stall;
            if self.0.execution.now() >= until {
                return;
            }
            self.0.execution.engine.clock.sleep_until(until).await;
        }
    }
}
